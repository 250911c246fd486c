// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

const (
	// pageSize is the number of objects that a list holds in memory at once.
	pageSize = 500
	// listTimeout bounds one page.
	listTimeout = time.Minute
	// A watch is ended by the API server after a random time in this range, so
	// that watches spread over several API servers.
	minWatch, maxWatch = 5 * time.Minute, 10 * time.Minute
	// A watch that lasted less than this is not begun again at once.
	shortWatch = time.Second
	// absentRetry is the longest wait for a kind that the API server does not
	// have yet: asking costs it nothing, and who installs it waits for its names.
	absentRetry = 5 * time.Second
)

// newBackoff is the wait between failures.
func newBackoff() wait.Backoff {
	return wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 10, Cap: 15 * time.Second}
}

// A watcher keeps one kind of a store in step. It reads everything once, by a
// watch that begins with a list (KEP-3157) or page by page, and follows the
// changes. What it reads goes straight into the live index, marked with a
// generation; when a list is complete, what has an older mark is removed. So a
// second list needs no second copy, and no record is missing meanwhile.
type watcher struct {
	s      *Store
	kind   object.Kind
	index  *index.Index // that it is brought into
	as     object.Kind  // that it is there
	r      resource
	cancel context.CancelFunc
	done   chan struct{}

	answered   chan struct{} // closed when the first list is complete, or an optional kind cannot be listed
	answerOnce sync.Once
	syncOnce   sync.Once

	reading  bool      // a list
	gen      uint32    // of the list that is being read, or was read last
	version  string    // resourceVersion to watch from; "" needs a list
	pageOnly bool      // the API server cannot begin a watch with a list
	failure  string    // what was last reported
	settled  time.Time // when the index was last in step: a list was complete, or a watch went on

	bookmarks bool // the API server has sent one that was not the end of a list
	pulse     pulse
	audit     audit
	moving    *moving // nil if the kind is not EndpointSlices

	stats stats
}

type stats struct {
	lastEvent  instant
	version    atomic.Uint64
	lists      atomic.Int64
	reconnects atomic.Int64
	silent     atomic.Int64
	backwards  atomic.Int64
	audits     atomic.Int64
	healed     atomic.Int64
	verified   instant

	mu      sync.Mutex
	skipped map[object.Skip]int64
}

func startWatcher(s *Store, k object.Kind) *watcher {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watcher{
		s: s, kind: k, r: resources[k], cancel: cancel,
		done: make(chan struct{}), answered: make(chan struct{}),
	}
	w.stats.skipped = make(map[object.Skip]int64)
	w.index, w.as = s.place(k)
	if k == object.EndpointSlices {
		w.moving = newMoving(s.index)
		s.moving = w.moving
	}
	w.pulse.start(s, k)
	w.audit.plan(w, s.cfg.Audit)
	w.index.Hide(w.as)
	go w.run(ctx)
	return w
}

// stop ends the watcher and waits until it no longer touches the index.
func (w *watcher) stop() {
	w.cancel()
	<-w.done
	w.pulse.stop()
}

// errRelist says that the changes since version are lost.
var errRelist = errors.New("resourceVersion is too old")

func (w *watcher) run(ctx context.Context) {
	defer close(w.done)
	backoff := newBackoff()
	for ctx.Err() == nil {
		began := time.Now()
		err := w.step(ctx)
		if ctx.Err() != nil {
			return
		}
		if w.steady(began) {
			backoff = newBackoff()
		}
		if untrue(err) {
			w.version = ""
		}
		wait := backoff.Step()
		switch {
		case errors.Is(err, errSilent), err == nil && time.Since(began) >= shortWatch:
			continue // the API server ended a watch, or we did: begin the next one at once
		case w.r.optional && Absent(err):
			w.failed(err)
			w.absent()
			wait = min(wait, absentRetry)
		case err != nil && !errors.Is(err, errRelist):
			w.failed(err)
		}
		sleep(ctx, max(wait, retryAfter(err)))
	}
}

// untrue reports whether err says that the index cannot be brought in step by
// further changes.
func untrue(err error) bool {
	for _, e := range []error{errRelist, errStalled, errBackwards, errDiffers} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// step does one request, or one list of several pages. It returns nil when a
// watch ended in good order.
func (w *watcher) step(ctx context.Context) error {
	defer w.stopReading() // if it failed
	switch {
	case w.version != "":
		w.stats.reconnects.Add(1)
		return w.watch(ctx, metav1.ListOptions{ResourceVersion: w.version})
	case !w.pageOnly:
		err := w.watchList(ctx)
		if unsupported(err) {
			w.pageOnly = true
			return w.listAndWatch(ctx)
		}
		return err
	}
	return w.listAndWatch(ctx)
}

// watchList reads everything and follows the changes in one request.
func (w *watcher) watchList(ctx context.Context) error {
	w.beginList()
	yes := true
	return w.watch(ctx, metav1.ListOptions{
		SendInitialEvents:    &yes,
		ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
	})
}

// unsupported reports whether err is how API servers without WatchList refuse it.
func unsupported(err error) bool { return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) }

