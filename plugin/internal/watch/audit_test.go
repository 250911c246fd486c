// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// audited is config with Audit.
func audited(s *apiserver.Server, every time.Duration) watch.Config {
	cfg := config(s)
	cfg.Audit = every
	return cfg
}

// audits waits until n more audits of each kind have ended.
func audits(t *testing.T, l *watch.Lease, n int64) {
	t.Helper()
	want := make(map[object.Kind]int64)
	for _, st := range l.Stats() {
		want[st.Kind] = st.Audits + n
	}
	eventually(t, fmt.Sprintf("%d audits", n), func() bool {
		for _, st := range l.Stats() {
			if st.Audits < want[st.Kind] {
				return false
			}
		}
		return true
	})
}

// Events are lost, of each kind and of each sort. The next audit finds it, and
// everything is as the API server has it.
func TestAuditHealsLostEvents(t *testing.T) {
	is := map[object.Kind]func(l *watch.Lease) string{
		object.Namespaces: func(l *watch.Lease) string {
			var got []string
			for _, name := range []string{"default", "lost", "gone"} {
				if _, ok := l.Index().Namespace(name); ok {
					got = append(got, name)
				}
			}
			return strings.Join(got, " ")
		},
		object.Services: func(l *watch.Lease) string { return strings.Join(names(l), " ") },
		object.EndpointSlices: func(l *watch.Lease) string {
			return fmt.Sprint(owned(l.Index(), "10.1.0.1"), owned(l.Index(), "10.1.0.2"), owned(l.Index(), "10.1.0.3"))
		},
		object.Pods: func(l *watch.Lease) string {
			x := l.Index()
			return fmt.Sprint(x.HasPod("default", addr("10.1.0.1")), x.HasPod("default", addr("10.1.0.2")), x.HasPod("default", addr("10.1.0.3")))
		},
	}
	for _, tc := range []struct {
		kind         object.Kind
		made, wanted runtime.Object // one is there from the start, the other not
		gone         runtime.Object
		before, want string
	}{
		{object.Namespaces, nil, namespace("lost"), namespace("gone"), "default gone", "default lost"},
		{object.Services, service("changes"), service("changes", func(s *corev1.Service) { s.Name = "changes"; s.Spec = corev1.ServiceSpec{ClusterIP: "10.0.0.9"} }), service("gone"), "default/changes default/gone default/web", "default/changes default/web"},
		{object.EndpointSlices, nil, slice("web", endpoints("10.1.0.2")), slice("gone", endpoints("10.1.0.3")), "true false true", "false true false"},
		{object.Pods, nil, pod("lost", "10.1.0.2"), pod("gone", "10.1.0.3"), "true false true", "true true false"},
	} {
		t.Run(tc.kind.String(), func(t *testing.T) {
			inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
				s.BookmarkEvery(5 * time.Millisecond)
				s.Apply(cluster()...)
				s.Apply(tc.gone)
				if tc.made != nil {
					s.Apply(tc.made)
				}
				var j journal
				cfg := audited(s, 50*time.Millisecond)
				cfg.Hooks = j.hooks()
				l := synced(t, cfg, all)
				if got := is[tc.kind](l); got != tc.before {
					t.Fatalf("before: got %s, want %s", got, tc.before)
				}
				s.ApplyQuietly(tc.wanted)
				s.DeleteQuietly(tc.gone)
				eventually(t, "it is healed", func() bool { return is[tc.kind](l) == tc.want })
				audits(t, l, 2)
				for _, st := range l.Stats() {
					healed, lists := int64(0), int64(1)
					if st.Kind == tc.kind {
						healed, lists = 2, 2
					}
					if st.Healed != healed || st.Lists != lists {
						t.Errorf("%s: got %d objects healed and %d lists, want %d and %d", st.Kind, st.Healed, st.Lists, healed, lists)
					}
				}
				if err := j.firstError(); err == nil || !strings.Contains(err.Error(), "an audit found") || !strings.Contains(err.Error(), "2 objects") {
					t.Errorf("told: got %v, want that an audit found 2 objects", err)
				}
			})
		})
	}
}

