// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package watch keeps an index in step with a Kubernetes API server.
//
// A [Store] is one index and the watches that feed it. There is one per
// process for the same cluster, credentials and selectors: server blocks share
// it, and a reload of the Corefile hands it on.
package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// A Config says what to watch, and how.
type Config struct {
	// REST is the connection to the API server. Its QPS and Burst are not used: see Limits.
	REST *rest.Config
	// Limits of the requests to the API server.
	Limits Limits
	// Labels selects Services, EndpointSlices and Pods; NamespaceLabels selects
	// Namespaces. Both are label selectors in text form; empty selects all.
	Labels, NamespaceLabels string
	// StaleAfter is how long a kind may not be known to be in step with the API
	// server before it is stale. A watch that is silent for so long is begun
	// again. 0 is for ever.
	StaleAfter time.Duration
	// Audit is about how often everything is compared with what the API server has; 0 is never.
	Audit time.Duration
	// Keep is what is kept beyond what every answer needs.
	Keep object.Keep
	// Hooks are told what happens. The first lease of a store decides whose.
	Hooks Hooks
}

// Hooks are called by the goroutines that watch. They must be safe for
// concurrent use and return quickly. All may be nil.
type Hooks struct {
	// Failed is called when a kind can no longer be listed or watched, once for each new reason.
	Failed func(store string, k object.Kind, err error)
	// Recovered is called when it can again.
	Recovered func(store string, k object.Kind)
	// Programmed is called with the time from the change of a Pod or Service,
	// as the endpoints controller wrote it down, until it is in the index.
	Programmed func(headless bool, d time.Duration)
	// Request is called after each request to the API server. code is an HTTP
	// status, or "<error>".
	Request func(method, host, code string, d time.Duration)
}

// A Store is an index and the watches that feed it. All methods are safe for
// concurrent use.
type Store struct {
	name   string
	cfg    Config
	client *client
	index  *index.Index
	// object.Kinds that are complete, those of which too little was heard, and those
	// that the API server refuses to tell.
	synced, stale, refused atomic.Uint32
	moving                 *moving // of the goroutine that watches EndpointSlices

	mu       sync.Mutex
	watchers [object.NumKinds]*watcher
	leases   [object.NumKinds]int
	gens     [object.NumKinds]atomic.Uint32 // of the last list that was begun
	keepers  int                            // leases that want the history of the index
	shown    map[string]string              // how each zone is served
}

// A Lease is one user's hold on a store.
type Lease struct {
	*Store
	key   string
	kinds object.Kinds
	keeps bool // the history of the index
	once  sync.Once
	ended atomic.Bool
}

// stores are all stores of the process, by key.
var stores = struct {
	sync.Mutex
	byKey map[string]*held
}{byKey: make(map[string]*held)}

type held struct {
	*Store
	leases int
}

// Acquire returns the store for cfg, fed with at least kinds. It is made if
// there is none. It does not wait for the API server. The caller must Release.
func Acquire(cfg Config, kinds object.Kinds) (*Lease, error) {
	stores.Lock()
	defer stores.Unlock()
	key := cfg.key()
	h, ok := stores.byKey[key]
	if !ok {
		s, err := newStore(cfg)
		if err != nil {
			return nil, fmt.Errorf("making a client for %s: %w", cfg.REST.Host, err)
		}
		h = &held{Store: s}
		stores.byKey[key] = h
	}
	h.leases++
	h.start(kinds)
	return &Lease{Store: h.Store, key: key, kinds: kinds}, nil
}

// Release ends the hold. The last one that is released stops the store. More
// than one call does nothing.
func (l *Lease) Release() {
	l.once.Do(func() {
		l.ended.Store(true)
		stores.Lock()
		defer stores.Unlock()
		l.stop(l.kinds)
		if l.keeps {
			l.keepHistory(-1)
		}
		h := stores.byKey[l.key]
		if h.leases--; h.leases == 0 {
			delete(stores.byKey, l.key)
			l.client.close()
		}
	})
}