// listAndWatch reads everything page by page, then follows the changes.
func (w *watcher) listAndWatch(ctx context.Context) error {
	w.beginList()
	version, err := w.list(ctx)
	if apierrors.IsResourceExpired(err) {
		return errRelist // while we were paging
	}
	if err != nil {
		return err
	}
	w.endList(version)
	return w.watch(ctx, metav1.ListOptions{ResourceVersion: w.version})
}

func (w *watcher) list(ctx context.Context) (version string, err error) {
	opts := metav1.ListOptions{Limit: pageSize}
	for {
		list, err := w.page(ctx, opts)
		if err != nil {
			return "", err
		}
		m, err := meta.ListAccessor(list)
		if err != nil {
			return "", err
		}
		w.stats.lastEvent.now()
		if err := meta.EachListItem(list, func(o runtime.Object) error { w.set(o, false); return nil }); err != nil {
			return "", err
		}
		w.moving.expire(time.Now())
		if opts.Continue = m.GetContinue(); opts.Continue == "" {
			return m.GetResourceVersion(), nil
		}
	}
}

func (w *watcher) page(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list := w.r.list(w.s.cfg)
	w.selectors(&opts)
	err := w.r.client(w.s.client).Get().Resource(w.kind.Plural()).VersionedParams(&opts, parameters).Do(ctx).Into(list)
	return list, err
}

// watch follows the changes until the API server ends the watch.
func (w *watcher) watch(ctx context.Context, opts metav1.ListOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seconds := int64((minWatch + rand.N(maxWatch-minWatch)).Seconds())
	opts.Watch, opts.AllowWatchBookmarks, opts.TimeoutSeconds = true, true, &seconds
	w.selectors(&opts)
	events, err := w.r.client(w.s.client).Get().Resource(w.kind.Plural()).VersionedParams(&opts, parameters).Watch(ctx)
	if err != nil {
		return expired(err)
	}
	defer events.Stop()
	if w.version != "" {
		w.settled = time.Now()
		w.pulse.beat()
		w.recovered()
	}
	return w.follow(ctx, events.ResultChan())
}

// follow brings events into the index, and sees to what is due meanwhile. ctx
// ends with the watch.
func (w *watcher) follow(ctx context.Context, events <-chan watch.Event) error {
	silence := w.listen()
	defer silence.close()
	w.audit.begin()
	defer w.audit.end()
	var moves alarm
	defer moves.stop()
	defer w.moving.flush() // nobody would see to them while there is no watch
	for {
		moves.set(w.moving.due())
		var err error
		select {
		case event, open := <-events:
			if !open {
				return nil
			}
			err = w.event(ctx, event)
		case <-silence.c:
			err = w.silent(silence)
		case <-moves.c:
			moves.rang()
			w.moving.expire(time.Now())
		case <-w.audit.due():
			err = w.audit.proceed(ctx)
		case found := <-w.audit.found:
			err = w.audit.read(ctx, found)
		}
		if err != nil {
			return err
		}
	}
}

func (w *watcher) selectors(opts *metav1.ListOptions) {
	opts.LabelSelector, opts.FieldSelector = w.r.labels(w.s.cfg), w.r.fields
}

// event brings one event into the index.
func (w *watcher) event(ctx context.Context, e watch.Event) error {
	if e.Type == watch.Error {
		return expired(apierrors.FromObject(e.Object))
	}
	w.stats.lastEvent.now()
	m, err := meta.Accessor(e.Object)
	switch {
	case err != nil:
		return fmt.Errorf("reading a %s event of %s: %w", e.Type, w.kind, err)
	case e.Type == watch.Bookmark && m.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true":
		w.endList(m.GetResourceVersion())
		return nil
	case w.version == "": // a list is not complete yet
		w.apply(e, false)
		return nil
	}
	if err := w.backwards(m.GetResourceVersion()); err != nil {
		return err
	}
	w.apply(e, true)
	w.setVersion(m.GetResourceVersion())
	w.pulse.beat()
	return w.audit.heard(ctx)
}

// apply does what e says; live is false while a list is read.
func (w *watcher) apply(e watch.Event, live bool) {
	switch e.Type {
	case watch.Added, watch.Modified:
		w.set(e.Object, live)
	case watch.Deleted:
		w.remove(e.Object)
	case watch.Bookmark:
		w.bookmarks = true
	case watch.Error:
	}
}

// beginList begins a new generation.
func (w *watcher) beginList() {
	w.stopReading() // a list that was refused
	w.reading = true
	beginReading()
	w.gen = w.s.gens[w.kind].Add(1)
	w.audit.relist()
	w.moving.relist()
}

