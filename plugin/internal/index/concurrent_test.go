// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// TestReadersBesideAWriter: what readers see is at any time a state that the
// index was in. The test is about the race detector, and about what a reader
// may rely on.
func TestReadersBesideAWriter(t *testing.T) {
	w := newWorld()
	w.keep()
	var done atomic.Bool
	var readers sync.WaitGroup
	for n := range 3 {
		readers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 9))
			var serial uint32
			for i := 0; !done.Load() || i < 100; i++ {
				if wrong := w.read(r, &serial); wrong != "" {
					t.Error(wrong)
					return
				}
			}
		})
	}
	r := rand.New(rand.NewPCG(1, 9))
	for version := range 15000 {
		w.write(r, version)
	}
	done.Store(true)
	readers.Wait()
	if wrong := inconsistent(w.x.Service("keep", "web")); wrong != "" {
		t.Error(wrong)
	}
}

// A world is an index in which everything that a writer sets carries a version
// in all its parts, beside things that are never touched.
type world struct {
	x      *index.Index
	shared netip.Addr // an endpoint of many Services
	own    netip.Addr // of the one that is kept
	client netip.Addr // of a Pod, and in a network of a Node, that change all the time but for that
}

func newWorld() *world {
	return &world{index.New(), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("10.9.9.9")}
}

func (w *world) keep() {
	w.x.SetNamespace("keep", 0)
	w.x.SetService(object.Service{Namespace: "keep", Name: "web", Type: object.Headless}, 0)
	w.x.SetEndpointSlice(object.EndpointSlice{Namespace: "keep", Name: "s4", Service: "web", Endpoints: []object.Endpoint{{Addr: w.shared, Hostname: "h"}}}, 0)
	w.x.SetEndpointSlice(object.EndpointSlice{Namespace: "keep", Name: "s6", Service: "web", Endpoints: []object.Endpoint{{Addr: w.own}}}, 0)
	w.x.SetPod(object.Pod{Namespace: "keep", Name: "p", IPs: []netip.Addr{w.shared}}, 0)
	w.change(0)
}

// change changes what is known of a client that is kept.
func (w *world) change(version int) {
	w.x.SetPod(object.Pod{
		Namespace: "keep", Name: "client", Named: true, Record: true, IPs: []netip.Addr{w.client},
		Labels: object.Labels(fmt.Sprintf("version\x00%d\x00", version)), Node: "node",
	}, 0)
	w.x.SetNode(object.Node{
		Name: "node", Zone: fmt.Sprintf("zone-%d", version),
		PodCIDRs: []netip.Prefix{netip.PrefixFrom(w.client, 24).Masked()},
		Addrs:    []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(version)})},
	}, 0)
}

const names = 40

func name(i int) string { return fmt.Sprintf("n%d", i) }

// write makes a random change.
func (w *world) write(r *rand.Rand, version int) {
	i := r.IntN(names)
	v6 := netip.AddrFrom16([16]byte{0xfd, 15: byte(i)})
	w.change(version)
	switch r.IntN(12) {
	case 0:
		w.x.SetNamespace(name(i), 0)
		w.x.SetPod(object.Pod{Namespace: "keep", Name: name(i), IPs: []netip.Addr{w.shared, v6}}, 0)
	case 1:
		w.x.DeleteNamespace(name(i))
		w.x.DeletePod("keep", name(i))
	case 2, 3, 4:
		w.x.SetService(object.Service{
			Namespace: "many", Name: name(i), ClusterIPs: someIPs(version), ExternalName: fmt.Sprint(version),
			Ports: []object.Port{{Name: fmt.Sprint(version), Number: 1}},
		}, 0)
	case 5:
		w.x.DeleteService("many", name(i))
	case 6:
		w.x.DeleteEndpointSlice("many", name(i))
	case 7:
		w.x.DeleteEndpointSlice("many", name(i)+"-twin")
	case 8: // the same address as the slice has
		w.x.SetEndpointSlice(object.EndpointSlice{Namespace: "many", Name: name(i) + "-twin", Service: name(i), Endpoints: []object.Endpoint{{Addr: w.shared}}}, 0)
	default:
		s := object.EndpointSlice{Namespace: "many", Name: name(i), Service: name(i), Ports: []object.Port{{Name: fmt.Sprint(version), Number: 1}}}
		for n := range 1 + r.IntN(5) {
			s.Endpoints = append(s.Endpoints, object.Endpoint{Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + n)}), Hostname: fmt.Sprint(version)})
		}
		w.x.SetEndpointSlice(s, 0)
	}
}

