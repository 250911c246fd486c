// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// session is one open watch.
type session struct {
	*query
	srv      *Server
	out      http.ResponseWriter
	deadline time.Time // zero if the client gave none

	// Only the goroutine of the request uses these.
	initial  []*entry // still to be sent as ADDED
	endMark  bool     // send a bookmark that says that the initial objects are complete
	at       *event   // the last event taken from the history
	since    uint64   // nothing up to here is of interest
	failure  error    // to be sent as ERROR, then the watch ends
	lastMark time.Time

	frozen bool // guarded by srv.mu, as is broken
	broken bool
}

// errBroken ends a session without an end of the response.
var errBroken = fmt.Errorf("watch broken by the test")

// serveWatch streams events until the client, the timeout or a fault ends it.
func (s *Server) serveWatch(w http.ResponseWriter, r *http.Request, q *query) error {
	rv, err := q.resourceVersion()
	if err != nil {
		return err
	}
	sess := s.open(w, q, rv)
	defer s.close(sess)
	s.respond()
	w.Header().Set("Content-Type", q.encoding.streamType())
	w.WriteHeader(http.StatusOK)
	if err := http.NewResponseController(w).Flush(); err != nil {
		return nil
	}
	if err := sess.stream(r.Context()); err != nil {
		panic(http.ErrAbortHandler) // closes the connection
	}
	return nil
}

// open registers a watch and decides where it begins.
func (s *Server) open(w http.ResponseWriter, q *query, rv uint64) *session {
	now := time.Now()
	sess := &session{query: q, srv: s, out: w, lastMark: now}
	if t := q.options.TimeoutSeconds; t != nil && *t > 0 {
		sess.deadline = now.Add(time.Duration(*t) * time.Second)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sess.begin(rv)
	sess.frozen = s.faults.frozen
	s.watches[sess] = struct{}{}
	s.broadcast()
	return sess
}

func (s *Server) close(sess *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watches, sess)
	s.broadcast()
}

// begin decides what is sent first. Like in the real server's watch cache, errors found here are events and
// not responses. The caller holds srv.mu.
func (sess *session) begin(rv uint64) {
	s, c, send := sess.srv, sess.in, sess.options.SendInitialEvents
	sess.at, sess.since = c.history.latest, s.rv
	switch {
	case send != nil && *send:
		if rv > s.rv {
			sess.failure = tooLarge(rv, s.rv)
			return
		}
		sess.initial, sess.endMark = c.list(), sess.options.AllowWatchBookmarks
	case rv == 0 && send == nil:
		sess.initial = c.list()
	case rv == 0:
		// from now on
	default:
		// A resourceVersion from the future is not an error: the real server says nothing until it is reached.
		at, ok := c.history.after(rv)
		if !ok {
			sess.failure = apierrors.NewResourceExpired(
				fmt.Sprintf("too old resource version: %d (%d)", rv, c.history.floor()))
			return
		}
		sess.at, sess.since = at, rv
	}
}

// stream sends what there is to send and waits for more. Its error means to break the connection.
func (sess *session) stream(ctx context.Context) error {
	for ctx.Err() == nil {
		st, err := sess.next(time.Now())
		if err != nil {
			return err
		}
		if err := sess.send(st); err != nil {
			return err
		}
		if st.last {
			return nil
		}
		if st.idle > 0 {
			sleep(ctx, st.idle, st.changed)
		}
	}
	return nil
}

// step is what a session does next.
type step struct {
	initial []*entry
	events  []*event
	mark    *entry // a bookmark to send
	failure error  // an ERROR to send
	last    bool   // then end
	idle    time.Duration
	changed <-chan struct{}
}

const (
	// batch bounds how much is sent before the session looks at the faults again.
	batch = 256
	// forever is how long a session sleeps that waits for nothing but a change.
	forever = time.Hour
)

