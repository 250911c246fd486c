// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// Each kind is read, and its creation, change and deletion are seen.
func TestEachKind(t *testing.T) {
	for _, tc := range []struct {
		kind                    object.Kind
		before, created, edited runtime.Object
		has                     func(l *watch.Lease) [3]bool // before, created, edited
	}{
		{
			kind:   object.Namespaces,
			before: namespace("default"), created: namespace("more"), edited: namespace("more"),
			has: func(l *watch.Lease) [3]bool {
				_, before := l.Index().Namespace("default")
				_, created := l.Index().Namespace("more")
				return [3]bool{before, created, created}
			},
		},
		{
			kind:   object.Services,
			before: service("web"), created: service("more", clusterIP("10.0.0.2")), edited: service("more", clusterIP("10.0.0.3")),
			has: func(l *watch.Lease) [3]bool {
				before, more := l.Index().Service("default", "web"), l.Index().Service("default", "more")
				return [3]bool{
					before != nil,
					more != nil && more.ClusterIPs.Contains(addr("10.0.0.2")),
					more != nil && more.ClusterIPs.Contains(addr("10.0.0.3")),
				}
			},
		},
		{
			kind:   object.EndpointSlices,
			before: slice("web"), created: slice("more", endpoints("10.1.0.2")), edited: slice("more", endpoints("10.1.0.3")),
			has: func(l *watch.Lease) [3]bool {
				owned := func(a string) bool { return owned(l.Index(), a) }
				return [3]bool{owned("10.1.0.1"), owned("10.1.0.2"), owned("10.1.0.3")}
			},
		},
		{
			kind:   object.Pods,
			before: pod("web-1", "10.1.0.1"), created: pod("more", "10.1.0.2"), edited: pod("more", "10.1.0.3"),
			has: func(l *watch.Lease) [3]bool {
				has := func(a string) bool { return l.Index().HasPod("default", addr(a)) }
				return [3]bool{has("10.1.0.1"), has("10.1.0.2"), has("10.1.0.3")}
			},
		},
		{
			kind:   object.Nodes,
			before: node("a", "10.1.1.0/24"), created: node("more", "10.1.2.0/24"), edited: node("more", "10.1.3.0/24"),
			has: func(l *watch.Lease) [3]bool {
				has := func(a string) bool { return l.Index().Client(addr(a)).Node != "" }
				return [3]bool{has("10.1.1.1"), has("10.1.2.1"), has("10.1.3.1")}
			},
		},
	} {
		t.Run(tc.kind.String(), func(t *testing.T) {
			inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
				s.Apply(tc.before)
				l := synced(t, config(s), object.Set(tc.kind))
				same := tc.kind == object.Namespaces // has nothing that could change
				for _, step := range []struct {
					name string
					rv   func() uint64
					want [3]bool
				}{
					{"list", s.ResourceVersion, [3]bool{true, false, false}},
					{"create", func() uint64 { return s.Apply(tc.created) }, [3]bool{true, true, same}},
					{"update", func() uint64 { return s.Apply(tc.edited) }, [3]bool{true, same, true}},
					{"delete", func() uint64 { return s.Delete(tc.edited) }, [3]bool{true, false, false}},
				} {
					told(t, l, tc.kind, step.rv())
					if got := tc.has(l); got != step.want {
						t.Errorf("after %s: got %v, want %v", step.name, got, step.want)
					}
				}
			})
		})
	}
}

