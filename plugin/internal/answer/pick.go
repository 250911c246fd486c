// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"bytes"
	"slices"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// A pick is the endpoints of a group that a name asks for: a range of them, or
// those at some positions.
type pick struct {
	g           *index.Group
	from, to    int
	hosts, pods []uint32
	zone        string // only endpoints in this topology zone, unless it is empty
	byZone      bool   // hosts are the endpoints in zone
	byName      bool   // only endpoints that are called so
	podNames    bool   // Options.EndpointPodNames
}

// pick returns what the name asks for of g. Nothing is searched unless it
// names an endpoint.
func (l *lookup) pick(g *index.Group) pick {
	switch {
	case l.zone != "":
		return pick{g: g, hosts: g.ByZone(l.zone), byZone: true}
	case l.name.Kind == qname.Endpoint && !l.inCluster(g):
		return pick{g: g}
	case l.name.Kind == qname.Endpoint:
		return l.pickNamed(g, l.name.Endpoint)
	case l.name.Kind == qname.Port && !slices.ContainsFunc(g.Ports, l.matches):
		return pick{g: g}
	}
	return pick{g: g, to: g.Len()}
}

// inCluster reports whether the endpoints of g are in the cluster that the name
// asks for: in a zone that is not of the clusterset it asks for none.
func (l *lookup) inCluster(g *index.Group) bool {
	return l.name.Cluster == "" || qname.EqualFold(g.Cluster(), l.name.Cluster)
}

// pickNamed returns the endpoints of g that are called name. It searches by halves.
func (l *lookup) pickNamed(g *index.Group, name string) pick {
	p := pick{g: g, byName: true, zone: l.zone, podNames: l.o.EndpointPodNames, hosts: g.ByHostname(name)}
	if p.podNames {
		p.pods = g.ByPod(name)
	}
	if a, ok := qname.ParseDashed(name); ok && qname.IsDashed(name, a) {
		p.from, p.to = g.FindAddr(a)
	}
	return p
}

// len returns the number of candidates.
func (p *pick) len() int { return p.to - p.from + len(p.hosts) + len(p.pods) }

// at returns the position of candidate k in the group. ok is false if the
// endpoint is called otherwise: it has a hostname, which goes before the name of
// its Pod, which goes before its address.
func (p *pick) at(k int) (i int, ok bool) {
	i, ok = p.candidate(k)
	return i, ok && inZone(p.g, i, p.zone)
}

func (p *pick) candidate(k int) (i int, ok bool) {
	if k < len(p.hosts) {
		return int(p.hosts[k]), true
	}
	k -= len(p.hosts)
	if k < len(p.pods) {
		i = int(p.pods[k])
		return i, p.g.Hostname(i) == ""
	}
	i = p.from + k - len(p.pods)
	return i, !p.byName || p.g.Hostname(i) == "" && (!p.podNames || p.g.Pod(i) == "")
}

// seen reports whether a candidate before candidate k, which is endpoint i, has
// its address, and its name if that is asked for.
func (p *pick) seen(l *lookup, k, i int) bool {
	switch {
	case p.byName:
		return l.again(p.g, i)
	case p.byZone:
		return k > 0 && p.g.Addr(int(p.hosts[k-1])) == p.g.Addr(i)
	}
	return p.g.Same(i)
}

// next returns the position of the first endpoint at or after candidate k, and
// the candidate after it. ok is false if there is none.
func (p *pick) next(k int) (i, after int, ok bool) {
	for ; k < p.len(); k++ {
		if i, ok := p.at(k); ok {
			return i, k + 1, true
		}
	}
	return 0, k, false
}

// first returns the least position. ok is false if there is none.
func (p *pick) first() (least int, ok bool) {
	least, k, ok := p.next(0)
	for ok && k < p.len() {
		i, after, more := p.next(k)
		if !more {
			break
		}
		least, k = min(least, i), after
	}
	return least, ok
}

