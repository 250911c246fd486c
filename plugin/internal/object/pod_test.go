// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

func TestFromPod(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "demo", Name: "web-0"}
	leaving := meta
	leaving.DeletionTimestamp = &metav1.Time{Time: time.Unix(1700000000, 0)}
	notLeaving := meta
	notLeaving.DeletionTimestamp = &metav1.Time{}
	ips := func(ss ...string) (out []corev1.PodIP) {
		for _, s := range ss {
			out = append(out, corev1.PodIP{IP: s})
		}
		return out
	}
	pod := func(ss ...string) result[object.Pod] {
		return result[object.Pod]{object.Pod{Namespace: "demo", Name: "web-0", IPs: addrs(ss...)}, nil, true}
	}
	none := result[object.Pod]{}
	running := corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1", PodIPs: ips("10.0.0.1")}
	phase := func(p corev1.PodPhase) corev1.PodStatus {
		s := running
		s.Phase = p
		return s
	}
	tests := map[string]struct {
		in   corev1.Pod
		want result[object.Pod]
	}{
		"running":              {corev1.Pod{ObjectMeta: meta, Status: running}, pod("10.0.0.1")},
		"pending with address": {corev1.Pod{ObjectMeta: meta, Status: phase(corev1.PodPending)}, pod("10.0.0.1")},
		"no phase":             {corev1.Pod{ObjectMeta: meta, Status: phase("")}, pod("10.0.0.1")},
		"succeeded":            {corev1.Pod{ObjectMeta: meta, Status: phase(corev1.PodSucceeded)}, none},
		"failed":               {corev1.Pod{ObjectMeta: meta, Status: phase(corev1.PodFailed)}, none},
		"terminating (B20)":    {corev1.Pod{ObjectMeta: leaving, Status: running}, none},
		"timestamp of zero":    {corev1.Pod{ObjectMeta: notLeaving, Status: running}, pod("10.0.0.1")},
		"no address yet":       {corev1.Pod{ObjectMeta: meta}, result[object.Pod]{object.Pod{Namespace: "demo", Name: "web-0"}, nil, false}},
		"only the old field":   {corev1.Pod{ObjectMeta: meta, Status: corev1.PodStatus{PodIP: "10.0.0.1"}}, pod("10.0.0.1")},
		"dual stack":           {corev1.Pod{ObjectMeta: meta, Status: corev1.PodStatus{PodIP: "10.0.0.1", PodIPs: ips("10.0.0.1", "fd00::1")}}, pod("10.0.0.1", "fd00::1")},
		"address twice":        {corev1.Pod{ObjectMeta: meta, Status: corev1.PodStatus{PodIPs: ips("10.0.0.1", "10.0.0.1", "::ffff:10.0.0.1")}}, pod("10.0.0.1")},
		"host network": {
			corev1.Pod{ObjectMeta: meta, Spec: corev1.PodSpec{HostNetwork: true}, Status: running},
			result[object.Pod]{object.Pod{Namespace: "demo", Name: "web-0", IPs: addrs("10.0.0.1"), HostNetwork: true}, nil, true},
		},
		"some addresses are none": {
			corev1.Pod{ObjectMeta: meta, Status: corev1.PodStatus{PodIPs: ips("", "10.0.0.256", "fe80::1%eth0", "10.0.0.1")}},
			result[object.Pod]{pod("10.0.0.1").Object, repeat(object.SkipAddress, 3), true},
		},
		"all addresses are none": {
			corev1.Pod{ObjectMeta: meta, Status: corev1.PodStatus{PodIPs: ips("x")}},
			result[object.Pod]{object.Pod{Namespace: "demo", Name: "web-0"}, repeat(object.SkipAddress, 1), false},
		},
		"old field is no address": {
			corev1.Pod{ObjectMeta: meta, Status: corev1.PodStatus{PodIP: "x"}},
			result[object.Pod]{object.Pod{Namespace: "demo", Name: "web-0"}, repeat(object.SkipAddress, 1), false},
		},
		"name with dots, which need be no label": {
			corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "web.0.example.org"}, Status: running},
			result[object.Pod]{object.Pod{Namespace: "demo", Name: "web.0.example.org", IPs: addrs("10.0.0.1")}, nil, true},
		},
		"no name": {
			corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "demo"}, Status: running},
			result[object.Pod]{object.Pod{}, repeat(object.SkipName, 1), false},
		},
		"no namespace": {
			corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web-0"}, Status: running},
			result[object.Pod]{object.Pod{}, repeat(object.SkipName, 1), false},
		},
		"namespace of 64 octets": {
			corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: label64, Name: "web-0"}, Status: running},
			result[object.Pod]{object.Pod{}, repeat(object.SkipName, 1), false},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := tc.in.DeepCopy()
			got, skipped, ok := object.FromPod(&tc.in, object.KeepPods{})
			if diff := cmp.Diff(tc.want, result[object.Pod]{got, skipped, ok}, same); diff != "" {
				t.Errorf("FromPod (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, &tc.in); diff != "" {
				t.Errorf("FromPod changed its argument:\n%s", diff)
			}
		})
	}
}