// A healthy cluster, however much changes in it, and whatever it has that is not
// answered, shows no difference and is not read again.
func TestAuditOfAHealthyCluster(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, verb string) {
		s.BookmarkEvery(3 * time.Millisecond)
		s.Apply(cluster()...)
		for i := range 30 {
			s.Apply(anyObject(rand.New(rand.NewPCG(uint64(i), 1))))
		}
		cfg := audited(s, 20*time.Millisecond)
		cfg.Labels = "team!=other"
		l := synced(t, cfg, all)
		s.ResetStats()
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, 2))
			tick := time.NewTicker(300 * time.Microsecond) // faster than that, the watch never catches up
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				if o := anyObject(r); r.IntN(3) == 0 {
					s.Delete(o)
				} else {
					s.Apply(o)
				}
			}
		})
		end := sync.OnceFunc(func() { close(stop); wg.Wait() })
		t.Cleanup(end)
		audits(t, l, 15)
		end()
		audits(t, l, 3)
		for _, st := range l.Stats() {
			if st.Healed != 0 || st.Lists != 1 || st.Verified.IsZero() {
				t.Errorf("%s: got %d objects healed and %d lists, last verified at %s, want 0 and 1", st.Kind, st.Healed, st.Lists, st.Verified)
			}
		}
		for r, n := range s.Requests() {
			if r.Verb == apiserver.VerbList && (!r.Metadata || r.ContentType != runtime.ContentTypeProtobuf) || r.Verb == verb && !r.Metadata {
				t.Errorf("%d requests %+v, want only lists of the metadata, in protobuf", n, r)
			}
		}
	})
}

// anyObject returns an object of a kind, a name and a state of those there are.
// Some cannot be answered, some have labels that are not selected.
func anyObject(r *rand.Rand) runtime.Object {
	name := fmt.Sprint("any-", r.IntN(12))
	ip := fmt.Sprint("10.2.0.", r.IntN(20))
	var labels map[string]string
	if r.IntN(4) == 0 {
		labels = map[string]string{"team": "other"}
	}
	switch r.IntN(8) {
	case 0:
		return namespace(name)
	case 1:
		return service(name, clusterIP(ip), func(s *corev1.Service) { s.Labels = labels })
	case 2:
		return service(strings.ToUpper(name), func(s *corev1.Service) { s.Name = name + ".not-a-label"; s.Labels = labels })
	case 3:
		if r.IntN(2) == 0 {
			return part(name, ip) // one of several of the Service: what it loses stays for a moment
		}
		return slice(name, endpoints(ip))
	case 4:
		return slice(name, func(s *discoveryv1.EndpointSlice) { s.Labels = labels }) // of no Service
	case 5:
		return slice(name, func(s *discoveryv1.EndpointSlice) { s.AddressType = discoveryv1.AddressTypeFQDN })
	case 6:
		return pod(name, ip, func(p *corev1.Pod) {
			p.Labels = labels
			p.Status.Phase = []corev1.PodPhase{corev1.PodRunning, corev1.PodPending, corev1.PodSucceeded, corev1.PodUnknown}[r.IntN(4)]
			if r.IntN(5) == 0 {
				p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
			}
		})
	}
	return pod(name, "", func(p *corev1.Pod) { p.Status.PodIPs = nil }) // has no address yet
}

// What the first look finds and the second does not is no difference: here the
// API server itself is late.
func TestAuditLooksTwice(t *testing.T) {
	s := newServer(t)
	s.BookmarkEvery(5 * time.Millisecond)
	s.Apply(cluster()...)
	var looks atomic.Int64
	cfg := audited(s, 20*time.Millisecond)
	cfg.REST.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper{next, func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadataList") {
				switch looks.Add(1) {
				case 1:
					s.ApplyQuietly(service("late"))
				case 2:
					s.DeleteQuietly(service("late"))
				}
			}
			return next.RoundTrip(r)
		}}
	})
	l := synced(t, cfg, services)
	audits(t, l, 2)
	if st := stats(t, l, object.Services); st.Healed != 0 || st.Lists != 1 {
		t.Errorf("got %d objects healed and %d lists, want 0 and 1", st.Healed, st.Lists)
	}
	if got := looks.Load(); got < 3 {
		t.Errorf("looks of two audits: got %d, want at least 3", got)
	}
}

