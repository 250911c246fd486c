// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"net/http"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// What an update changes that no answer shows is no change: the serial stays,
// so secondaries do not transfer the zone for nothing. What an answer shows moves it.
func TestSerialIgnoresNoise(t *testing.T) {
	yes, no, port, name := true, false, int32(80), "http"
	annotated := metav1.ObjectMeta{Annotations: map[string]string{"noise": "yes"}, Generation: 7, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "noise"}}}
	noisy := func(m *metav1.ObjectMeta) {
		m.Annotations, m.Generation, m.ManagedFields = annotated.Annotations, 7, annotated.ManagedFields
	}
	notReady := discoveryv1.Endpoint{Addresses: []string{"10.1.0.9"}, Conditions: discoveryv1.EndpointConditions{Ready: &no}}
	for _, tc := range []struct {
		name   string
		kind   object.Kind
		object runtime.Object
		rises  bool
	}{
		{"namespace, annotations", object.Namespaces, namespace("default", func(n *corev1.Namespace) { noisy(&n.ObjectMeta) }), false},
		{"namespace, label", object.Namespaces, namespace("default", func(n *corev1.Namespace) { n.Labels = map[string]string{"a": "b"} }), false},
		{"namespace, terminating", object.Namespaces, namespace("default", func(n *corev1.Namespace) { n.Status.Phase = corev1.NamespaceTerminating }), false},
		{"namespace, new", object.Namespaces, namespace("new"), true},

		{"service, nothing", object.Services, service("web"), false},
		{"service, annotations", object.Services, service("web", func(s *corev1.Service) { noisy(&s.ObjectMeta) }), false},
		{"service, selector", object.Services, service("web", func(s *corev1.Service) { s.Spec.Selector = map[string]string{"a": "b"} }), false},
		{"service, load balancer", object.Services, service("web", func(s *corev1.Service) {
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
		}), false},
		{"service, target port", object.Services, service("web", func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 30080 }), false},
		{"service, cluster IP", object.Services, service("web", clusterIP("10.0.0.2")), true},
		{"service, port", object.Services, service("web", func(s *corev1.Service) { s.Spec.Ports[0].Port = 81 }), true},
		{"service, port name", object.Services, service("web", func(s *corev1.Service) { s.Spec.Ports[0].Name = "www" }), true},
		{"service, type", object.Services, service("web", func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = "None", nil }), true},

		{"slice, annotations", object.EndpointSlices, slice("web", func(s *discoveryv1.EndpointSlice) { noisy(&s.ObjectMeta) }), false},
		{"slice, explicitly ready", object.EndpointSlices, slice("web", func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Conditions.Ready = &yes }), false},
		{"slice, node", object.EndpointSlices, slice("web", func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].NodeName = &name }), false},
		{"slice, more that is not ready", object.EndpointSlices, slice("web", func(s *discoveryv1.EndpointSlice) { s.Endpoints = append(s.Endpoints, notReady) }), false},
		{"slice, pod that is not kept", object.EndpointSlices, slice("web", func(s *discoveryv1.EndpointSlice) {
			s.Endpoints[0].TargetRef = &corev1.ObjectReference{Kind: "Pod", Name: "web-1"}
		}), false},
		{"slice of no service", object.EndpointSlices, slice("nobody"), false},
		{"slice, no longer ready", object.EndpointSlices, slice("web", func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Conditions.Ready = &no }), true},
		{"slice, hostname", object.EndpointSlices, slice("web", func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Hostname = &name }), true},
		{"slice, port", object.EndpointSlices, slice("web", func(s *discoveryv1.EndpointSlice) {
			s.Ports = append(s.Ports, discoveryv1.EndpointPort{Name: &name, Port: &port})
		}), true},

		{"pod, annotations", object.Pods, pod("web-1", "10.1.0.1", func(p *corev1.Pod) { noisy(&p.ObjectMeta) }), false},
		{"pod, condition", object.Pods, pod("web-1", "10.1.0.1", func(p *corev1.Pod) { p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady}} }), false},
		{"pod, second one at the address", object.Pods, pod("twin", "10.1.0.1"), false},
		{"pod, address", object.Pods, pod("web-1", "10.1.0.2"), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t)
			s.Apply(cluster()...)
			l := synced(t, config(s), all)
			before := l.Index().Serial()
			told(t, l, tc.kind, s.Apply(tc.object))
			if got := l.Index().Serial(); got > before != tc.rises {
				t.Errorf("serial: got %d after %d, want that it rises: %v", got, before, tc.rises)
			}
		})
	}
}

