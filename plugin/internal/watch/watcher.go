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

	stats stats
}

type stats struct {
	lastEvent  atomic.Int64 // Unix time in nanoseconds, 0 if there was none
	version    atomic.Uint64
	lists      atomic.Int64
	reconnects atomic.Int64

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
	w.index.Hide(w.as)
	go w.run(ctx)
	return w
}

// stop ends the watcher and waits until it no longer touches the index.
func (w *watcher) stop() {
	w.cancel()
	<-w.done
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
		wait := backoff.Step()
		switch {
		case errors.Is(err, errRelist):
			w.version = ""
		case w.r.optional && Absent(err):
			w.failed(err)
			w.absent()
			wait = min(wait, absentRetry)
		case err != nil:
			w.failed(err)
		case time.Since(began) >= shortWatch:
			continue // the API server ended a watch: begin the next one at once
		}
		sleep(ctx, max(wait, retryAfter(err)))
	}
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
		w.heard()
		if err := meta.EachListItem(list, func(o runtime.Object) error { w.set(o, false); return nil }); err != nil {
			return "", err
		}
		if opts.Continue = m.GetContinue(); opts.Continue == "" {
			return m.GetResourceVersion(), nil
		}
	}
}

func (w *watcher) page(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list := w.r.list()
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
		w.recovered()
	}
	for event := range events.ResultChan() {
		if err := w.event(event); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) selectors(opts *metav1.ListOptions) {
	opts.LabelSelector, opts.FieldSelector = w.r.labels(w.s.cfg), w.r.fields
}

// event brings one event into the index.
func (w *watcher) event(e watch.Event) error {
	if e.Type == watch.Error {
		return expired(apierrors.FromObject(e.Object))
	}
	w.heard()
	switch e.Type {
	case watch.Added, watch.Modified:
		w.set(e.Object, w.version != "")
	case watch.Deleted:
		w.guard(e.Object, func() []object.Skip { w.r.remove(w.s, e.Object); return nil })
	case watch.Bookmark, watch.Error:
	}
	m, err := meta.Accessor(e.Object)
	if err != nil {
		return fmt.Errorf("reading a %s event of %s: %w", e.Type, w.kind, err)
	}
	switch {
	case m.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true" && e.Type == watch.Bookmark:
		w.endList(m.GetResourceVersion())
	case w.version != "":
		w.setVersion(m.GetResourceVersion())
	}
	return nil
}

// beginList begins a new generation.
func (w *watcher) beginList() {
	w.stopReading() // a list that was refused
	w.reading = true
	beginReading()
	w.gen = w.s.gens[w.kind].Add(1)
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
	w.index.Sweep(w.as, w.gen)
	w.setVersion(version)
	w.settled = time.Now()
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

func (w *watcher) heard() { w.stats.lastEvent.Store(time.Now().UnixNano()) }

// steady reports whether a step that began then went well for a while after what
// it had to read: reading everything again and again is no good order.
func (w *watcher) steady(began time.Time) bool {
	if w.settled.Before(began) {
		return false
	}
	return w.stats.lastEvent.Load() >= began.UnixNano() && time.Since(w.settled) >= shortWatch
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
