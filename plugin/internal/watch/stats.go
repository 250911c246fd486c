// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"maps"
	"time"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// Stats is the state of the watch of one kind.
type Stats struct {
	Kind       object.Kind
	Synced     bool
	Objects    int
	Stale      bool
	LastEvent  time.Time // of the last event, bookmark or page; zero if there was none
	Verified   time.Time // when a list or an audit last showed that nothing is missing; zero if never
	Version    uint64    // resourceVersion of the last event or bookmark
	Lists      int64     // how often everything was read
	Reconnects int64     // how often a watch was begun without a list
	Silent     int64     // how often a watch was given up because it said nothing
	Backwards  int64     // how often the API server went back to an older state
	Audits     int64     // how often everything was compared
	Healed     int64     // objects that an audit found to be missing, left over or old
	Skipped    map[object.Skip]int64
}

// Stats returns the state of every watch, in the order of the kinds.
func (s *Store) Stats() []Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Stats
	for k, w := range s.watchers {
		if w != nil {
			all = append(all, w.snapshot(object.Kind(k)))
		}
	}
	return all
}

func (w *watcher) snapshot(k object.Kind) Stats {
	st := Stats{
		Kind:       k,
		Synced:     w.s.Synced().Has(object.Set(k)),
		Stale:      w.s.Stale().Has(object.Set(k)),
		LastEvent:  w.stats.lastEvent.time(),
		Verified:   w.stats.verified.time(),
		Objects:    w.index.Objects(w.as),
		Version:    w.stats.version.Load(),
		Lists:      w.stats.lists.Load(),
		Reconnects: w.stats.reconnects.Load(),
		Silent:     w.stats.silent.Load(),
		Backwards:  w.stats.backwards.Load(),
		Audits:     w.stats.audits.Load(),
		Healed:     w.stats.healed.Load(),
	}
	w.stats.mu.Lock()
	defer w.stats.mu.Unlock()
	st.Skipped = maps.Clone(w.stats.skipped)
	return st
}