// Reading everything again, which finds everything as it was, is no change.
func TestSerialStaysOverRelist(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Apply(cluster()...)
		l := synced(t, config(s), all)
		before := l.Index().Serial()
		s.Restart()
		all.Each(func(k object.Kind) { told(t, l, k, s.ResourceVersion()) })
		if got := l.Index().Serial(); got != before {
			t.Errorf("serial after a relist: got %d, want %d", got, before)
		}
	})
}

// The serial starts at the resourceVersion of the list, whatever was in it, and
// rises by no more than the API server's: else a process that starts later has
// a smaller one, and secondaries would keep the old zone.
func TestSerialStartsAtResourceVersion(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Apply(cluster()...)
		for i := range 20 {
			s.Apply(namespace("n"+strconv.Itoa(i)), service("s"+strconv.Itoa(i)), slice("s"+strconv.Itoa(i)))
		}
		l := synced(t, config(s), all)
		if got, want := uint64(l.Index().Serial()), s.ResourceVersion(); got != want {
			t.Errorf("serial after the list: got %d, want %d", got, want)
		}
		told(t, l, object.Services, s.Apply(service("web", clusterIP("10.0.0.2"))))
		if got, want := uint64(l.Index().Serial()), s.ResourceVersion(); got > want {
			t.Errorf("serial after a change: got %d, want at most the resourceVersion %d", got, want)
		}
	})
}

// A process that starts later does not fall behind one that has run for long,
// in whatever order the API server answers for the kinds.
func TestSerialNeverFallsAcrossRestart(t *testing.T) {
	s := newServer(t)
	s.Apply(cluster()...)
	for i := range 50 {
		s.Apply(service("s" + strconv.Itoa(i)))
	}
	var serials []uint32
	for _, first := range []object.Kind{object.Pods, object.Services} {
		others := all &^ object.Set(first)
		others.Each(func(k object.Kind) { s.Deny(k.String(), http.StatusInternalServerError) })
		l := acquire(t, config(s), all)
		awaitSync(t, l, object.Set(first))
		others.Each(func(k object.Kind) { s.Deny(k.String(), 0) })
		awaitSync(t, l, all)
		serials = append(serials, l.Index().Serial())
		l.Release()
	}
	if serials[1] < serials[0] {
		t.Errorf("serial after a restart: got %d after %d", serials[1], serials[0])
	}
}

// A kind that nobody wants any more, as after a reload without "pods verified",
// is no change that a query could see, however many objects it had.
func TestSerialStaysWhenAKindIsReleased(t *testing.T) {
	s := newServer(t)
	s.Apply(cluster()...)
	for i := range 50 {
		s.Apply(pod("p"+strconv.Itoa(i), "10.2.0."+strconv.Itoa(i)))
	}
	l := synced(t, config(s), basic)
	for range 3 {
		synced(t, config(s), object.Set(object.Pods)).Release()
	}
	if got, want := uint64(l.Index().Serial()), s.ResourceVersion(); got > want {
		t.Errorf("serial after Pods came and went: got %d, want at most the resourceVersion %d", got, want)
	}
}

// Zones that are served in another way are other zones: that is one step, to a
// resourceVersion that was seen if there is a later one.
func TestSerialRisesWhenZonesAreServedOtherwise(t *testing.T) {
	s := newServer(t)
	s.Apply(cluster()...)
	l := synced(t, config(s), basic)
	first := l.Index().Serial()
	for _, tc := range []struct {
		name  string
		zones map[string]string
		want  uint32
	}{
		{"the first time", map[string]string{"a": "ttl 5", "b": "ttl 5"}, first},
		{"the same", map[string]string{"a": "ttl 5", "b": "ttl 5"}, first},
		{"one more", map[string]string{"a": "ttl 5", "c": "ttl 5"}, first},
		{"another way", map[string]string{"a": "ttl 30", "b": "ttl 30"}, first + 1},
		{"and back", map[string]string{"a": "ttl 5"}, first + 2},
	} {
		l.Present(tc.zones)
		if got := l.Index().Serial(); got != tc.want {
			t.Errorf("%s: serial %d, want %d", tc.name, got, tc.want)
		}
	}
	for range 10 { // that change nothing
		told(t, l, object.Services, s.Apply(service("web")))
	}
	l.Present(map[string]string{"a": "ttl 60"})
	if got, want := uint64(l.Index().Serial()), s.ResourceVersion(); got != want {
		t.Errorf("after other changes: serial %d, want the resourceVersion %d", got, want)
	}
}
