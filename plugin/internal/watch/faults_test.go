// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// The API server forgets the state that the pages are of, before the last of
// them: the list begins anew, and ends complete.
func TestExpiredWhilePaging(t *testing.T) {
	s := newServer(t)
	s.SetWatchList(false)
	const n = 2*watch.PageSize + 1
	s.Apply(manyNamespaces(n)...)

	var once sync.Once
	cfg := config(s)
	cfg.REST.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper{next, func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("continue") != "" {
				once.Do(func() {
					s.Delete(namespace("n0")) // was on the first page
					s.Apply(namespace("added"))
					s.Compact()
				})
			}
			return next.RoundTrip(r)
		}}
	})
	l := synced(t, cfg, object.Set(object.Namespaces))
	if got, want := s.Count(apiserver.VerbList, "namespaces"), 2+3; got != want {
		t.Errorf("requests: got %d, want %d: two of the list that failed, three of the other", got, want)
	}
	if got := l.Index().Objects(object.Namespaces); got != n {
		t.Errorf("objects: got %d, want %d", got, n)
	}
	for name, want := range map[string]bool{"n0": false, "n1": true, "n" + strconv.Itoa(n-1): true, "added": true} {
		if _, got := l.Index().Namespace(name); got != want {
			t.Errorf("namespace %s: got %v, want %v", name, got, want)
		}
	}
}

// The watch is too old: everything is read again, what is gone meanwhile is
// removed, and what stayed is answered all the time.
func TestExpiredWatch(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, verb string) {
		s.Apply(cluster()...)
		s.Apply(service("goes"), slice("goes", endpoints("10.1.0.7")), namespace("goes"), pod("goes", "10.1.0.8"))
		l := synced(t, config(s), all)
		ended := watchStays(t, l)

		s.Stop()
		s.Delete(service("goes"), slice("goes"), namespace("goes"), pod("goes", ""))
		s.Apply(service("comes"), slice("comes", endpoints("10.1.0.9")), namespace("comes"), pod("comes", "10.1.0.10"))
		s.Compact()
		s.ResetStats()
		s.Delay(50 * time.Millisecond) // for the readers to look at what lies between
		s.Start()
		all.Each(func(k object.Kind) { told(t, l, k, s.ResourceVersion()) })

		ended()
		all.Each(func(k object.Kind) {
			if got := stats(t, l, k).Lists; got < 2 {
				t.Errorf("lists of %s: got %d, want 2", k, got)
			}
			if got := s.Count(verb, k.String()); got != 1 {
				t.Errorf("%s of %s after the watch expired: got %d, want 1", verb, k, got)
			}
		})
		x := l.Index()
		for name, want := range map[string]bool{"goes": false, "comes": true} {
			if _, got := x.Namespace(name); got != want {
				t.Errorf("namespace %s: got %v, want %v", name, got, want)
			}
			if got := x.Service("default", name) != nil; got != want {
				t.Errorf("Service %s: got %v, want %v", name, got, want)
			}
		}
		for a, want := range map[string]bool{"10.1.0.7": false, "10.1.0.9": true} {
			if got := owned(x, a); got != want {
				t.Errorf("endpoint %s: got %v, want %v", a, got, want)
			}
		}
		for a, want := range map[string]bool{"10.1.0.8": false, "10.1.0.10": true} {
			if got := x.HasPod("default", addr(a)); got != want {
				t.Errorf("Pod %s: got %v, want %v", a, got, want)
			}
		}
		if got := l.Synced(); got != all {
			t.Errorf("synced: got %b, want %b", got, all)
		}
	})
}