// KeepHistory has the index keep its changes as long as the lease is held, or
// another one that did so. It must be called once at most, before Release.
func (l *Lease) KeepHistory() {
	l.keeps = true
	l.keepHistory(1)
}

func (s *Store) keepHistory(more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepers += more
	s.index.KeepHistory(s.keepers > 0)
}

// Present says how each of zones is served. If one was served in another way
// before, it is another zone now without any change of an object, and the serial
// rises.
func (s *Store) Present(zones map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	other := false
	for zone, how := range zones {
		before, served := s.shown[zone]
		other = other || served && before != how
	}
	if s.shown == nil {
		s.shown = make(map[string]string)
	}
	maps.Copy(s.shown, zones)
	if !other {
		return
	}
	var version uint64
	for _, w := range s.watchers {
		if w != nil {
			version = max(version, w.stats.version.Load())
		}
	}
	s.index.Restate(version)
}

// Released reports whether Release was called.
func (l *Lease) Released() bool { return l.ended.Load() }

// All returns every store of the process, ordered by name.
func All() []*Store {
	stores.Lock()
	defer stores.Unlock()
	all := make([]*Store, 0, len(stores.byKey))
	for _, h := range stores.byKey {
		all = append(all, h.Store)
	}
	slices.SortFunc(all, func(a, b *Store) int { return strings.Compare(a.name, b.name) })
	return all
}

func newStore(cfg Config) (*Store, error) {
	c, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	return &Store{name: uniqueName(cfg), cfg: cfg, client: c, index: index.New()}, nil
}

// Name tells the store from the others of the process: the API server's host and the selectors.
func (s *Store) Name() string { return s.name }

// Index returns the index that the store feeds. It is valid as long as the lease.
func (s *Store) Index() *index.Index { return s.index }

// Synced returns the kinds that are complete: everything that the API server
// had when it was asked is in the index. A kind stays synced when the API
// server goes away.
func (s *Store) Synced() object.Kinds { return object.Kinds(s.synced.Load()) }

// Stale returns the kinds of which nothing was heard for longer than
// Config.StaleAfter. What the index has of them is answered as before.
func (s *Store) Stale() object.Kinds { return object.Kinds(s.stale.Load()) }

// Refused returns the kinds that the API server does not let us read, of those
// that can be done without, and that were never read.
func (s *Store) Refused() object.Kinds { return object.Kinds(s.refused.Load()) }

// Wait waits until kinds are synced, or refused, or ctx ends.
func (s *Store) Wait(ctx context.Context, kinds object.Kinds) error {
	var err error
	kinds.Each(func(k object.Kind) {
		w := s.watcher(k)
		if w == nil || err != nil {
			return
		}
		select {
		case <-w.answered:
		case <-ctx.Done():
			err = fmt.Errorf("waiting for %s: %w", k, ctx.Err())
		}
	})
	return err
}

func (s *Store) watcher(k object.Kind) *watcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watchers[k]
}

// start makes sure that kinds are watched.
func (s *Store) start(kinds object.Kinds) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kinds.Each(func(k object.Kind) {
		if s.leases[k]++; s.leases[k] == 1 {
			s.watchers[k] = startWatcher(s, k)
		}
	})
}

// stop ends the watches of kinds that nobody else holds, and forgets what they brought.
func (s *Store) stop(kinds object.Kinds) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kinds.Each(func(k object.Kind) {
		if s.leases[k]--; s.leases[k] > 0 {
			return
		}
		s.watchers[k].stop()
		s.watchers[k] = nil
		s.set(&s.synced, k, false)
		s.set(&s.refused, k, false)
		x, as := s.place(k)
		x.Hide(as) // nobody asks for it any more
		x.Sweep(as, s.gens[k].Add(1))
	})
}

// set puts k into kinds, or takes it out.
func (s *Store) set(kinds *atomic.Uint32, k object.Kind, in bool) {
	if in {
		kinds.Or(uint32(object.Set(k)))
	} else {
		kinds.And(^uint32(object.Set(k)))
	}
}
