// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package apiserver serves Kubernetes objects over HTTP with the list and watch semantics of a real API server.
//
// It exists for what a real one refuses or cannot do fast: malformed objects, random sets of objects, lost
// events, watches that fall silent. It is for reading only and has no authentication; a test changes its
// state through the methods of Server.
//
// What it does follows k8s.io/apiserver with its watch cache: consistent pages, WatchList, bookmarks,
// selectors in watches, protobuf and JSON, metadata only. It differs where that helps a test: bookmarks come
// even if nothing changed, as in a cluster where something always changes; a resourceVersion from the future
// is refused at once and not after three seconds; protobuf and JSON are its only encodings, and it never
// compresses.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is an API server on this machine. Make one with New. All methods may be called at any time from any
// goroutine.
type Server struct {
	address     string
	historySize int

	// life serialises Start and Stop.
	life sync.Mutex
	run  *run // nil while stopped; guarded by life

	mu          sync.Mutex // guards all below
	rv          uint64
	collections []*collection
	faults      faults
	stats       stats
	watches     map[*session]struct{}
	changed     chan struct{} // closed and replaced at every change of anything here
}

// Option changes how New makes a Server.
type Option func(*Server)

// WithAddress makes the server listen on a given host:port instead of a free port of 127.0.0.1.
func WithAddress(hostport string) Option { return func(s *Server) { s.address = hostport } }

// WithHistory sets how many events of each kind are kept for watches that start from an older
// resourceVersion. The default is 10,000.
func WithHistory(events int) Option { return func(s *Server) { s.historySize = events } }

// WithKind serves one more kind. See also AddKind.
func WithKind(k Kind) Option {
	return func(s *Server) { s.collections = append(s.collections, newCollection(k)) }
}

// New starts a server that holds no objects. Like net/http/httptest it panics if it cannot listen.
// The caller must call Close.
func New(options ...Option) *Server {
	s := &Server{
		historySize: 10_000,
		rv:          1, // a real list never carries 0
		faults:      newFaults(),
		stats:       newStats(),
		watches:     map[*session]struct{}{},
		changed:     make(chan struct{}),
	}
	for _, k := range Kinds() {
		s.collections = append(s.collections, newCollection(k))
	}
	for _, o := range options {
		o(s)
	}
	s.Start()
	return s
}

// AddKind serves one more kind from now on, as if its CustomResourceDefinition had just been installed.
// Until then its URLs answer 404.
func (s *Server) AddKind(k Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.collections = append(s.collections, newCollection(k))
	s.broadcast()
}

// URL returns the base address, http://host:port. It stays the same over Stop and Start.
func (s *Server) URL() string {
	s.life.Lock()
	defer s.life.Unlock()
	return "http://" + s.address
}

// Close stops the server for good: no connection, no goroutine and no handler of it is left.
func (s *Server) Close() { s.Stop() }

// Stop refuses and breaks all connections, as when the process was killed. The objects, the history and the
// faults stay. It returns when no request is being handled; stopping twice is fine.
func (s *Server) Stop() {
	s.life.Lock()
	defer s.life.Unlock()
	if s.run == nil {
		return
	}
	s.run.stop()
	s.run = nil
}

// Start listens again on the same address after Stop. It panics if another process took the port and keeps
// it; starting twice is fine.
func (s *Server) Start() {
	s.life.Lock()
	defer s.life.Unlock()
	if s.run != nil {
		return
	}
	listener, err := listen(s.address)
	if err != nil {
		panic(fmt.Sprintf("apiserver: %v", err))
	}
	s.address = listener.Addr().String()
	s.run = newRun(s, listener)
}

// Restart is Stop, Compact and Start: the watch history is lost, so clients have to list again.
func (s *Server) Restart() {
	s.Stop()
	s.Compact()
	s.Start()
}

// broadcast wakes whoever waits for a change. The caller holds mu.
func (s *Server) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Await returns nil as soon as cond is true, which it looks at whenever something happened in the server: a
// change of objects or faults, a request that came in or was answered, a watch that began or ended. It returns
// the error of ctx if that is done first. cond may call methods of s.
func (s *Server) Await(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// run is the time between a Start and a Stop.
type run struct {
	http   *http.Server
	ctx    context.Context // of every request
	cancel context.CancelFunc
	served chan struct{}

	mu      sync.Mutex
	stopped bool
	active  sync.WaitGroup // handlers; nothing is added once stopped
}

func newRun(s *Server, listener net.Listener) *run {
	r := &run{served: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.http = &http.Server{
		Handler:     r.guard(s.handle),
		BaseContext: func(net.Listener) context.Context { return r.ctx },
	}
	go func() {
		defer close(r.served)
		if err := r.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(fmt.Sprintf("apiserver: %v", err))
		}
	}()
	return r
}

func (r *run) stop() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	_ = r.http.Close() // breaks connections too; its error is one of closing the listener, which is gone then
	r.cancel()         // only now: a request that stops waiting must find its connection closed
	<-r.served
	r.active.Wait()
}

// guard hands requests to next and breaks those that slip in while the run stops: net/http may accept a
// connection and miss it in Close.
func (r *run) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		if r.stopped {
			r.mu.Unlock()
			panic(http.ErrAbortHandler)
		}
		r.active.Add(1)
		r.mu.Unlock()
		defer r.active.Done()
		next(w, req)
	}
}

// listen listens on address, or on a free port of 127.0.0.1 if it is empty. That port lies below the range
// from which systems take the ports of outgoing connections: one of those could otherwise take it between Stop
// and Start.
func listen(address string) (net.Listener, error) {
	const low, high = 20_000, 32_000
	var err error
	for range 100 {
		try := address
		if address == "" {
			try = fmt.Sprintf("127.0.0.1:%d", low+rand.IntN(high-low))
		}
		var l net.Listener
		if l, err = net.Listen("tcp", try); err == nil {
			return l, nil
		}
		if address != "" {
			time.Sleep(10 * time.Millisecond) // another test may have been looking for a free port
		}
	}
	return nil, err
}