// watchStays looks at the objects of [cluster] all the time until the function
// that it returns is called: none may be missing for a moment.
func watchStays(t *testing.T, l *watch.Lease) (end func()) {
	t.Helper()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		x := l.Index()
		for looks := 0; ; looks++ {
			_, ns := x.Namespace("default")
			s := x.Service("default", "web")
			switch {
			case !ns:
				t.Errorf("look %d: the namespace is missing", looks)
			case s == nil || !s.ClusterIPs.Contains(addr("10.0.0.1")):
				t.Errorf("look %d: the Service is %+v", looks, s)
			case len(s.Groups) != 1:
				t.Errorf("look %d: the Service has %d groups of endpoints, want 1", looks, len(s.Groups))
			case !owned(x, "10.1.0.1") || !owned(x, "10.0.0.1"):
				t.Errorf("look %d: an address is missing", looks)
			case !x.HasPod("default", addr("10.1.0.1")):
				t.Errorf("look %d: the Pod is missing", looks)
			case l.Synced() != all:
				t.Errorf("look %d: synced is %b", looks, l.Synced())
			default:
				select {
				case <-stop:
					return
				default:
					continue
				}
			}
			return
		}
	})
	end = sync.OnceFunc(func() { close(stop); wg.Wait() })
	t.Cleanup(end)
	return end
}

// A connection breaks: the watch goes on from where it was, without a list.
func TestBrokenConnection(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, verb string) {
		s.Apply(cluster()...)
		l := synced(t, config(s), all)
		ended := watchStays(t, l)
		watched := func() bool {
			open := true
			all.Each(func(k object.Kind) { open = open && s.OpenWatches(k.String()) == 1 })
			return open
		}
		eventually(t, "everything is watched", watched)
		for round, outage := range []func(change func()){
			func(change func()) { s.DisconnectWatches(); change() },
			func(change func()) { s.Stop(); change(); s.Start() },
		} {
			s.ResetStats()
			outage(func() { s.Apply(service("round"+strconv.Itoa(round)), namespace("round"+strconv.Itoa(round))) })
			eventually(t, "the change is seen", func() bool {
				_, ok := l.Index().Namespace("round" + strconv.Itoa(round))
				return ok && l.Index().Service("default", "round"+strconv.Itoa(round)) != nil
			})
			eventually(t, "everything is watched again", watched)
			all.Each(func(k object.Kind) {
				if got := s.Count(verb, k.String()); got != 0 {
					t.Errorf("round %d: %s of %s: got %d, want 0", round, verb, k, got)
				}
				if got := stats(t, l, k).Reconnects; got < int64(round)+1 {
					t.Errorf("round %d: reconnects of %s: got %d, want at least %d", round, k, got, round+1)
				}
			})
		}
		ended()
	})
}

// A bookmark is as good as an event to go on from: without it the watch of a
// kind that never changes would be too old after every interruption.
func TestBookmarks(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, verb string) {
		s.BookmarkEvery(5 * time.Millisecond)
		s.Apply(cluster()...)
		l := synced(t, config(s), basic)
		s.Apply(pod("other", "10.1.0.2")) // which nobody watches
		serial := l.Index().Serial()
		basic.Each(func(k object.Kind) { told(t, l, k, s.ResourceVersion()) })
		if got := l.Index().Serial(); got != serial {
			t.Errorf("serial after bookmarks: got %d, want %d", got, serial)
		}
		s.ResetStats()
		s.DisconnectWatches()
		eventually(t, "watched again", func() bool { return s.Count(apiserver.VerbWatch, "services") == 1 })
		told(t, l, object.Services, s.Apply(service("more")))
		if got := s.Count(verb, "services"); got != 0 {
			t.Errorf("%s: got %d, want 0", verb, got)
		}
	}, apiserver.WithHistory(1))
}

