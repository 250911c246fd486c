// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// heedful is config with StaleAfter.
func heedful(s *apiserver.Server, staleAfter time.Duration) watch.Config {
	cfg := config(s)
	cfg.StaleAfter = staleAfter
	return cfg
}

// bookmarked waits until the API server has sent a bookmark of k that was not
// the end of a list: a change of another kind raises the version.
func bookmarked(t *testing.T, s *apiserver.Server, l *watch.Lease, k object.Kind) {
	t.Helper()
	told(t, l, k, s.Apply(&otherKind))
}

var otherKind = *namespace("of-another-kind")

// A watch is open, nothing comes through it any more, and what should have come
// is lost: since bookmarks did come before, everything is read again.
func TestStalledWatch(t *testing.T) {
	watch.ExpectBookmarks(t, 50*time.Millisecond)
	inModes(t, func(t *testing.T, s *apiserver.Server, verb string) {
		s.BookmarkEvery(5 * time.Millisecond)
		s.Apply(service("web"), service("goes"))
		var j journal
		cfg := heedful(s, 500*time.Millisecond)
		cfg.Hooks = j.hooks()
		l := synced(t, cfg, services)
		bookmarked(t, s, l, object.Services)
		s.ResetStats()
		s.FreezeOpen()
		s.ApplyQuietly(service("lost"))
		s.DeleteQuietly(service("goes"))
		becomes(t, l, "default/lost", "default/web")
		st := stats(t, l, object.Services)
		if st.Silent != 1 || st.Lists != 2 {
			t.Errorf("got %d silent watches and %d lists, want 1 and 2", st.Silent, st.Lists)
		}
		if got := s.Count(verb, "services"); got != 1 {
			t.Errorf("%s: got %d, want 1", verb, got)
		}
		eventually(t, "the recovery is told", func() bool { return j.has("recovered services") })
		if !j.has("failed services") {
			t.Errorf("told: got %v, want that it failed", j.all())
		}
	})
}

// An API server that sends no bookmarks is silent when nothing changes. That is
// no reason to read everything again, nor is what it said stale; but the watch
// is begun anew, so that one that is dead is noticed.
func TestSilenceWithoutBookmarks(t *testing.T) {
	watch.ExpectBookmarks(t, 50*time.Millisecond)
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.BookmarkEvery(0)
		s.Apply(service("web"))
		l := synced(t, heedful(s, time.Second), services)
		eventually(t, "it was begun anew twice", func() bool {
			if got := l.Stale(); got != 0 {
				t.Fatalf("stale: got %b, want none", got)
			}
			return stats(t, l, object.Services).Silent >= 2
		})
		s.FreezeOpen()
		s.Apply(service("more"))
		becomes(t, l, "default/more", "default/web")
		if got := stats(t, l, object.Services).Lists; got != 1 {
			t.Errorf("lists: got %d, want 1", got)
		}
	})
}

// With StaleAfter shorter than the time between bookmarks, silence is no sign of loss.
func TestStaleAfterShorterThanBookmarks(t *testing.T) {
	s := newServer(t)
	s.BookmarkEvery(600 * time.Millisecond)
	s.Apply(service("web"))
	l := synced(t, heedful(s, 200*time.Millisecond), services)
	bookmarks := func() bool { return stats(t, l, object.Services).Version >= s.ResourceVersion() }
	s.Apply(&otherKind)
	// A bookmark never comes: each watch is too short for one.
	eventually(t, "it was begun anew three times", func() bool { return stats(t, l, object.Services).Silent >= 3 })
	if st := stats(t, l, object.Services); st.Lists != 1 || bookmarks() {
		t.Errorf("lists: got %d, want 1 and no bookmark", st.Lists)
	}
}

// StaleAfter 0: silence is listened to for as long as the watch lasts.
func TestSilenceIsNoMatter(t *testing.T) {
	s := newServer(t)
	s.BookmarkEvery(0)
	s.Apply(service("web"))
	l := synced(t, config(s), services)
	s.Stop()
	eventually(t, "it was asked for in vain", func() bool { return stats(t, l, object.Services).Reconnects >= 3 })
	if st := stats(t, l, object.Services); st.Silent != 0 || st.Stale || l.Stale() != 0 {
		t.Errorf("got %+v, want neither silent nor stale", st)
	}
	s.Start()
}