// What is kept of a Pod beyond its addresses is what the server asked for.
func TestFromPodKeeps(t *testing.T) {
	in := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "web-0", Labels: map[string]string{
			"topology.kubernetes.io/zone": "Zone-A", "app": "web",
		}},
		Spec:   corev1.PodSpec{NodeName: "node-1", HostNetwork: true},
		Status: corev1.PodStatus{PodIP: "10.0.0.1"},
	}
	base := object.Pod{Namespace: "demo", Name: "web-0", IPs: addrs("10.0.0.1"), HostNetwork: true}
	for name, tc := range map[string]struct {
		keep object.KeepPods
		pod  string // its name, if not the usual one
		want func(p *object.Pod)
	}{
		"nothing":                        {object.KeepPods{}, "", func(*object.Pod) {}},
		"names":                          {object.KeepPods{Names: true}, "", func(p *object.Pod) { p.Named = true }},
		"records":                        {object.KeepPods{Records: true}, "", func(p *object.Pod) { p.Named, p.Record = true, true }},
		"no record: dots":                {object.KeepPods{Records: true}, "web.0", func(*object.Pod) {}},
		"no record, and a name: dots":    {object.KeepPods{Records: true, Names: true}, "web.0", func(p *object.Pod) { p.Named = true }},
		"no record: 64 octets":           {object.KeepPods{Records: true}, label64, func(*object.Pod) {}},
		"labels, in the order of keys":   {object.KeepPods{Labels: true}, "", func(p *object.Pod) { p.Labels = "app\x00web\x00topology.kubernetes.io/zone\x00Zone-A\x00" }},
		"places, the zone in lower case": {object.KeepPods{Places: true}, "", func(p *object.Pod) { p.Node, p.Zone = "node-1", "zone-a" }},
	} {
		t.Run(name, func(t *testing.T) {
			in, want := *in.DeepCopy(), base
			if tc.pod != "" {
				in.Name, want.Name = tc.pod, tc.pod
			}
			tc.want(&want)
			got, _, _ := object.FromPod(&in, tc.keep)
			if diff := cmp.Diff(want, got, same); diff != "" {
				t.Errorf("FromPod (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLabels(t *testing.T) {
	for _, want := range []map[string]string{
		{}, {"a": ""}, {"a": "b"}, {"app": "web", "example.org/tier": "front", "z": ""},
	} {
		pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "web", Labels: want}, Status: corev1.PodStatus{PodIP: "10.0.0.1"}}
		made, _, _ := object.FromPod(&pod, object.KeepPods{Labels: true})
		if diff := cmp.Diff(want, maps.Collect(made.Labels.All())); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
		for range made.Labels.All() {
			break // which is allowed
		}
	}
}

func TestFromNode(t *testing.T) {
	node := func(edit func(n *corev1.Node)) corev1.Node {
		n := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}
		edit(&n)
		return n
	}
	prefixes := func(ss ...string) (out []netip.Prefix) {
		for _, s := range ss {
			out = append(out, netip.MustParsePrefix(s))
		}
		return out
	}
	for name, tc := range map[string]struct {
		in   corev1.Node
		want result[object.Node]
	}{
		"bare": {node(func(*corev1.Node) {}), result[object.Node]{object.Node{Name: "node-1"}, nil, true}},
		"whole": {
			node(func(n *corev1.Node) {
				n.Labels = map[string]string{"topology.kubernetes.io/zone": "EU-1a"}
				n.Spec.PodCIDR, n.Spec.PodCIDRs = "10.1.0.0/24", []string{"10.1.0.0/24", "fd00:1::/64"}
				n.Status.Addresses = []corev1.NodeAddress{
					{Type: corev1.NodeHostName, Address: "192.0.2.9"}, {Type: corev1.NodeInternalIP, Address: "192.0.2.1"},
					{Type: corev1.NodeExternalIP, Address: "2001:db8::1"}, {Type: corev1.NodeExternalIP, Address: "192.0.2.1"},
				}
			}),
			result[object.Node]{object.Node{
				Name: "node-1", Zone: "eu-1a", Addrs: addrs("192.0.2.1", "2001:db8::1"), PodCIDRs: prefixes("10.1.0.0/24", "fd00:1::/64"),
			}, nil, true},
		},
		"only the old field": {
			node(func(n *corev1.Node) { n.Spec.PodCIDR = "10.1.0.0/24" }),
			result[object.Node]{object.Node{Name: "node-1", PodCIDRs: prefixes("10.1.0.0/24")}, nil, true},
		},
		"an address in a network's place": {
			node(func(n *corev1.Node) {
				n.Spec.PodCIDRs = []string{"10.1.0.7/24", "10.1.0.0/24", "x", "::ffff:10.0.0.0/120"}
			}),
			result[object.Node]{object.Node{Name: "node-1", PodCIDRs: prefixes("10.1.0.0/24")}, repeat(object.SkipAddress, 2), true},
		},
		"bad addresses": {
			node(func(n *corev1.Node) {
				n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "x"}, {Type: corev1.NodeInternalIP, Address: "192.0.2.1"}}
			}),
			result[object.Node]{object.Node{Name: "node-1", Addrs: addrs("192.0.2.1")}, repeat(object.SkipAddress, 1), true},
		},
		"no name": {corev1.Node{}, result[object.Node]{object.Node{}, repeat(object.SkipName, 1), false}},
	} {
		t.Run(name, func(t *testing.T) {
			got, skipped, ok := object.FromNode(&tc.in)
			if diff := cmp.Diff(tc.want, result[object.Node]{got, skipped, ok}, same); diff != "" {
				t.Errorf("FromNode (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKinds(t *testing.T) {
	tests := []struct {
		kind                     object.Kind
		name, resource, restPath string
	}{
		{object.Namespaces, "namespaces", "namespaces", "namespaces"},
		{object.Services, "services", "services", "services"},
		{object.EndpointSlices, "endpointslices", "endpointslices.discovery.k8s.io", "endpointslices"},
		{object.Pods, "pods", "pods", "pods"},
		{object.Nodes, "nodes", "nodes", "nodes"},
		{object.ServiceImports, "serviceimports", "serviceimports.multicluster.x-k8s.io", "serviceimports"},
		{object.ImportSlices, "imported_endpointslices", "endpointslices.discovery.k8s.io", "endpointslices"},
	}
	if object.NumKinds != len(tests) {
		t.Errorf("NumKinds is %d, want %d", object.NumKinds, len(tests))
	}
	var all object.Kinds
	var want []object.Kind
	for _, tc := range tests {
		all |= object.Set(tc.kind)
		want = append(want, tc.kind)
		if got := [3]string{tc.kind.String(), tc.kind.Resource(), tc.kind.Plural()}; got != [3]string{tc.name, tc.resource, tc.restPath} {
			t.Errorf("kind %d is %q, want %+v", tc.kind, got, tc)
		}
	}
	var kinds []object.Kind
	all.Each(func(k object.Kind) { kinds = append(kinds, k) })
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("Each (-want +got):\n%s", diff)
	}
	if got := object.Kind(99).String(); got != "unknown" {
		t.Errorf("a kind that there is not is %q, want unknown", got)
	}
	if got, want := all.Needed(), all&^object.Set(object.Nodes); got != want {
		t.Errorf("needed are %b, want %b", got, want)
	}
	own := object.Set(object.Namespaces, object.Services, object.EndpointSlices)
	if got, want := own.Importing(), object.Imports|object.Set(object.Namespaces); got != want || want.Imported() != own {
		t.Errorf("%b: Importing is %b, want %b, and back %b", own, got, want, want.Imported())
	}
	for _, k := range kinds {
		one := object.Set(k)
		if !all.Has(one) || object.Kinds(0).Has(one) || !one.Has(0) || (all &^ one).Has(one) {
			t.Errorf("set of %s: Has is wrong", k)
		}
	}
}

func TestImportedKinds(t *testing.T) {
	set := object.Set
	tests := map[string]struct{ in, want object.Kinds }{
		"none":            {0, 0},
		"local":           {set(object.Services, object.EndpointSlices), 0},
		"ServiceImports":  {set(object.ServiceImports), set(object.Services)},
		"their slices":    {set(object.ImportSlices, object.Services), set(object.EndpointSlices)},
		"what both share": {set(object.Namespaces, object.Pods, object.Services, object.ServiceImports), set(object.Namespaces, object.Pods, object.Services)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tc.in.Imported(); got != tc.want {
				t.Errorf("Imported of %b is %b, want %b", tc.in, got, tc.want)
			}
		})
	}
	if want := set(object.ServiceImports, object.ImportSlices); object.Imports != want {
		t.Errorf("Imports is %b, want %b", object.Imports, want)
	}
}
