// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"net/netip"
	"slices"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// TopologyMode says what the name of a headless Service that asks for near
// endpoints (spec.trafficDistribution, KEP-3015 and KEP-4444) is answered with.
type TopologyMode uint8

const (
	// TopologyOff is all endpoints, in no order.
	TopologyOff TopologyMode = iota
	// TopologyPrefer is those near the client, if there are enough of them, else all.
	TopologyPrefer
	// TopologyOrder is all endpoints, those near the client first.
	TopologyOrder
)

// A Topology says how answers depend on where the client is.
type Topology struct {
	Mode TopologyMode
	// Min is how many near endpoints of the family are enough for TopologyPrefer; at least 1.
	Min int
}

// A nearness is how far an endpoint is from the client.
type nearness int

const (
	onNode nearness = iota
	inSameZone
	elsewhere
)

// A spot is where a client is, as far as the Service asks for it and it is known.
type spot struct{ node, zone string }

// spot returns where the client is. ok is false if that makes no difference.
func (l *lookup) spot(s *index.Service) (at spot, ok bool) {
	if l.o.Topology.Mode == TopologyOff || s.Traffic == object.Anywhere || l.name.Kind != qname.Service || l.imported {
		return spot{}, false
	}
	c := l.x.Client(l.q.Client)
	if at.zone = c.Zone; s.Traffic == object.SameNode {
		at.node = c.Node
	}
	return at, at != spot{}
}

// to returns how far endpoint i of g is.
func (at spot) to(g *index.Group, i int) nearness {
	switch {
	case at.node != "" && g.Node(i) == at.node:
		return onNode
	case at.zone != "" && inZone(g, i, at.zone):
		return inSameZone
	}
	return elsewhere
}

// each calls f with the endpoints of g that are so far.
func (at spot) each(g *index.Group, how nearness, f func(i int)) {
	var listed []uint32
	switch how {
	case onNode:
		if at.node != "" {
			listed = g.ByNode(at.node)
		}
	case inSameZone:
		if at.zone != "" {
			listed = g.ByZone(at.zone)
		}
	case elsewhere:
		for i := range g.Len() {
			if at.to(g, i) == how {
				f(i)
			}
		}
	}
	for _, i := range listed {
		if at.to(g, int(i)) == how {
			f(int(i))
		}
	}
}

// near returns the addresses of the endpoints of one family, each once and the
// nearest first. Those that are as near as each other begin with another one
// for each query.
func (l *lookup) near(at spot, v4 bool) []netip.Addr {
	var addrs []netip.Addr
	seen := make(map[netip.Addr]struct{})
	for how := onNode; how <= elsewhere; how++ {
		first := len(addrs)
		for _, g := range l.groups {
			if g.Is4() != v4 {
				continue
			}
			at.each(g, how, func(i int) {
				a := g.Addr(i)
				if _, again := seen[a]; !again {
					seen[a] = struct{}{}
					addrs = append(addrs, a)
				}
			})
		}
		rotate(addrs[first:], l.q.Start)
		if l.o.Topology.Mode == TopologyPrefer && len(addrs) >= l.o.Topology.Min {
			break
		}
	}
	if limit := l.limit(); limit > 0 {
		addrs = addrs[:min(limit, len(addrs))]
	}
	return addrs
}

// rotate has addrs begin with the one at start, counted around.
func rotate(addrs []netip.Addr, start uint32) {
	if n := len(addrs); n > 1 {
		copy(addrs, slices.Concat(addrs[start%uint32(n):], addrs[:start%uint32(n)]))
	}
}