// The API server refuses: that is told once, waited for without haste, and
// gone when it no longer does. Other kinds do not suffer.
func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		status int
		denied bool
		// told is false where client-go itself tries again for ten seconds before it tells us.
		told bool
	}{
		{http.StatusUnauthorized, true, true},
		{http.StatusForbidden, true, true},
		{http.StatusTooManyRequests, false, false},
		{http.StatusInternalServerError, false, true},
		{http.StatusServiceUnavailable, false, true},
	} {
		t.Run(strconv.Itoa(tc.status), func(t *testing.T) {
			inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
				s.Apply(cluster()...)
				s.Deny("services", tc.status)
				var j journal
				cfg := config(s)
				cfg.Hooks = j.hooks()
				l := acquire(t, cfg, all)
				awaitSync(t, l, all&^services)
				if tc.told {
					eventually(t, "the refusal is told", func() bool { return j.has("failed services") })
					if got := watch.Denied(j.firstError()); got != tc.denied {
						t.Errorf("Denied(%v): got %v, want %v", j.firstError(), got, tc.denied)
					}
				}
				eventually(t, "asked again", func() bool { return requests(s, "services") >= 2 })
				if got := l.Synced(); got.Has(services) {
					t.Errorf("synced while refused: got %b", got)
				}

				s.Deny("services", 0)
				awaitSync(t, l, all)
				becomes(t, l, "default/web")
				eventually(t, "the recovery is told", func() bool { return j.has("recovered services") == tc.told })
				want := []string{"failed services", "recovered services"}
				if got := j.all(); tc.told && !slices.Equal(got, want) {
					t.Errorf("told: got %v, want %v", got, want)
				}
			})
		})
	}
}

// One reason is told once, however often it is met: an API server that is away
// for an hour must not fill the log.
func TestFailureIsToldOnce(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Apply(service("web"))
		var j journal
		var failures atomic.Int64
		cfg := config(s)
		cfg.Hooks = j.hooks()
		cfg.Hooks.Request = func(_, _, code string, _ time.Duration) {
			if code == "<error>" {
				failures.Add(1)
			}
		}
		l := synced(t, cfg, services)
		s.Stop()
		eventually(t, "it was tried some times", func() bool { return failures.Load() >= 3 })
		if got, want := j.all(), []string{"failed services"}; !slices.Equal(got, want) {
			t.Errorf("told: got %v, want %v", got, want)
		}
		s.Start()
		eventually(t, "the recovery is told", func() bool { return j.has("recovered services") })
		told(t, l, object.Services, s.Apply(service("more")))
	})
}

// Rights that are taken away later change no answer: the watch that is open
// stays, and when it ends the records stay.
func TestRefusedLater(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Apply(cluster()...)
		var j journal
		cfg := config(s)
		cfg.Hooks = j.hooks()
		l := synced(t, cfg, all)
		eventually(t, "watched", func() bool { return s.OpenWatches("services") == 1 })
		ended := watchStays(t, l)
		s.Deny("services", http.StatusForbidden)
		told(t, l, object.Services, s.Apply(service("seen")))
		s.DisconnectWatches()
		eventually(t, "the refusal is told", func() bool { return j.has("failed services") })
		rv := s.Apply(service("later"))
		s.Deny("services", 0)
		told(t, l, object.Services, rv)
		becomes(t, l, "default/later", "default/seen", "default/web")
		ended()
	})
}

// A server that answers nothing but errors is not asked without end.
func TestNoBusyLoop(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Deny("services", http.StatusInternalServerError)
		acquire(t, config(s), services)
		began := time.Now()
		eventually(t, "a second went by", func() bool { return time.Since(began) > time.Second })
		// The waits are 200 ms or more, doubled each time.
		if got := requests(s, "services"); got > 8 {
			t.Errorf("requests in a second: got %d, want at most 8", got)
		}
	})
}

// A stream that breaks at once, again and again, is not begun anew without a pause either.
func TestWatchesThatEndAtOnce(t *testing.T) {
	s := newServer(t)
	s.Apply(service("web"))
	l := synced(t, config(s), services)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				s.DisconnectWatches()
			}
		}
	})
	s.ResetStats()
	began := time.Now()
	eventually(t, "a second went by", func() bool { return time.Since(began) > time.Second })
	close(stop)
	wg.Wait()
	if got := requests(s, "services"); got > 8 {
		t.Errorf("requests in a second: got %d, want at most 8", got)
	}
	eventually(t, "watched again", func() bool { return s.OpenWatches("services") == 1 })
	told(t, l, object.Services, s.Apply(service("more")))
}