// next takes the next step from the state of the server.
func (sess *session) next(now time.Time) (step, error) {
	s := sess.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	st := step{changed: s.changed}
	switch {
	case sess.broken:
		return st, errBroken
	case sess.frozen:
		st.idle = forever
	case sess.failure != nil:
		st.failure, st.last = sess.failure, true
	case !sess.deadline.IsZero() && !now.Before(sess.deadline):
		st.last = true
	case len(sess.initial) > 0:
		n := min(batch, len(sess.initial))
		st.initial, sess.initial = sess.initial[:n], sess.initial[n:]
	case sess.endMark:
		// Before events: it stands for the state that was listed, and they come after that.
		sess.endMark = false
		st.mark = sess.bookmark(sess.since, metav1.InitialEventsAnnotationKey)
		sess.lastMark = now
	case sess.at.next != nil:
		for sess.at.next != nil && len(st.events) < batch {
			sess.at = sess.at.next
			st.events = append(st.events, sess.at)
		}
	default:
		sess.rest(&st, now)
	}
	return st, nil
}

// rest is the step of a session that has sent all there is: a bookmark if one is due, else sleep.
func (sess *session) rest(st *step, now time.Time) {
	s := sess.srv
	st.idle = forever
	if !sess.deadline.IsZero() {
		st.idle = sess.deadline.Sub(now)
	}
	every := s.faults.bookmarkEvery
	if !sess.options.AllowWatchBookmarks || every <= 0 || s.rv < sess.since {
		return
	}
	due := sess.lastMark.Add(every)
	// The real server sends one two seconds before the end, for the client to go on from.
	if end := sess.deadline.Add(-2 * time.Second); sess.lastMark.Before(end) && end.Before(due) {
		due = end
	}
	if !now.Before(due) {
		st.mark, st.idle = sess.bookmark(s.rv), 0
		sess.lastMark = now
		return
	}
	st.idle = min(st.idle, due.Sub(now))
}

// bookmark returns an empty object that says that all up to rv was sent.
func (sess *session) bookmark(rv uint64, annotations ...string) *entry {
	e := newEntry(sess.in.Kind, sess.in.empty(), rv)
	for _, a := range annotations {
		e.meta.SetAnnotations(map[string]string{a: "true"})
	}
	return e
}

// send writes one step. A client that is gone is an error too: breaking its connection does no harm.
func (sess *session) send(st step) error {
	for _, e := range st.initial {
		if sess.matches(e) {
			if err := sess.write(watch.Added, e); err != nil {
				return err
			}
		}
	}
	for _, ev := range st.events {
		if t, e := sess.translate(ev); e != nil {
			if err := sess.write(t, e); err != nil {
				return err
			}
		}
	}
	if st.mark != nil {
		if err := sess.write(watch.Bookmark, st.mark); err != nil {
			return err
		}
	}
	if st.failure != nil {
		if err := sess.writeFailure(st.failure); err != nil {
			return err
		}
	}
	return http.NewResponseController(sess.out).Flush()
}

// translate says what an event is to this watch: an object that begins to match the selector is ADDED, one
// that no longer does is DELETED. The entry is nil if the event is not for this watch.
func (sess *session) translate(ev *event) (watch.EventType, *entry) {
	if ev.lost || ev.rv <= sess.since {
		return "", nil
	}
	switch before, after := sess.matches(ev.prev), sess.matches(ev.cur); {
	case after && before:
		return watch.Modified, ev.cur
	case after:
		return watch.Added, ev.cur
	case before:
		return watch.Deleted, ev.last()
	}
	return "", nil
}

// write sends one event. An object that cannot be encoded ends the watch, as in the real server.
func (sess *session) write(t watch.EventType, e *entry) error {
	b, err := e.body(sess.encoding)
	if err != nil {
		return err
	}
	return sess.encoding.wire().event(sess.out, t, b)
}

func (sess *session) writeFailure(failure error) error {
	b, err := statusBody(sess.encoding, statusOf(failure))
	if err != nil {
		return err
	}
	return sess.encoding.wire().event(sess.out, watch.Error, b)
}