// anyPicked reports whether the name asks for any endpoint at all.
func (l *lookup) anyPicked() bool {
	for _, g := range l.groups {
		p := l.pick(g)
		if _, _, ok := p.next(0); ok {
			return true
		}
	}
	return false
}

// label returns what endpoint i of g is called. It is made in buf if need be.
func (l *lookup) label(buf []byte, g *index.Group, i int) []byte {
	if name := l.given(g, i); name != "" {
		return append(buf, name...)
	}
	return qname.AppendDashed(buf, g.Addr(i))
}

// labelLen returns the length of what endpoint i of g is called, with the
// cluster that it is in.
func (l *lookup) labelLen(g *index.Group, i int) int {
	var buf [64]byte
	n := len(l.label(buf[:0], g, i))
	if cluster := g.Cluster(); cluster != "" {
		n += len(".") + len(cluster)
	}
	return n
}

// again reports whether an endpoint of g before endpoint i has its address and
// its name. Those that share an address follow each other.
func (l *lookup) again(g *index.Group, i int) bool {
	if !g.Same(i) {
		return false
	}
	var buf, before [64]byte
	label := l.label(buf[:0], g, i)
	for j := i - 1; j >= 0; j-- {
		if bytes.Equal(label, l.label(before[:0], g, j)) {
			return true
		}
		if !g.Same(j) {
			break
		}
	}
	return false
}

// before reports whether a group of s before group n that has a port that the
// name asks for has the address and the name of endpoint i of group n.
func (l *lookup) before(s *index.Service, n, i int) bool {
	if !s.Overlap {
		return false
	}
	var buf, other [64]byte
	label := l.label(buf[:0], l.groups[n], i)
	for _, g := range l.groups[:n] {
		if g.Cluster() != l.groups[n].Cluster() || l.name.Kind == qname.Port && !slices.ContainsFunc(g.Ports, l.matches) {
			continue
		}
		first, last := g.FindAddr(l.groups[n].Addr(i))
		for j := first; j < last; j++ {
			if inZone(g, j, l.zone) && bytes.Equal(label, l.label(other[:0], g, j)) {
				return true
			}
		}
	}
	return false
}

// given returns the name that endpoint i of g has by itself or from its Pod,
// or "" if it is called after its address.
func (l *lookup) given(g *index.Group, i int) string {
	if h := g.Hostname(i); h != "" || !l.o.EndpointPodNames {
		return h
	}
	return g.Pod(i)
}

// repeats reports whether an endpoint before endpoint i of group n of s has its
// name and a port of that number: their SRV records would be the same.
func (l *lookup) repeats(s *index.Service, n, i int, number uint16) bool {
	name := l.given(l.groups[n], i)
	if name == "" {
		if !l.anyGiven(s) {
			return false // all are called after their address, which no other has
		}
		var buf [64]byte
		name = string(l.label(buf[:0], l.groups[n], i))
	}
	for _, g := range l.groups[:n] {
		p := l.pickNamed(g, name)
		if _, _, ok := p.next(0); ok && g.Cluster() == l.groups[n].Cluster() && l.hasNumber(g, number) {
			return true
		}
	}
	p := l.pickNamed(l.groups[n], name)
	first, _ := p.first()
	return first != i
}

// anyGiven reports whether an endpoint of s has a name that is not its address.
func (l *lookup) anyGiven(s *index.Service) bool {
	return slices.ContainsFunc(l.groups, func(g *index.Group) bool {
		return g.HasHostnames() || l.o.EndpointPodNames && g.HasPods()
	})
}

// hasNumber reports whether g has a port of that number that the name asks for.
func (l *lookup) hasNumber(g *index.Group, number uint16) bool {
	return slices.ContainsFunc(g.Ports, func(p object.Port) bool { return p.Number == number && l.matches(p) })
}

// inZone reports whether endpoint i of g is in a topology zone; every one is in the zone "".
func inZone(g *index.Group, i int, zone string) bool {
	return zone == "" || qname.EqualFold(g.Zone(i), zone)
}
