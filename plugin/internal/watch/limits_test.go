// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"math/bits"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// Defect B1 of the kubernetes plugin: apiserver_max_inflight has no effect
// there, because it is set after the client was made.
func TestB1MaxInflight(t *testing.T) {
	for _, tc := range []struct {
		limit, want int
	}{
		{1, 1},
		{2, 2},
		{0, bits.OnesCount8(uint8(all))}, // all kinds at once: else this test would show nothing
	} {
		inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
			s.Delay(100 * time.Millisecond)
			cfg := config(s)
			cfg.Limits.MaxInflight = tc.limit
			synced(t, cfg, all)
			if got := s.MaxConcurrent(); got != tc.want {
				t.Errorf("limit %d: requests at once: got %d, want %d", tc.limit, got, tc.want)
			}
		})
	}
}

// Watches that are open do not count: else the fourth kind would never be watched.
func TestB1MaxInflightLetsWatchesStay(t *testing.T) {
	s := newServer(t)
	cfg := config(s)
	cfg.Limits.MaxInflight = 1
	synced(t, cfg, all)
	all.Each(func(k object.Kind) {
		eventually(t, k.String()+" are watched", func() bool { return s.OpenWatches(k.String()) == 1 })
	})
}

// Defect B1: apiserver_qps and apiserver_burst have no effect there either.
// Bounds are generous: they tell limits from no limits.
func TestB1Rate(t *testing.T) {
	const pages = 10
	for _, tc := range []struct {
		name        string
		limits      watch.Limits
		least, most time.Duration
	}{
		// 1 refused WatchList, 10 pages, 1 watch: 10 waits of 50 ms before the last page.
		{"qps", watch.Limits{QPS: 20, Burst: 1}, 400 * time.Millisecond, patience},
		{"no burst is one", watch.Limits{QPS: 20}, 400 * time.Millisecond, patience},
		// Without the burst it would take 10 seconds.
		{"burst", watch.Limits{QPS: 1, Burst: 20}, 0, 8 * time.Second},
		{"unlimited", watch.Limits{}, 0, 8 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t)
			s.SetWatchList(false)
			s.Apply(manyNamespaces((pages-1)*watch.PageSize + 1)...)
			cfg := config(s)
			cfg.Limits = tc.limits
			began := time.Now()
			synced(t, cfg, object.Set(object.Namespaces))
			if got := time.Since(began); got < tc.least || got > tc.most {
				t.Errorf("%d pages took %s, want %s to %s", pages, got, tc.least, tc.most)
			}
			if got := s.Count(apiserver.VerbList, "namespaces"); got != pages {
				t.Errorf("pages: got %d, want %d", got, pages)
			}
		})
	}
}
