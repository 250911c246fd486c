// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

var (
	services = object.Set(object.Services)
	basic    = object.Set(object.Namespaces, object.Services, object.EndpointSlices)
	all      = basic | object.Set(object.Pods, object.Nodes)
)

// modes are the two ways to read everything.
var modes = map[string]struct {
	watchList bool
	verb      string // of the requests that do it
}{
	"watchlist": {true, apiserver.VerbWatchList},
	"list":      {false, apiserver.VerbList},
}

// inModes runs f once for each of the two ways to read everything.
func inModes(t *testing.T, f func(t *testing.T, s *apiserver.Server, verb string), options ...apiserver.Option) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(modes)) {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, options...)
			s.SetWatchList(modes[name].watchList)
			f(t, s, modes[name].verb)
		})
	}
}

// newServer starts an API server. When the test has ended and released its
// leases, no goroutine may be left.
func newServer(t *testing.T, options ...apiserver.Option) *apiserver.Server {
	t.Helper()
	noLeak(t)
	s := apiserver.New(options...)
	t.Cleanup(s.Close)
	return s
}

// noLeak fails the test if goroutines are left when everything is cleaned up
// that is set up after this call.
func noLeak(t *testing.T, but ...goleak.Option) {
	t.Helper()
	but = append(but, goleak.IgnoreCurrent())
	t.Cleanup(func() { goleak.VerifyNone(t, but...) })
}

// config connects to s.
func config(s *apiserver.Server) watch.Config {
	return watch.Config{REST: &rest.Config{Host: s.URL()}}
}

// acquire is watch.Acquire, released with the test.
func acquire(t *testing.T, cfg watch.Config, kinds object.Kinds) *watch.Lease {
	t.Helper()
	l, err := watch.Acquire(cfg, kinds)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Release)
	return l
}

// synced acquires a store and waits until it is complete.
func synced(t *testing.T, cfg watch.Config, kinds object.Kinds) *watch.Lease {
	t.Helper()
	l := acquire(t, cfg, kinds)
	awaitSync(t, l, kinds)
	return l
}

// awaitSync waits until kinds are synced.
func awaitSync(t *testing.T, l *watch.Lease, kinds object.Kinds) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := l.Wait(ctx, kinds); err != nil {
		t.Fatal(err)
	}
	if got := l.Synced(); !got.Has(kinds) {
		t.Fatalf("synced after waiting: got %b, want %b", got, kinds)
	}
}

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still not so after %s: %s", patience, what)
		}
	}
}

// told waits until the store was told of everything up to rv about k.
func told(t *testing.T, l *watch.Lease, k object.Kind, rv uint64) {
	t.Helper()
	eventually(t, fmt.Sprintf("told of %s at %d", k, rv), func() bool { return stats(t, l, k).Version >= rv })
}

// stats returns the state of the watch of k.
func stats(t *testing.T, l *watch.Lease, k object.Kind) watch.Stats {
	t.Helper()
	for _, st := range l.Stats() {
		if st.Kind == k {
			return st
		}
	}
	t.Fatalf("%s are not watched", k)
	return watch.Stats{}
}

// requests returns how many requests for the resource came in, of any sort.
func requests(s *apiserver.Server, resource string) int {
	n := 0
	for r, count := range s.Requests() {
		if r.Resource == resource {
			n += count
		}
	}
	return n
}

// names returns the Services that the index has, as namespace/name, sorted.
func names(l *watch.Lease) []string {
	var got []string
	for s := range l.Index().Services() {
		got = append(got, s.Namespace+"/"+s.Name)
	}
	slices.Sort(got)
	return got
}

// becomes waits until the index has exactly the Services want.
func becomes(t *testing.T, l *watch.Lease, want ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("the Services are %v", want), func() bool { return slices.Equal(names(l), want) })
}

// A journal is what the hooks were told.
type journal struct {
	mu      sync.Mutex
	entries []string
	errs    []error
}

func (j *journal) hooks() watch.Hooks {
	return watch.Hooks{
		Failed: func(_ string, k object.Kind, err error) {
			j.add("failed "+k.String(), err)
		},
		Recovered: func(_ string, k object.Kind) { j.add("recovered "+k.String(), nil) },
	}
}

func (j *journal) add(entry string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
	if err != nil {
		j.errs = append(j.errs, err)
	}
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

func (j *journal) has(entry string) bool { return slices.Contains(j.all(), entry) }

func (j *journal) firstError() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.errs) == 0 {
		return nil
	}
	return j.errs[0]
}

// A roundTripper does requests by a function instead of next.
type roundTripper struct {
	next http.RoundTripper
	do   func(*http.Request) (*http.Response, error)
}

// RoundTrip implements [http.RoundTripper].
func (rt roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return rt.do(r) }

// WrappedRoundTripper tells whoever closes connections who has them.
func (rt roundTripper) WrappedRoundTripper() http.RoundTripper { return rt.next }

func namespace(name string, edits ...func(*corev1.Namespace)) *corev1.Namespace {
	n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	for _, edit := range edits {
		edit(n)
	}
	return n
}

func service(name string, edits ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec: corev1.ServiceSpec{
			ClusterIP:  "10.0.0.1",
			ClusterIPs: []string{"10.0.0.1"},
			Ports:      []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80}},
		},
	}
	for _, edit := range edits {
		edit(s)
	}
	return s
}

func clusterIP(ip string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = ip, []string{ip} }
}

func labelled(k, v string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Labels = map[string]string{k: v} }
}

// slice returns an EndpointSlice of the Service of its name.
func slice(name string, edits ...func(*discoveryv1.EndpointSlice)) *discoveryv1.EndpointSlice {
	port, portName := int32(80), "http"
	s := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: name,
			Labels: map[string]string{discoveryv1.LabelServiceName: name},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &portName, Port: &port}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"10.1.0.1"}}},
	}
	for _, edit := range edits {
		edit(s)
	}
	return s
}

func endpoints(addrs ...string) func(*discoveryv1.EndpointSlice) {
	return func(s *discoveryv1.EndpointSlice) {
		s.Endpoints = nil
		for _, a := range addrs {
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}})
		}
	}
}

func pod(name, ip string, edits ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}},
	}
	for _, edit := range edits {
		edit(p)
	}
	return p
}

// cluster is one object of each kind.
func cluster() []runtime.Object {
	return []runtime.Object{namespace("default"), service("web"), slice("web"), pod("web-1", "10.1.0.1"), node("a", "10.1.0.0/24")}
}

func node(name, network string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{PodCIDRs: []string{network}}}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// owned reports whether a Service or an EndpointSlice has the address.
func owned(x *index.Index, address string) bool {
	a := addr(address)
	return x.AnyBelow(netip.PrefixFrom(a, a.BitLen()))
}