// someIPs returns addresses that no other version has, many of them so that it
// takes time to make them known.
func someIPs(version int) []netip.Addr {
	ips := make([]netip.Addr, 16)
	for i := range ips {
		ips[i] = netip.AddrFrom16([16]byte{0xfc, 12: byte(version >> 16), 13: byte(version >> 8), 14: byte(version), 15: byte(i)})
	}
	return ips
}

// read looks at something random and says what is wrong with it, or "".
func (w *world) read(r *rand.Rand, serial *uint32) string {
	now := w.x.Serial()
	if now < *serial {
		return fmt.Sprintf("serial fell from %d to %d", *serial, now)
	}
	*serial = now
	if wrong := w.kept(); wrong != "" {
		return wrong
	}
	return w.changed(name(r.IntN(names)))
}

// kept looks at what is never touched.
func (w *world) kept() string {
	if _, ok := w.x.Namespace("KEEP"); !ok {
		return "lost the namespace"
	}
	s := w.x.Service("keep", "Web")
	if s == nil || len(s.Groups) != 2 {
		return fmt.Sprintf("lost the Service or its endpoints: %+v", s)
	}
	if !w.x.HasPod("keep", w.shared) {
		return "lost the Pod"
	}
	if c := w.x.Client(w.client); c.Namespace != "keep" || c.Pod != "client" || c.Labels == "" || c.Node != "node" || c.Zone == "" {
		return fmt.Sprintf("lost the client: %+v", c)
	}
	if addrs := w.x.AppendPodAddrs(nil, "Keep", "Client"); len(addrs) != 1 || !w.x.AnyBelow(netip.PrefixFrom(w.client, 24)) {
		return "lost the record of the client"
	}
	for _, a := range []netip.Addr{w.shared, w.own} {
		for bits := 8; bits <= a.BitLen(); bits += 8 {
			if p := netip.PrefixFrom(a, bits); !w.x.AnyBelow(p) {
				return fmt.Sprintf("AnyBelow(%s) = false", p)
			}
		}
		if !owned(w.x, a, "web") {
			return fmt.Sprintf("the Service is not an owner of %s", a)
		}
	}
	return ""
}

// changed looks at a Service that changes all the time.
func (w *world) changed(name string) string {
	s := w.x.Service("many", name)
	if s == nil {
		return ""
	}
	if s.Name != name || s.Ports[0].Name != s.ExternalName() {
		return fmt.Sprintf("Service of two versions: %+v", s)
	}
	if wrong := inconsistent(s); wrong != "" {
		return fmt.Sprintf("Service %s: %s", name, wrong)
	}
	for a := range s.ClusterIPs.All() {
		if !owned(w.x, a, name) && w.x.Service("many", name) == s {
			return fmt.Sprintf("%s is not an owner of its cluster IP %s", name, a)
		}
	}
	for _, g := range s.Groups {
		for i := range g.Len() {
			if len(g.Ports) == 1 && g.Hostname(i) != "" && g.Hostname(i) != g.Ports[0].Name {
				return fmt.Sprintf("group of two versions: hostname %s, port %s", g.Hostname(i), g.Ports[0].Name)
			}
			// As long as a record is the current one, its addresses lead to it.
			found := owned(w.x, g.Addr(i), name)
			if !found && w.x.Service("many", name) == s {
				return fmt.Sprintf("%s is not an owner of %s", name, g.Addr(i))
			}
		}
	}
	for s := range w.x.Owners(w.shared) {
		_ = s.Name
	}
	return ""
}

func owned(x *index.Index, a netip.Addr, name string) bool {
	for s := range x.Owners(a) {
		if s.Name == name {
			return true
		}
	}
	return false
}
