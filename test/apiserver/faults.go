// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// faults is what the server does wrong at the moment. Guarded by Server.mu.
type faults struct {
	watchList     bool
	bookmarkEvery time.Duration
	delay         time.Duration
	drop          int
	failLists     int
	frozen        bool           // watches to come; those open have a flag of their own
	denied        map[string]int // status by resource
}

func newFaults() faults {
	return faults{watchList: true, bookmarkEvery: time.Minute, denied: map[string]int{}}
}

// setFaults changes the faults and lets requests under way notice.
func (s *Server) setFaults(change func(*faults)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.faults)
	s.broadcast()
}

// SetWatchList turns the WatchList feature on, which is the default, or off. Without it a watch with
// sendInitialEvents is refused with status 422, as by a server that has the feature disabled.
func (s *Server) SetWatchList(on bool) { s.setFaults(func(f *faults) { f.watchList = on }) }

// BookmarkEvery sets the time between bookmarks of a watch, open ones included; 0 is never. The default is a
// minute. The bookmark at the end of the initial events always comes.
func (s *Server) BookmarkEvery(d time.Duration) { s.setFaults(func(f *faults) { f.bookmarkEvery = d }) }

// Delay makes every response, errors too, begin d after its request. It is also for requests that wait
// already, so with Delay(0) those are answered.
func (s *Server) Delay(d time.Duration) { s.setFaults(func(f *faults) { f.delay = d }) }

// Deny answers requests for the resource, such as "services", with a status of 400 or more; 0 allows them
// again. Open watches stay, as they do when a role is removed. With 429 the response has Retry-After, which
// makes client-go try again up to ten times, a second apart, before it reports an error.
func (s *Server) Deny(resource string, status int) {
	s.setFaults(func(f *faults) {
		if f.denied[resource] = status; status == 0 {
			delete(f.denied, resource)
		}
	})
}

// FailLists answers the next n lists, not watches, of any resource with status 500.
func (s *Server) FailLists(n int) { s.setFaults(func(f *faults) { f.failLists = n }) }

// DropEvents loses the next n events for everyone, as ApplyQuietly loses its own.
func (s *Server) DropEvents(n int) { s.setFaults(func(f *faults) { f.drop = n }) }

// Compact forgets the past. A watch from any resourceVersion handed out before and the next page of any list
// get 410 Expired. Open watches go on and do not notice.
func (s *Server) Compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	// As if something else had been written: else a client that is up to date would not be too old.
	s.rv++
	for _, c := range s.collections {
		c.history.forget(s.rv)
	}
	s.broadcast()
}

// Rewind sets the resourceVersion back to rv, as when etcd is restored from a backup: the changes to come get
// versions that were given before. The objects stay as they are; what is to be missing is deleted before, with
// DeleteQuietly. Watches that are open, or begin later, at a version that is not reached again are silent until
// it is, as those of the real server are.
func (s *Server) Rewind(rv uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rv = rv
	for _, c := range s.collections {
		c.history.forget(rv)
		c.past = past{}
	}
	s.broadcast()
}

// Freeze makes all watches, open ones and those to come, silent until Thaw: connections stay open, not even
// a bookmark, an error or the end of the response is sent. No change made after Freeze is seen by a watch.
// Lists go on.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.frozen = true
	s.freezeOpen()
}

// FreezeOpen is Freeze for the watches that are open now and no others: a client that gives up on a silent
// watch can open a new one.
func (s *Server) FreezeOpen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.freezeOpen()
}

func (s *Server) freezeOpen() {
	for w := range s.watches {
		w.frozen = true
	}
	s.broadcast()
}

// Thaw ends Freeze and FreezeOpen. What happened meanwhile is sent.
func (s *Server) Thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.frozen = false
	for w := range s.watches {
		w.frozen = false
	}
	s.broadcast()
}

// DisconnectWatches breaks the connections of all open watches, frozen ones too.
func (s *Server) DisconnectWatches() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watches {
		w.broken = true
	}
	s.broadcast()
}

// pause waits as long as Delay says, or until ctx is done.
func (s *Server) pause(ctx context.Context) {
	begin := time.Now()
	for ctx.Err() == nil {
		s.mu.Lock()
		left, changed := s.faults.delay-time.Since(begin), s.changed
		s.mu.Unlock()
		if left <= 0 {
			return
		}
		sleep(ctx, left, changed)
	}
}

// sleep returns after d, when wake is closed, or when ctx is done.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}

// refusal returns the error that the faults have for a request, or nil.
func (s *Server) refusal(verb string, q *query) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status, ok := s.faults.denied[q.in.Resource]; ok {
		return denial(status, verb, q)
	}
	if verb == VerbList && s.faults.failLists > 0 {
		s.faults.failLists--
		return denial(http.StatusInternalServerError, verb, q)
	}
	return nil
}

func denial(status int, verb string, q *query) error {
	after := 0
	if status == http.StatusTooManyRequests {
		after = 1
	}
	const why = "denied by the test"
	return apierrors.NewGenericServerResponse(status, verb, q.in.groupResource(), q.name, why, after, true)
}
