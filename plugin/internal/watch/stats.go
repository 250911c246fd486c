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
	LastEvent  time.Time // of the last event, bookmark or page; zero if there was none
	Version    uint64    // resourceVersion of the last event or bookmark
	Lists      int64     // how often everything was read
	Reconnects int64     // how often a watch was begun without a list
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
	x, as := w.s.place(k)
	st := Stats{
		Kind:       k,
		Synced:     w.s.Synced().Has(object.Set(k)),
		Objects:    x.Objects(as),
		Version:    w.stats.version.Load(),
		Lists:      w.stats.lists.Load(),
		Reconnects: w.stats.reconnects.Load(),
	}
	if t := w.stats.lastEvent.Load(); t != 0 {
		st.LastEvent = time.Unix(0, t)
	}
	w.stats.mu.Lock()
	defer w.stats.mu.Unlock()
	st.Skipped = maps.Clone(w.stats.skipped)
	return st
}
