// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// bookmarkPatience is how long a watch may say nothing if the API server sends
// bookmarks, which it does about every minute. A variable for tests.
var bookmarkPatience = 75 * time.Second

// errSilent says that a watch said nothing for too long, though that may be
// because nothing happened: another one is to go on where it was.
var errSilent = errors.New("the watch was silent")

// errStalled says that a watch said nothing for too long, not even what it
// always says: events may be lost.
var errStalled = errors.New("the API server stopped talking, not even bookmarks came: everything is read again")

// errBackwards says that the API server knows of less than it did before.
var errBackwards = errors.New("the API server went back to an older state, as when etcd is restored from a backup: everything is read again")

// epoch is the origin of time in this process: durations since then are monotonic.
var epoch = time.Now()

// An instant is an atomic time on the monotonic clock; its zero value is no time.
type instant struct{ atomic.Int64 }

func (i *instant) now() { i.Store(int64(time.Since(epoch)) + 1) }

// time returns the time, or the zero time if there is none.
func (i *instant) time() time.Time {
	if t := i.Load(); t != 0 {
		return epoch.Add(time.Duration(t - 1))
	}
	return time.Time{}
}

// A pulse tells whether a kind is stale: whether it was out of step with the
// API server, or not known to be in step, for longer than Config.StaleAfter.
type pulse struct {
	s    *Store
	kind object.Kind
	last instant // when it was last known to be in step

	stale atomic.Bool
	mu    sync.Mutex // guards what follows, and changes of stale to false
	timer *time.Timer
}

// start begins to count. With StaleAfter 0 nothing is ever stale.
func (p *pulse) start(s *Store, k object.Kind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.s, p.kind = s, k
	p.last.now()
	if after := s.cfg.StaleAfter; after > 0 {
		p.timer = time.AfterFunc(after, p.look)
	}
}

// beat says that the kind is in step now.
func (p *pulse) beat() {
	p.last.now()
	if p.stale.Load() {
		p.revive()
	}
}

func (p *pulse) revive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil && p.stale.Load() {
		p.stale.Store(false)
		p.s.set(&p.s.stale, p.kind, false)
		p.timer.Reset(p.s.cfg.StaleAfter)
	}
}

// look marks the kind as stale if it is.
func (p *pulse) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil {
		return
	}
	p.stale.Store(true) // first: a beat from here on revives it
	if left := time.Until(p.last.time().Add(p.s.cfg.StaleAfter)); left > 0 {
		p.stale.Store(false)
		p.timer.Reset(left)
		return
	}
	p.s.set(&p.s.stale, p.kind, true)
}

// stop ends the counting: what is not watched is not stale.
func (p *pulse) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	p.stale.Store(false)
	p.s.set(&p.s.stale, p.kind, false)
}

// An ear listens to one watch for silence.
type ear struct {
	began time.Time
	limit time.Duration
	timer *time.Timer // nil if silence is no matter
	c     <-chan time.Time
}

// listen begins to listen. A watch is given up between 65 and 90 % of StaleAfter,
// so that most often it is healed before an answer is stale, and so that
// replicas do not all ask at once.
func (w *watcher) listen() ear {
	after := w.s.cfg.StaleAfter
	if after <= 0 {
		return ear{}
	}
	e := ear{began: time.Now(), limit: after*9/10 - rand.N(after/4)}
	e.timer = time.NewTimer(e.limit)
	e.c = e.timer.C
	return e
}

func (e ear) close() {
	if e.timer != nil {
		e.timer.Stop()
	}
}

// silent is called when the timer of e has ended. It returns an error if the
// watch was silent all the time.
//
// If bookmarks were to come, what should have come with them may be lost, and
// nothing short of a list makes up for it. Else, with an API server that sends
// none or if StaleAfter is too short for them, silence is in order, and a watch
// that begins where this one ends shows that the API server is there: that
// costs one request and no list.
func (w *watcher) silent(e ear) error {
	limit, listing := e.limit, w.version == ""
	if listing { // it may take the API server a while to begin
		limit = max(limit, listTimeout)
	}
	silence := min(time.Since(e.began), time.Since(w.stats.lastEvent.time()))
	if left := limit - silence; left > 0 {
		e.timer.Reset(min(left, e.limit))
		return nil
	}
	w.stats.silent.Add(1)
	if listing || w.bookmarks && silence > bookmarkPatience {
		return errStalled
	}
	return errSilent
}

// backwards returns an error if version, the next of a watch, is older than the one before.
func (w *watcher) backwards(version string) error {
	// One that is no number is opaque: it cannot be told.
	if next, err := strconv.ParseUint(version, 10, 64); err == nil && next < w.stats.version.Load() {
		return w.wentBack(next)
	}
	return nil
}

// wentBack counts that the API server says version after it said more.
func (w *watcher) wentBack(version uint64) error {
	w.stats.backwards.Add(1)
	return fmt.Errorf("%w (resourceVersion %d after %d)", errBackwards, version, w.stats.version.Swap(version))
}