// What is kept of Pods is what the configuration says, in a list, in a change,
// and from an API server that speaks JSON.
func TestKeepPods(t *testing.T) {
	labels := map[string]string{"app": "web", corev1.LabelTopologyZone: "Zone-B"}
	web := pod("web-1", "10.1.0.1", func(p *corev1.Pod) { p.Labels, p.Spec.NodeName = labels, "node-1" })
	more := pod("web-2", "10.1.0.2", func(p *corev1.Pod) { p.Labels, p.Spec.NodeName = labels, "node-1" })
	host := pod("host", "10.1.0.3", func(p *corev1.Pod) { p.Spec.HostNetwork = true })
	for name, tc := range map[string]struct {
		keep object.KeepPods
		want func(c *index.Client)
	}{
		"nothing": {object.KeepPods{}, func(*index.Client) {}},
		"names":   {object.KeepPods{Names: true}, func(c *index.Client) { c.Pod = "web" }},
		"labels": {object.KeepPods{Labels: true}, func(c *index.Client) {
			c.Labels = "app\x00web\x00topology.kubernetes.io/zone\x00Zone-B\x00"
		}},
		"places": {object.KeepPods{Places: true}, func(c *index.Client) { c.Node, c.Zone = "node-1", "zone-b" }},
	} {
		t.Run(name, func(t *testing.T) {
			for _, json := range []bool{false, true} {
				inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
					s.Apply(web, host)
					cfg := config(s)
					if json {
						onlyJSON(&cfg)
					}
					cfg.Keep.Pods = tc.keep
					l := synced(t, cfg, object.Set(object.Pods))
					told(t, l, object.Pods, s.Apply(more))
					for i, a := range []string{"10.1.0.1", "10.1.0.2"} {
						want := index.Client{Namespace: "default"}
						tc.want(&want)
						if want.Pod != "" {
							want.Pod = fmt.Sprint("web-", i+1)
						}
						if got := l.Index().Client(addr(a)); got != want {
							t.Errorf("client %s: got %+v, want %+v", a, got, want)
						}
					}
					if got := l.Index().Client(addr("10.1.0.3")); got != (index.Client{}) {
						t.Errorf("an address of a Pod on the host network: got %+v, want nobody's", got)
					}
				})
			}
		})
	}
}

// In either mode every kind is read once and then followed, in protobuf.
func TestRequests(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, verb string) {
		s.Apply(cluster()...)
		l := synced(t, config(s), all)
		want := map[apiserver.Request]int{}
		all.Each(func(k object.Kind) {
			request := func(verb string) apiserver.Request {
				return apiserver.Request{Verb: verb, Resource: k.String(), ContentType: runtime.ContentTypeProtobuf}
			}
			want[request(apiserver.VerbWatchList)] = 1 // where there is no such thing it is found out once
			if verb == apiserver.VerbList {
				want[request(apiserver.VerbList)] = 1
				want[request(apiserver.VerbWatch)] = 1
			}
			eventually(t, k.String()+" are watched", func() bool { return s.OpenWatches(k.String()) == 1 })
			if got := stats(t, l, k).Objects; got != 1 {
				t.Errorf("%s in memory: got %d, want 1", k, got)
			}
		})
		for request, n := range s.Requests() {
			if want[request] != n {
				t.Errorf("%+v: got %d times, want %d", request, n, want[request])
			}
			delete(want, request)
		}
		for request, n := range want {
			t.Errorf("%+v: got none, want %d", request, n)
		}
	})
}

// One reading of everything is one list, also on an API server that refuses to
// begin a watch with it: the metric of relists counts from there.
func TestListsAreCountedOnce(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Apply(service("web"))
		l := synced(t, config(s), services)
		if got := stats(t, l, object.Services).Lists; got != 1 {
			t.Errorf("lists after the first: got %d, want 1", got)
		}
		s.Restart() // and the history is lost
		eventually(t, "everything is read again", func() bool { return stats(t, l, object.Services).Lists > 1 && s.OpenWatches("services") == 1 })
		if got := stats(t, l, object.Services).Lists; got != 2 {
			t.Errorf("lists after one relist: got %d, want 2", got)
		}
	})
}

// A long list is read in pages, and nothing gets lost between them.
func TestPages(t *testing.T) {
	s := newServer(t)
	s.SetWatchList(false)
	const pages = 3
	n := (pages-1)*watch.PageSize + 1
	s.Apply(manyNamespaces(n)...)
	l := synced(t, config(s), object.Set(object.Namespaces))
	if got := s.Count(apiserver.VerbList, "namespaces"); got != pages {
		t.Errorf("requests for %d objects: got %d, want %d", n, got, pages)
	}
	if got := l.Index().Objects(object.Namespaces); got != n {
		t.Errorf("objects: got %d, want %d", got, n)
	}
	for i := range n {
		if _, ok := l.Index().Namespace("n" + strconv.Itoa(i)); !ok {
			t.Errorf("n%d is missing", i)
		}
	}
}

func manyNamespaces(n int) []runtime.Object {
	objects := make([]runtime.Object, n)
	for i := range objects {
		objects[i] = namespace("n" + strconv.Itoa(i))
	}
	return objects
}