// stopReading reports whether this ended the last list that was being read in this process.
func (w *watcher) stopReading() (last bool) {
	if !w.reading {
		return false
	}
	w.reading = false
	return endReading()
}

// endList removes what the list did not have. The first time it makes the kind synced.
func (w *watcher) endList(version string) {
	w.stats.lists.Add(1)
	w.moving.flush()
	w.index.Sweep(w.as, w.gen)
	if err := w.backwards(version); err != nil {
		w.failed(err)
	}
	w.setVersion(version)
	w.settled = time.Now()
	w.stats.verified.now()
	w.pulse.beat()
	w.recovered()
	if w.stopReading() {
		go debug.FreeOSMemory() // collects first: nobody should wait for that
	}
	w.complete()
}

// complete says that the index holds all that there is of the kind.
func (w *watcher) complete() {
	w.syncOnce.Do(func() {
		w.index.Show(w.as)
		w.index.Raise(w.stats.version.Load())
		w.s.set(&w.s.synced, w.kind, true)
	})
	w.s.set(&w.s.refused, w.kind, false)
	w.answer()
}

// answer ends the wait of whoever waits for the first list.
func (w *watcher) answer() { w.answerOnce.Do(func() { close(w.answered) }) }

// absent is told that the API server has no such kind, and so no such object.
func (w *watcher) absent() {
	w.version = ""
	w.gen = w.s.gens[w.kind].Add(1)
	w.index.Sweep(w.as, w.gen)
	w.complete()
}

// refuse is told that the API server does not let us read the kind. What was
// read before stays.
func (w *watcher) refuse() {
	if w.s.Synced().Has(object.Set(w.kind)) {
		return
	}
	w.s.set(&w.s.refused, w.kind, true)
	w.answer()
}

// set brings o into the index and counts what of it cannot be served.
func (w *watcher) set(o runtime.Object, live bool) {
	w.guard(o, func() []object.Skip { return w.r.set(w.s, o, w.gen, live) })
	w.audit.applied(o)
}

// remove takes o out of the index.
func (w *watcher) remove(o runtime.Object) {
	w.guard(o, func() []object.Skip { w.r.remove(w.s, o); return nil })
	w.audit.removed(o)
}

// guard keeps an object that we did not foresee from taking DNS down.
func (w *watcher) guard(o runtime.Object, f func() []object.Skip) {
	var skipped []object.Skip
	defer func() {
		if p := recover(); p != nil {
			skipped = append(skipped, skipPanic)
			w.failed(fmt.Errorf("BUG: reading a %T: %v", o, p))
		}
		w.skip(skipped)
	}()
	skipped = f()
}

const skipPanic object.Skip = "panic"

func (w *watcher) skip(skipped []object.Skip) {
	if len(skipped) == 0 {
		return
	}
	w.stats.mu.Lock()
	defer w.stats.mu.Unlock()
	for _, reason := range skipped {
		w.stats.skipped[reason]++
	}
}

// steady reports whether a step that began then went well for a while after what
// it had to read: reading everything again and again is no good order.
func (w *watcher) steady(began time.Time) bool {
	if w.settled.Before(began) {
		return false
	}
	return !w.stats.lastEvent.time().Before(began) && time.Since(w.settled) >= shortWatch
}

func (w *watcher) setVersion(version string) {
	w.version = version
	if v, err := strconv.ParseUint(version, 10, 64); err == nil { // else it is opaque, and only for display here
		w.stats.version.Store(v)
	}
}

func (w *watcher) failed(err error) {
	if w.r.optional && Denied(err) {
		w.refuse()
	}
	err = plain(err)
	if w.failure == err.Error() {
		return
	}
	w.failure = err.Error()
	if f := w.s.cfg.Hooks.Failed; f != nil {
		f(w.s.name, w.kind, err)
	}
}

// plain returns err without what is another one each time, the URL and the port
// that it was met at: the same failure is to read the same.
func plain(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	if o := (*net.OpError)(nil); errors.As(err, &o) {
		return fmt.Errorf("%s %s %v: %w", o.Op, o.Net, o.Addr, o.Err)
	}
	return err
}

func (w *watcher) recovered() {
	if w.failure == "" {
		return
	}
	w.failure = ""
	if f := w.s.cfg.Hooks.Recovered; f != nil {
		f(w.s.name, w.kind)
	}
}

// expired turns the ways to say that a resourceVersion is too old into [errRelist].
func expired(err error) error {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return errRelist
	}
	return err
}

// Denied reports whether err says that the API server does not let us.
func Denied(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

// Absent reports whether err says that the API server has no such kind.
func Absent(err error) bool { return apierrors.IsNotFound(err) }

// retryAfter is how long the API server asked to be left alone.
func retryAfter(err error) time.Duration {
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		return time.Duration(seconds) * time.Second
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