// Audits take pages, and many objects that are lost at once are one list.
func TestAuditOfManyPages(t *testing.T) {
	s := newServer(t)
	s.BookmarkEvery(5 * time.Millisecond)
	const n = 2*watch.PageSize + 7
	l := synced(t, audited(s, 50*time.Millisecond), object.Set(object.Namespaces))
	s.ApplyQuietly(manyNamespaces(n)...)
	eventually(t, "all are there", func() bool { return l.Index().Objects(object.Namespaces) == n })
	if st := stats(t, l, object.Namespaces); st.Healed != n || st.Lists != 2 {
		t.Errorf("got %d objects healed in %d lists, want %d in 2", st.Healed, st.Lists, n)
	}
}

// An API server that does not know the version that we have come to is one that
// went back.
func TestAuditFindsThatItWentBack(t *testing.T) {
	s := newServer(t)
	s.BookmarkEvery(0)
	s.Apply(service("web"), service("gone"))
	old := s.ResourceVersion()
	l := synced(t, audited(s, time.Second), services)
	told(t, l, object.Services, s.Apply(service("web")))
	s.DeleteQuietly(service("gone"))
	s.Rewind(old)
	becomes(t, l, "default/web")
	if st := stats(t, l, object.Services); st.Backwards != 1 || st.Healed != 0 {
		t.Errorf("got %d times backwards and %d objects healed, want 1 and 0", st.Backwards, st.Healed)
	}
}

// Lists that are refused, or given late, are nobody's difference; a store that
// ends does not wait for them.
func TestAuditFails(t *testing.T) {
	s := newServer(t)
	s.BookmarkEvery(5 * time.Millisecond)
	s.Apply(cluster()...)
	l := synced(t, audited(s, 10*time.Millisecond), all)
	s.ResetStats()
	s.FailLists(20)
	eventually(t, "lists were refused", func() bool { return s.Count(apiserver.VerbList, "services") >= 3 })
	audits(t, l, 1)
	s.Delay(time.Hour)
	asked := s.Count(apiserver.VerbList, "services")
	eventually(t, "a list is waited for", func() bool { return s.Count(apiserver.VerbList, "services") > asked })
	for _, st := range l.Stats() {
		if st.Healed != 0 || st.Lists != 1 {
			t.Errorf("%s: got %d objects healed and %d lists, want 0 and 1", st.Kind, st.Healed, st.Lists)
		}
	}
	l.Release()
}

// accepting changes what cfg accepts from its API server.
func accepting(cfg watch.Config, types string) {
	cfg.REST.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper{next, func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadataList") {
				r = r.Clone(r.Context())
				r.Header.Set("Accept", types)
			}
			return next.RoundTrip(r)
		}}
	})
}

// An API server, or a proxy before it, may speak JSON only.
func TestAuditInJSON(t *testing.T) {
	s := newServer(t)
	s.BookmarkEvery(5 * time.Millisecond)
	s.Apply(cluster()...)
	cfg := audited(s, 20*time.Millisecond)
	accepting(cfg, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
	l := synced(t, cfg, all)
	audits(t, l, 2)
	s.ApplyQuietly(service("lost"))
	becomes(t, l, "default/lost", "default/web")
	if got := stats(t, l, object.Services).Healed; got != 1 {
		t.Errorf("healed: got %d, want 1", got)
	}
}

// An API server that does not know what metadata only is answers with complete
// objects: that is no difference.
func TestAuditWithoutMetadata(t *testing.T) {
	for _, types := range []string{runtime.ContentTypeJSON, runtime.ContentTypeProtobuf} {
		t.Run(types, func(t *testing.T) {
			s := newServer(t)
			s.BookmarkEvery(5 * time.Millisecond)
			s.Apply(cluster()...)
			cfg := audited(s, 10*time.Millisecond)
			accepting(cfg, types)
			l := synced(t, cfg, all)
			s.ResetStats()
			eventually(t, "lists were asked for", func() bool { return s.Count(apiserver.VerbList, "pods") >= 4 })
			for _, st := range l.Stats() {
				if st.Healed != 0 || st.Lists != 1 {
					t.Errorf("%s: got %d objects healed and %d lists, want 0 and 1", st.Kind, st.Healed, st.Lists)
				}
			}
		})
	}
}