// The API server is not there at first: nothing is synced, nothing fails for
// good, and when it comes everything is read.
func TestServerComesLater(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Apply(cluster()...)
		s.Stop()
		var j journal
		cfg := config(s)
		cfg.Hooks = j.hooks()
		l := acquire(t, cfg, all)
		eventually(t, "the failure is told", func() bool { return j.has("failed services") })

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Wait(ctx, all); !errors.Is(err, context.Canceled) {
			t.Errorf("waiting for a server that is not there: got %v, want %v", err, context.Canceled)
		}
		if got := l.Synced(); got != 0 {
			t.Errorf("synced without a server: got %b, want none", got)
		}
		s.Start()
		awaitSync(t, l, all)
		eventually(t, "the recovery is told", func() bool { return j.has("recovered services") })
	})
}

// Labels and NamespaceLabels select on the server, and an object that no longer
// matches is gone.
func TestSelectors(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		public := func(name string) *corev1.Namespace {
			return namespace(name, func(n *corev1.Namespace) { n.Labels = map[string]string{"public": "yes"} })
		}
		s.Apply(public("shown"), namespace("hidden"))
		s.Apply(service("blue", labelled("colour", "blue")), service("red", labelled("colour", "red")), service("plain"))
		cfg := config(s)
		cfg.Labels, cfg.NamespaceLabels = "colour=blue", "public=yes"
		l := synced(t, cfg, object.Set(object.Namespaces, object.Services))
		becomes(t, l, "default/blue")
		for name, want := range map[string]bool{"shown": true, "hidden": false} {
			if _, got := l.Index().Namespace(name); got != want {
				t.Errorf("namespace %s: got %v, want %v", name, got, want)
			}
		}

		s.Apply(service("red", labelled("colour", "blue")))
		becomes(t, l, "default/blue", "default/red")
		s.Apply(service("blue", labelled("colour", "green")))
		becomes(t, l, "default/red")
	})
}

// onlyJSON has the API server answer in JSON.
func onlyJSON(cfg *watch.Config) {
	cfg.REST.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper{next, func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.Header.Set("Accept", runtime.ContentTypeJSON)
			return next.RoundTrip(r)
		}}
	})
}

// An API server, or a proxy before it, may speak JSON only.
func TestJSONOnly(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Apply(cluster()...)
		cfg := config(s)
		onlyJSON(&cfg)
		l := synced(t, cfg, all)
		if got := l.Index().Service("default", "web"); got == nil || len(got.Groups) != 1 {
			t.Errorf("after the list: got %+v, want a Service with endpoints", got)
		}
		if !l.Index().HasPod("default", addr("10.1.0.1")) {
			t.Error("after the list: the Pod is missing")
		}
		s.Apply(namespace("more"), service("more"), slice("web", endpoints("10.1.0.2")))
		told(t, l, object.Pods, s.Apply(pod("web-1", "10.1.0.2")))
		becomes(t, l, "default/more", "default/web")
		eventually(t, "the new address has its owners", func() bool {
			return l.Index().Owners(addr("10.1.0.2")) != nil && l.Index().HasPod("default", addr("10.1.0.2"))
		})
	})
}

// A Pod that ended or terminates has no address any more.
func TestPodsThatEnd(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		now := metav1.Now()
		terminates := func(p *corev1.Pod) { p.DeletionTimestamp = &now }
		ended := func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }
		s.Apply(pod("a", "10.1.0.1"), pod("b", "10.1.0.2"), pod("c", "10.1.0.3", terminates), pod("d", "10.1.0.4", ended))
		l := synced(t, config(s), object.Set(object.Pods))
		has := func() (got [4]bool) {
			for i := range got {
				got[i] = l.Index().HasPod("default", addr("10.1.0."+strconv.Itoa(i+1)))
			}
			return got
		}
		if got, want := has(), [4]bool{true, true, false, false}; got != want {
			t.Errorf("after the list: got %v, want %v", got, want)
		}
		s.Apply(pod("a", "10.1.0.1", terminates), pod("b", "10.1.0.2", ended))
		eventually(t, "no Pod is left", func() bool { return has() == [4]bool{} })
	})
}

