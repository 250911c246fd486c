// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// spread is a cluster with the Nodes a and b in zone x, c in zone y, and d in
// none, which have the Pod networks 10.9.1.0/24 to 10.9.4.0/24, and with a
// headless Service of two IPv4 endpoints on each of a to d and on a Node that is
// not known, in zone y.
func spread(traffic object.Traffic) *index.Index {
	x := index.New()
	x.SetNamespace("demo", 1)
	for i, n := range []object.Node{{Name: "a", Zone: "x"}, {Name: "b", Zone: "x"}, {Name: "c", Zone: "y"}, {Name: "d"}} {
		n.PodCIDRs = []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.9.%d.0/24", i+1))}
		x.SetNode(n, 1)
	}
	x.SetService(object.Service{Namespace: "demo", Name: "db", Type: object.Headless, Traffic: traffic}, 1)
	s := object.EndpointSlice{Namespace: "demo", Name: "db-1", Service: "db"}
	for i, where := range [][2]string{{"a", "x"}, {"b", "x"}, {"c", "y"}, {"d", ""}, {"gone", "y"}} {
		for j := range 2 {
			s.Endpoints = append(s.Endpoints, object.Endpoint{Addr: netip.AddrFrom4([4]byte{10, 0, byte(i + 1), byte(j)}), Node: where[0], Zone: where[1]})
		}
	}
	x.SetEndpointSlice(s, 1)
	return x
}

// parts are the third octets of the addresses that a client is told, in order,
// each as often as it is there.
func parts(t *testing.T, x *index.Index, o answer.Options, client string, q answer.Question) []byte {
	t.Helper()
	if client != "" {
		q.Client = netip.MustParseAddr(client)
	}
	var got []byte
	for _, rr := range answer.Lookup(x, o.Kinds, &o, q).Answer {
		got = append(got, rr.(*dns.A).A.To4()[2])
	}
	return got
}

func TestTopology(t *testing.T) {
	const all = "all"
	for name, tc := range map[string]struct {
		traffic  object.Traffic
		topology answer.Topology
		client   string
		want     any // the third octets in order, or all
	}{
		"prefer, zone":                     {object.SameZone, answer.Topology{Mode: answer.TopologyPrefer, Min: 1}, "10.9.1.7", []byte{1, 1, 2, 2}},
		"prefer, zone of another Node":     {object.SameZone, answer.Topology{Mode: answer.TopologyPrefer, Min: 1}, "10.9.2.7", []byte{1, 1, 2, 2}},
		"prefer, endpoint on unknown Node": {object.SameZone, answer.Topology{Mode: answer.TopologyPrefer, Min: 1}, "10.9.3.7", []byte{3, 3, 5, 5}},
		"prefer, enough":                   {object.SameZone, answer.Topology{Mode: answer.TopologyPrefer, Min: 4}, "10.9.1.7", []byte{1, 1, 2, 2}},
		"prefer, not enough":               {object.SameZone, answer.Topology{Mode: answer.TopologyPrefer, Min: 5}, "10.9.1.7", all},
		"prefer, no zone":                  {object.SameZone, answer.Topology{Mode: answer.TopologyPrefer, Min: 1}, "10.9.4.7", all},
		"prefer, unknown client":           {object.SameZone, answer.Topology{Mode: answer.TopologyPrefer, Min: 1}, "192.0.2.1", all},
		"prefer, no client":                {object.SameZone, answer.Topology{Mode: answer.TopologyPrefer, Min: 1}, "", all},
		"prefer, IPv6 client":              {object.SameZone, answer.Topology{Mode: answer.TopologyPrefer, Min: 1}, "fd00::1", all},
		"prefer, node":                     {object.SameNode, answer.Topology{Mode: answer.TopologyPrefer, Min: 1}, "10.9.1.7", []byte{1, 1}},
		"prefer, node, then zone":          {object.SameNode, answer.Topology{Mode: answer.TopologyPrefer, Min: 3}, "10.9.1.7", []byte{1, 1, 2, 2}},
		"prefer, node without zone":        {object.SameNode, answer.Topology{Mode: answer.TopologyPrefer, Min: 1}, "10.9.4.7", []byte{4, 4}},
		"prefer, anywhere":                 {object.Anywhere, answer.Topology{Mode: answer.TopologyPrefer, Min: 1}, "10.9.1.7", all},
		"order, anywhere":                  {object.Anywhere, answer.Topology{Mode: answer.TopologyOrder}, "10.9.1.7", all},
		"off":                              {object.SameZone, answer.Topology{}, "10.9.1.7", all},
		"order, zone":                      {object.SameZone, answer.Topology{Mode: answer.TopologyOrder}, "10.9.3.7", []byte{3, 3, 5, 5, 1, 1, 2, 2, 4, 4}},
		"order, node":                      {object.SameNode, answer.Topology{Mode: answer.TopologyOrder}, "10.9.3.7", []byte{3, 3, 5, 5, 1, 1, 2, 2, 4, 4}},
		"order, node, then zone":           {object.SameNode, answer.Topology{Mode: answer.TopologyOrder}, "10.9.2.7", []byte{2, 2, 1, 1, 3, 3, 4, 4, 5, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			x := spread(tc.traffic)
			o := with(func(o *answer.Options) { o.Topology = tc.topology })
			want, ok := tc.want.([]byte)
			if !ok {
				want = []byte{1, 1, 2, 2, 3, 3, 4, 4, 5, 5}
			}
			if got := parts(t, x, o, tc.client, question(t, "db.demo.svc A")); !slices.Equal(got, want) {
				t.Errorf("got the endpoints of %v, want %v", got, want)
			}
		})
	}
}

