// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index_test

import (
	"fmt"
	"maps"
	"net/netip"
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// versions returns what the index has of a kind.
func versions(x *index.Index, k object.Kind) map[uint64]uint32 { return maps.Collect(x.Versions(k)) }

// The version of an object stays with it while it is seen unchanged, and goes with it.
func TestVersions(t *testing.T) {
	one, two := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::2")
	set := map[object.Kind]func(x *index.Index, gen uint32, a netip.Addr){
		object.Namespaces: func(x *index.Index, gen uint32, _ netip.Addr) { x.SetNamespace("web", gen) },
		object.Services: func(x *index.Index, gen uint32, a netip.Addr) {
			x.SetService(object.Service{Namespace: "demo", Name: "web", ClusterIPs: []netip.Addr{a}}, gen)
		},
		object.EndpointSlices: func(x *index.Index, gen uint32, a netip.Addr) {
			x.SetEndpointSlice(object.EndpointSlice{Namespace: "demo", Name: "web", Service: "s", Endpoints: []object.Endpoint{{Addr: a}}}, gen)
		},
		object.Pods: func(x *index.Index, gen uint32, a netip.Addr) {
			x.SetPod(object.Pod{Namespace: "demo", Name: "web", IPs: []netip.Addr{a}}, gen)
		},
	}
	remove := map[object.Kind]func(x *index.Index){
		object.Namespaces:     func(x *index.Index) { x.DeleteNamespace("web") },
		object.Services:       func(x *index.Index) { x.DeleteService("demo", "web") },
		object.EndpointSlices: func(x *index.Index) { x.DeleteEndpointSlice("demo", "web") },
		object.Pods:           func(x *index.Index) { x.DeletePod("demo", "web") },
	}
	object.Set(object.Namespaces, object.Services, object.EndpointSlices, object.Pods).Each(func(k object.Kind) {
		t.Run(k.String(), func(t *testing.T) {
			x := index.New()
			ns, name := "demo", "web"
			if k == object.Namespaces {
				ns = ""
			}
			id := x.ID(k, ns, name)
			if x.SetVersion(k, ns, name, 7) {
				t.Error("an object that is not there has a version")
			}
			set[k](x, 1, one)
			if got, want := versions(x, k), (map[uint64]uint32{id: 0}); !maps.Equal(got, want) {
				t.Errorf("before it is noted: got %v, want %v", got, want)
			}
			if !x.SetVersion(k, ns, name, 7) {
				t.Error("the object has no version")
			}
			set[k](x, 2, one)
			if got, want := versions(x, k), (map[uint64]uint32{id: 7}); !maps.Equal(got, want) {
				t.Errorf("seen again: got %v, want %v", got, want)
			}
			x.Sweep(k, 2)
			set[k](x, 2, two)
			x.SetVersion(k, ns, name, 8)
			if got, want := versions(x, k), (map[uint64]uint32{id: 8}); !maps.Equal(got, want) {
				t.Errorf("changed: got %v, want %v", got, want)
			}
			remove[k](x)
			if got := versions(x, k); len(got) != 0 {
				t.Errorf("removed: got %v, want nothing", got)
			}
		})
	})
}

// A list after 65,536 others still sweeps what it did not have.
func TestSweepAfterManyLists(t *testing.T) {
	x := index.New()
	slice := func(name string) object.EndpointSlice {
		return object.EndpointSlice{Namespace: "demo", Name: name, Service: "s", Endpoints: []object.Endpoint{{Addr: netip.MustParseAddr("10.0.0.1")}}}
	}
	const last = 1<<16 + 3
	x.SetEndpointSlice(slice("gone"), last-1)
	x.SetEndpointSlice(slice("stays"), last-1)
	x.SetEndpointSlice(slice("stays"), last)
	x.Sweep(object.EndpointSlices, last)
	if got := x.Objects(object.EndpointSlices); got != 1 {
		t.Errorf("objects: got %d, want 1", got)
	}
}

func TestSlicesOf(t *testing.T) {
	x := index.New()
	for i, family := range []string{"10.0.0.1", "fd00::1", ""} {
		s := object.EndpointSlice{Namespace: "demo", Name: fmt.Sprint("web-", i), Service: "web"}
		if family != "" {
			s.Endpoints = []object.Endpoint{{Addr: netip.MustParseAddr(family)}}
		}
		x.SetEndpointSlice(s, 1)
	}
	x.SetEndpointSlice(object.EndpointSlice{Namespace: "demo", Name: "other-1", Service: "other"}, 1)
	if service, g := x.Slice("demo", "web-1"); service != "web" || g.Len() != 1 || g.Is4() {
		t.Errorf("Slice: got %q, %v", service, g)
	}
	if service, g := x.Slice("demo", "web-9"); service != "" || g != nil {
		t.Errorf("Slice of none: got %q, %v", service, g)
	}
	for service, want := range map[string]map[string]int{
		"web":   {"web-0": 1, "web-1": 1, "web-2": 0},
		"other": {"other-1": 0},
		"none":  {},
	} {
		got := make(map[string]int)
		for name, g := range x.SlicesOf("demo", service) {
			got[name] = g.Len()
		}
		if !maps.Equal(got, want) {
			t.Errorf("endpoints of the EndpointSlices of %s: got %v, want %v", service, got, want)
		}
	}
}