// Objects that cannot be answered are counted by reason, and all others are there.
func TestMalformedObjects(t *testing.T) {
	text := func(s string) *string { return &s }
	badService := func(name string, edit func(*corev1.Service)) *corev1.Service { return service(name, edit) }
	objects := []runtime.Object{
		namespace("default"), namespace("Upper"), namespace("dots.in.it"),
		service("good"), slice("good"), pod("good", "10.1.0.9"),
		service("*"), service(""), service("bad ip", clusterIP("10.0.0.1")),
		badService("bad-ip", clusterIP("10.0.0.256")),
		badService("bad-port", func(s *corev1.Service) { s.Spec.Ports[0].Port = 70000 }),
		badService("bad-external", func(s *corev1.Service) {
			s.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "10.0.0.1"}
		}),
		slice("fqdn", func(s *discoveryv1.EndpointSlice) { s.AddressType = discoveryv1.AddressTypeFQDN }),
		slice("orphan", func(s *discoveryv1.EndpointSlice) { s.Labels = nil }),
		slice("bad-address", endpoints("10.1.0.300", "10.1.0.2")),
		slice("wrong-family", endpoints("fd00::1")),
		slice("bad-hostname", func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Hostname = text("a.b") }),
		slice("twins", endpoints("10.1.0.4", "10.1.0.4")),
		pod("no-address", "none"),
	}
	want := map[object.Kind]map[object.Skip]int64{
		object.Namespaces:     {object.SkipName: 2},
		object.Services:       {object.SkipName: 3, object.SkipAddress: 1, object.SkipPort: 1, object.SkipExternal: 1},
		object.EndpointSlices: {object.SkipFQDN: 1, object.SkipService: 1, object.SkipAddress: 2, object.SkipHostname: 1, object.SkipTwin: 1},
		object.Pods:           {object.SkipAddress: 1},
	}
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Apply(objects...)
		l := synced(t, config(s), all)
		for k, want := range want {
			if got := stats(t, l, k).Skipped; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("skipped of %s: got %v, want %v", k, got, want)
			}
		}
		if got, want := names(l), []string{"default/bad-external", "default/bad-ip", "default/bad-port", "default/good"}; !slices.Equal(got, want) {
			t.Errorf("Services: got %v, want %v", got, want)
		}
		if !l.Index().HasPod("default", addr("10.1.0.9")) {
			t.Error("the good Pod is missing")
		}
		if !owned(l.Index(), "10.1.0.2") {
			t.Error("the good address beside a bad one is missing")
		}

		// What was good before must not stay as it was.
		told(t, l, object.EndpointSlices, s.Apply(slice("good", func(s *discoveryv1.EndpointSlice) { s.Labels = nil })))
		if got := l.Index().Service("default", "good"); got == nil || len(got.Groups) != 0 {
			t.Errorf("a Service whose EndpointSlice no longer names it: got %+v, want one without endpoints", got)
		}
	})
}

// The DNS programming latency is measured for live changes, as far as the
// controller wrote down when they began, and requests are counted.
func TestMeasurements(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, verb string) {
		type programmed struct {
			headless bool
			late     bool
		}
		seen := make(chan programmed, 10)
		codes := make(chan string, 100)
		cfg := config(s)
		cfg.Hooks.Programmed = func(headless bool, d time.Duration) { seen <- programmed{headless, d >= time.Hour} }
		cfg.Hooks.Request = func(method, _, code string, _ time.Duration) { codes <- method + " " + code }
		began := func(s *discoveryv1.EndpointSlice) {
			s.Annotations = map[string]string{corev1.EndpointsLastChangeTriggerTime: time.Now().Add(-time.Hour).Format(time.RFC3339Nano)}
		}
		headless := func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = "None", []string{"None"} }
		s.Apply(service("web"), service("db", headless), slice("web", began))
		l := synced(t, cfg, basic)

		told(t, l, object.EndpointSlices, s.Apply(
			slice("web", endpoints("10.1.0.2")), // nobody wrote down when
			slice("unknown", began),
			slice("db", began),
			slice("web", began, endpoints("10.1.0.3")),
		))
		close(seen)
		var got []programmed
		for p := range seen {
			got = append(got, p)
		}
		if want := []programmed{{headless: true, late: true}, {headless: false, late: true}}; !slices.Equal(got, want) {
			t.Errorf("programmed: got %v, want %v", got, want)
		}
		counted := map[string]int{}
		for len(codes) > 0 {
			counted[<-codes]++
		}
		want := map[string]int{"GET 200": 3}
		if verb == apiserver.VerbList {
			want = map[string]int{"GET 200": 6, "GET 422": 3}
		}
		if fmt.Sprint(counted) != fmt.Sprint(want) {
			t.Errorf("requests: got %v, want %v", counted, want)
		}
	})
}