// Only the name of the Service depends on the client: its other names, other
// types, and cluster IPs do not.
func TestTopologyIsOfOneName(t *testing.T) {
	x := spread(object.SameNode)
	x.SetService(object.Service{Namespace: "demo", Name: "web", Traffic: object.SameNode, ClusterIPs: addrs("10.96.0.1")}, 1)
	o := with(func(o *answer.Options) {
		o.Topology, o.Zonal = answer.Topology{Mode: answer.TopologyPrefer, Min: 1}, true
	})
	for _, text := range []string{
		"db.demo.svc AAAA", "db.demo.svc SRV", "10-0-5-1.db.demo.svc A", "y.pin._zone.db.demo.svc A", "q.prefer._zone.db.demo.svc A",
		"web.demo.svc A", "1.5.0.10.in-addr.arpa. PTR", "none.demo.svc A",
	} {
		q := question(t, text)
		nobody := answer.Lookup(x, o.Kinds, &o, q)
		q.Client = netip.MustParseAddr("10.9.1.7")
		if diff := gocmp.Diff(rrsInWords(nobody.Answer), rrsInWords(answer.Lookup(x, o.Kinds, &o, q).Answer)); diff != "" {
			t.Errorf("%s (-nobody +client on a):\n%s", text, diff)
		}
	}
}

// What is cut off is what is far, and those that are as near as each other take turns.
func TestTopologyTakesTurns(t *testing.T) {
	x := spread(object.SameZone)
	o := with(func(o *answer.Options) { o.Topology = answer.Topology{Mode: answer.TopologyOrder} })
	first := make(map[string]int)
	for start := range uint32(40) {
		q := question(t, "db.demo.svc A")
		q.Start, q.Limit, q.Client = start, 3, netip.MustParseAddr("10.9.1.7")
		rrs := answer.Lookup(x, o.Kinds, &o, q).Answer
		if got := parts(t, x, o, "10.9.1.7", q); len(got) != 3 || slices.Max(got) > 2 {
			t.Errorf("start %d: got the endpoints of %v, want three of 1 and 2", start, got)
		}
		first[rrs[0].(*dns.A).A.String()]++
	}
	if want := map[string]int{"10.0.1.0": 10, "10.0.1.1": 10, "10.0.2.0": 10, "10.0.2.1": 10}; !gocmp.Equal(first, want) {
		t.Errorf("first endpoints: got %v, want %v", first, want)
	}
}

// An address that two EndpointSlices have, in two zones, is answered once.
func TestTopologyAnswersOnce(t *testing.T) {
	x := spread(object.SameZone)
	x.SetEndpointSlice(object.EndpointSlice{Namespace: "demo", Name: "db-2", Service: "db", Endpoints: []object.Endpoint{
		{Addr: netip.MustParseAddr("10.0.1.0"), Zone: "y", Node: "c", Hostname: "twin"},
	}}, 1)
	o := with(func(o *answer.Options) { o.Topology = answer.Topology{Mode: answer.TopologyOrder} })
	got := parts(t, x, o, "10.9.1.7", question(t, "db.demo.svc A"))
	if want := []byte{1, 1, 2, 2, 3, 3, 4, 4, 5, 5}; !slices.Equal(got, want) {
		t.Errorf("got the endpoints of %v, want %v", got, want)
	}
}