// An API server that forgets faster than we read is not read without end: each
// reading costs it, and us, the whole cluster.
func TestReadingAgainIsNotBegunInHaste(t *testing.T) {
	s := newServer(t)
	s.SetWatchList(false)
	s.Apply(service("web"))
	var forgetful atomic.Bool
	forgetful.Store(true)
	cfg := config(s)
	cfg.REST.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper{next, func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("watch") != "" && forgetful.Load() {
				s.Compact()
			}
			return next.RoundTrip(r)
		}}
	})
	l := synced(t, cfg, services)
	began := time.Now()
	eventually(t, "three seconds went by", func() bool { return time.Since(began) > 3*time.Second })
	// After waits of 200, 400, 800 and 1600 ms or more.
	if got := s.Count(apiserver.VerbList, "services"); got > 6 {
		t.Errorf("lists in three seconds: got %d, want at most 6", got)
	}
	forgetful.Store(false)
	told(t, l, object.Services, s.Apply(service("more")))
}

const garbage = "\x00\x00\x00\x07garbage" // an event that cannot be decoded

// An error in the middle of a stream that is no reason to read everything again
// is told, and the watch goes on.
func TestErrorEvent(t *testing.T) {
	s := newServer(t)
	s.Apply(service("web"))
	var j journal
	cfg := config(s)
	cfg.Hooks = j.hooks()
	var once sync.Once
	cfg.REST.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper{next, func(r *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(r)
			if err == nil && r.URL.Query().Get("sendInitialEvents") == "" {
				once.Do(func() { resp.Body.Close(); resp.Body = io.NopCloser(strings.NewReader(garbage)) })
			}
			return resp, err
		}}
	})
	l := synced(t, cfg, services)
	s.DisconnectWatches()
	eventually(t, "the error is told", func() bool { return j.has("failed services") })
	told(t, l, object.Services, s.Apply(service("more")))
	if got := stats(t, l, object.Services).Lists; got != 1 {
		t.Errorf("lists: got %d, want 1", got)
	}
	var status apierrors.APIStatus
	if err := j.firstError(); !errors.As(err, &status) || !strings.Contains(err.Error(), "decode") {
		t.Errorf("told: got %v, want that it cannot be decoded", err)
	}
}

// The waits between failures begin anew after a time when all was well, also if
// that time ended with an error: an outage of last week makes no change late today.
func TestWaitsBeginAnew(t *testing.T) {
	s := newServer(t)
	s.Apply(service("web"))
	var j journal
	var asked, broken atomic.Int64
	cfg := config(s)
	cfg.Hooks = j.hooks()
	breaks := make(chan struct{})
	cfg.REST.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper{next, func(r *http.Request) (*http.Response, error) {
			if asked.Add(1) <= 4 {
				return nil, errors.New("there is no network") // 200, 400, 800, 1600 ms
			}
			resp, err := next.RoundTrip(r)
			if err == nil && broken.Add(1) == 1 {
				resp.Body = &breaking{resp.Body, breaks}
			}
			return resp, err
		}}
	})
	l := synced(t, cfg, services)
	began := time.Now()
	eventually(t, "all is well for a while", func() bool { return time.Since(began) > 1500*time.Millisecond })
	close(breaks)
	s.Apply(service("noise")) // wakes the reader
	rv := s.Apply(service("more"))
	began = time.Now()
	told(t, l, object.Services, rv)
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("a change was seen after %s, want some 200 ms", took)
	}
}

// A breaking is a stream that goes on with garbage once end is closed.
type breaking struct {
	io.ReadCloser
	end chan struct{}
}

// Read implements [io.Reader].
func (b *breaking) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	select {
	case <-b.end:
		return copy(p, garbage), nil
	default:
		return n, err
	}
}
