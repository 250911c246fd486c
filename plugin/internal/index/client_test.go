// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// TestClient is who has an address, in words.
func TestClient(t *testing.T) {
	x := index.New()
	pod := func(name string, edit func(p *object.Pod), ips ...string) {
		p := object.Pod{Namespace: "demo", Name: name, Named: true, IPs: addrs(ips...)}
		edit(&p)
		x.SetPod(p, 1)
	}
	node := func(name, zone, network string, own ...string) {
		x.SetNode(object.Node{Name: name, Zone: zone, Addrs: addrs(own...), PodCIDRs: []netip.Prefix{netip.MustParsePrefix(network)}}, 1)
	}
	node("a", "zone-a", "10.1.0.0/24", "192.0.2.1", "2001:db8::1")
	node("b", "zone-b", "10.1.1.0/24", "192.0.2.2")
	node("wide", "zone-w", "10.1.0.0/16")
	node("twin-1", "zone-1", "10.2.0.0/24", "192.0.2.9")
	node("twin-2", "zone-2", "10.2.0.0/24", "192.0.2.9")
	pod("web", func(p *object.Pod) { p.Labels = "app\x00web\x00" }, "10.1.0.7", "fd00::7")
	pod("nameless", func(p *object.Pod) { p.Named = false }, "10.1.1.7")
	pod("agent", func(p *object.Pod) { p.HostNetwork = true }, "192.0.2.1")
	pod("strange", func(*object.Pod) {}, "192.0.2.2") // no network would do that
	pod("old", func(*object.Pod) {}, "10.1.0.8")
	pod("new", func(*object.Pod) {}, "10.1.0.8")
	pod("moved", func(p *object.Pod) { p.Node, p.Zone = "b", "from-label" }, "10.1.0.9")
	pod("unknown-node", func(p *object.Pod) { p.Node, p.Zone = "gone", "from-label" }, "10.3.0.9")
	for a, want := range map[string]index.Client{
		"10.1.0.7":    {Namespace: "demo", Pod: "web", Labels: "app\x00web\x00", Node: "a", Zone: "zone-a"},
		"fd00::7":     {Namespace: "demo", Pod: "web", Labels: "app\x00web\x00"},
		"10.1.1.7":    {Namespace: "demo", Node: "b", Zone: "zone-b"},
		"10.1.0.77":   {Node: "a", Zone: "zone-a"},
		"10.1.9.9":    {Node: "wide", Zone: "zone-w"},
		"192.0.2.1":   {Node: "a", Zone: "zone-a", Host: true},
		"2001:db8::1": {Node: "a", Zone: "zone-a", Host: true},
		"192.0.2.2":   {Node: "b", Zone: "zone-b", Host: true},
		"192.0.2.9":   {Host: true},
		"10.2.0.1":    {},
		"10.1.0.8":    {Node: "a", Zone: "zone-a"},
		"10.1.0.9":    {Namespace: "demo", Pod: "moved", Node: "b", Zone: "zone-b"},
		"10.3.0.9":    {Namespace: "demo", Pod: "unknown-node", Node: "gone", Zone: "from-label"},
		"203.0.113.1": {},
	} {
		if got := x.Client(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: got %+v, want %+v", a, got, want)
		}
	}
	if got := x.Client(netip.Addr{}); got != (index.Client{}) {
		t.Errorf("no address: got %+v", got)
	}
	x.DeletePod("demo", "old")
	if got := x.Client(netip.MustParseAddr("10.1.0.8")).Pod; got != "new" {
		t.Errorf("when the old Pod is gone: got %q, want new", got)
	}
}

// TestClientInAnyOrder: two replicas that are told of the same Pods and Nodes in
// different orders, after different histories, take a client for the same.
func TestClientInAnyOrder(t *testing.T) {
	u := newUniverse()
	u.v4, u.v6 = u.v4[:6], u.v6[:5] // so that they meet
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 3))
		last := make(map[string]op) // of each object
		for range 12 {
			o := op{setPod: u.pod(r, pick(r, u.namespaces))}
			last["pod "+o.setPod.Namespace+"/"+o.setPod.Name] = o
		}
		for range 3 {
			o := op{setNode: u.node(r)}
			last["node "+o.setNode.Name] = o
		}
		var want string
		for replica := range 6 {
			x := index.New()
			for range r.IntN(30) { // what was before
				switch o := u.op(r); {
				case o.setPod != nil, o.setNode != nil, o.delPd != nil, o.delNode != "":
					o.apply(x)
				}
			}
			const gen = 7
			for _, o := range last { // in random order
				o.gen = gen
				o.apply(x)
			}
			x.Sweep(object.Pods, gen)
			x.Sweep(object.Nodes, gen)
			got := ""
			for _, a := range u.addrs() {
				ns, name, _ := x.PodRecord(a)
				got += fmt.Sprintf("%s %+v %s/%s\n", a, x.Client(a), ns, name)
			}
			if replica == 0 {
				want = got
			} else if got != want {
				t.Fatalf("seed %d: replica %d says\n%s\nand replica 0\n%s", seed, replica, got, want)
			}
		}
	}
}