// While the API server is away for long, what it said is stale, kind by kind,
// and it stays synced. As soon as a watch goes on it is not stale.
func TestStale(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.BookmarkEvery(5 * time.Millisecond)
		s.Apply(cluster()...)
		l := synced(t, heedful(s, 300*time.Millisecond), all)
		ended := watchStays(t, l)
		is := func(want object.Kinds) func() bool { return func() bool { return l.Stale() == want } }
		eventually(t, "nothing is stale", is(0))
		s.Deny("services", http.StatusForbidden)
		s.DisconnectWatches()
		eventually(t, "Services are stale", is(services))
		if !stats(t, l, object.Services).Stale || stats(t, l, object.Pods).Stale {
			t.Error("the stats do not say so")
		}
		s.Stop()
		eventually(t, "everything is stale", is(all))
		s.Deny("services", 0)
		s.Start()
		eventually(t, "nothing is stale", is(0))
		ended()
	})
}

// A list that does not end does not make anything fresh.
func TestStaleUntilTheListIsComplete(t *testing.T) {
	s := newServer(t)
	s.BookmarkEvery(5 * time.Millisecond)
	s.SetWatchList(false)
	s.Apply(manyNamespaces(2 * watch.PageSize)...)
	const namespaces = object.Kinds(1 << object.Namespaces)
	cfg := heedful(s, 200*time.Millisecond)
	page := make(chan struct{})
	var held atomic.Bool
	cfg.REST.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper{next, func(r *http.Request) (*http.Response, error) {
			if held.Load() && r.URL.Query().Get("continue") != "" {
				<-page
			}
			return next.RoundTrip(r)
		}}
	})
	l := synced(t, cfg, namespaces)
	s.Stop()
	eventually(t, "it is stale", func() bool { return l.Stale() == namespaces })
	s.Compact()
	held.Store(true)
	s.ResetStats()
	s.Start()
	eventually(t, "a page was read", func() bool { return s.Count(apiserver.VerbList, "namespaces") > 0 })
	if l.Stale() != namespaces {
		t.Error("not stale while a list is read")
	}
	close(page)
	eventually(t, "it is not stale", func() bool { return l.Stale() == 0 })
}

// etcd is restored from a backup: the API server goes back to versions that it
// gave before. Whatever tells of that first, everything is read again.
func TestBackwards(t *testing.T) {
	for name, tell := range map[string]func(s *apiserver.Server){
		"event":    func(s *apiserver.Server) { s.Apply(service("new")) },
		"bookmark": func(s *apiserver.Server) { s.ApplyQuietly(service("new")); s.BookmarkEvery(5 * time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
				s.BookmarkEvery(0)
				s.Apply(service("web"), service("gone"))
				old := s.ResourceVersion()
				l := synced(t, config(s), services)
				for range 5 {
					s.Apply(service("web"))
				}
				told(t, l, object.Services, s.ResourceVersion())
				s.DeleteQuietly(service("gone"))
				s.Rewind(old)
				tell(s)
				becomes(t, l, "default/new", "default/web")
				if st := stats(t, l, object.Services); st.Backwards != 1 || st.Lists != 2 {
					t.Errorf("got %d times backwards and %d lists, want 1 and 2", st.Backwards, st.Lists)
				}
				told(t, l, object.Services, s.Apply(service("web")))
			})
		})
	}
}

// The watch that follows a restored etcd begins at a version that is not reached
// again for long: the API server accepts it and is silent.
func TestBackwardsWhileAway(t *testing.T) {
	watch.ExpectBookmarks(t, 50*time.Millisecond)
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.BookmarkEvery(5 * time.Millisecond)
		s.Apply(service("web"), service("gone"))
		old := s.ResourceVersion()
		l := synced(t, heedful(s, 400*time.Millisecond), services)
		s.Apply(service("web"))
		bookmarked(t, s, l, object.Services)
		s.Stop()
		s.DeleteQuietly(service("gone"))
		s.Rewind(old)
		s.Start()
		becomes(t, l, "default/web")
		if st := stats(t, l, object.Services); st.Backwards != 1 || st.Silent != 1 {
			t.Errorf("got %d times backwards after %d silent watches, want 1 and 1", st.Backwards, st.Silent)
		}
	})
}

// An API server that accepts requests and answers none is told, and left.
func TestNoResponse(t *testing.T) {
	watch.ExpectResponses(t, 100*time.Millisecond)
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Apply(service("web"))
		var j journal
		cfg := config(s)
		cfg.Hooks = j.hooks()
		l := synced(t, cfg, services)
		s.Stop()
		s.Delay(time.Hour)
		s.Start()
		eventually(t, "it is told", func() bool { return j.has("failed services") })
		eventually(t, "it is asked again", func() bool { return requests(s, "services") >= 3 })
		s.Delay(0)
		told(t, l, object.Services, s.Apply(service("more")))
	})
}
