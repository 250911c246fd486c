// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"reflect"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// What the generator makes is well formed, and the same every time.
func TestGenerated(t *testing.T) {
	for seed := range uint64(20) {
		w := newGenerator(seed, 0).world()
		if _, faults := Clean(w); len(faults) > 0 {
			t.Errorf("seed %d: malformed: %+v", seed, faults)
		}
		if again := newGenerator(seed, 0).world(); !reflect.DeepEqual(w, again) {
			t.Errorf("seed %d: two worlds differ", seed)
		}
	}
}

// What is cleaned once is clean.
func TestClean(t *testing.T) {
	for seed := range uint64(20) {
		g := newGenerator(seed, 0)
		w := g.world()
		g.spoil(w)
		clean, faults := Clean(w)
		if len(faults) == 0 {
			t.Errorf("seed %d: nothing was malformed", seed)
		}
		if _, rest := Clean(clean); len(rest) > 0 {
			t.Errorf("seed %d: still malformed: %+v", seed, rest)
		}
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*corev1.Service, *discoveryv1.EndpointSlice)
		want  []string
	}{
		{"nothing", func(*corev1.Service, *discoveryv1.EndpointSlice) {}, nil},
		{"name in capital letters", func(s *corev1.Service, _ *discoveryv1.EndpointSlice) { s.Name = "Web" }, []string{badName}},
		{"long name", func(s *corev1.Service, _ *discoveryv1.EndpointSlice) { s.Name = long }, []string{badLength}},
		{"no address", func(s *corev1.Service, _ *discoveryv1.EndpointSlice) {
			s.Spec.ClusterIPs = append(s.Spec.ClusterIPs, "x")
		}, []string{badAddress}},
		{"port", func(s *corev1.Service, _ *discoveryv1.EndpointSlice) { s.Spec.Ports[0].Port = 65536 }, []string{badPort}},
		{"names for addresses", func(_ *corev1.Service, e *discoveryv1.EndpointSlice) { e.AddressType = discoveryv1.AddressTypeFQDN }, []string{badFQDN}},
		{"no Service", func(_ *corev1.Service, e *discoveryv1.EndpointSlice) { e.Labels = nil }, []string{badService}},
		{"family", func(_ *corev1.Service, e *discoveryv1.EndpointSlice) { e.Endpoints[0].Addresses[0] = "fd00::1" }, []string{badFamily}},
		{"spelling", func(_ *corev1.Service, e *discoveryv1.EndpointSlice) { e.Endpoints[0].Addresses[0] = "::ffff:10.1.0.1" }, []string{badSpelling}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGenerator(1, 0)
			s := g.service("demo", "web")
			s.Spec.Type, s.Spec.ClusterIP, s.Spec.ClusterIPs = corev1.ServiceTypeClusterIP, "10.96.0.1", []string{"10.96.0.1"}
			s.Spec.Ports = []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80}}
			e := g.slice("demo", "web", discoveryv1.AddressTypeIPv4, 1)
			tt.spoil(s, e)
			w := &World{}
			w.Add(s, e)
			_, faults := Clean(w)
			var got []string
			for _, f := range faults {
				got = append(got, f.Sort)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
