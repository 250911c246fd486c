// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// A slice is one EndpointSlice. Writer only, but for its group, which records share.
type slice struct {
	owner *cell
	group *Group
	gen   uint32
}

type sliceKey struct{ namespace, name string }

// SetEndpointSlice adds or replaces s, seen in generation gen. The index owns s from now on.
func (x *Index) SetEndpointSlice(s object.EndpointSlice, gen uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := sliceKey{s.Namespace, s.Name}
	group := newGroup(s.Ports, s.Endpoints)
	owner := x.ensure(s.Namespace, s.Service)
	old, ok := x.slices[key]
	switch {
	case ok && old.owner == owner && old.group.equal(group):
		old.gen = gen
		return
	case ok && old.owner == owner:
		old.gen = gen
		before := old.group
		old.group = group
		x.replaceGroup(old, before)
		return
	case ok:
		x.deleteSlice(key, old) // it was another Service's
		owner = x.ensure(s.Namespace, s.Service)
	}
	added := &slice{owner: owner, group: group, gen: gen}
	x.slices[key] = added
	owner.slices = append(owner.slices, added)
	x.objects[object.EndpointSlices].Add(1)
	x.replaceGroup(added, &Group{})
}

// DeleteEndpointSlice removes the EndpointSlice.
func (x *Index) DeleteEndpointSlice(namespace, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := sliceKey{namespace, name}
	if s, ok := x.slices[key]; ok {
		x.deleteSlice(key, s)
	}
}

func (x *Index) deleteSlice(key sliceKey, s *slice) {
	delete(x.slices, key)
	x.objects[object.EndpointSlices].Add(-1)
	i := slices.Index(s.owner.slices, s)
	s.owner.slices = slices.Delete(s.owner.slices, i, i+1)
	before := s.group
	s.group = &Group{}
	x.replaceGroup(s, before)
}

func (x *Index) sweepSlices(gen uint32) {
	for key, s := range x.slices {
		if s.gen != gen {
			x.deleteSlice(key, s)
		}
	}
}

// replaceGroup publishes the record of the owner of s, which had the endpoints
// before. An address is found as long as a record has it.
func (x *Index) replaceGroup(s *slice, before *Group) {
	c := s.owner
	removed, added := difference(addrs(before), addrs(s.group))
	c.shared -= x.elsewhere(c, removed)
	x.own(c, added)
	c.shared += x.elsewhere(c, added)
	x.ready.Add(int64(s.group.Len() - before.Len()))
	x.publish(c, object.EndpointSlices)
	x.disown(c, removed)
}

// elsewhere returns how many of addrs, each of which one slice of c has, a
// second one has.
func (x *Index) elsewhere(c *cell, addrs []netip.Addr) int {
	n := 0
	for _, a := range addrs {
		times := x.Owners(a).times(c)
		if c.object != nil && slices.Contains(c.object.ClusterIPs, a) {
			times--
		}
		if times > 1 {
			n++
		}
	}
	return n
}

// difference returns what of a is not in b, and what of b is not in a. Both are sorted.
func difference(a, b []netip.Addr) (onlyA, onlyB []netip.Addr) {
	for len(a) > 0 && len(b) > 0 {
		switch c := a[0].Compare(b[0]); {
		case c < 0:
			onlyA, a = append(onlyA, a[0]), a[1:]
		case c > 0:
			onlyB, b = append(onlyB, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return append(onlyA, a...), append(onlyB, b...)
}

func addrs(g *Group) []netip.Addr {
	out := make([]netip.Addr, 0, g.Len())
	for i := range g.Len() {
		if !g.Same(i) {
			out = append(out, g.Addr(i))
		}
	}
	return out
}

// groups returns the slices that have endpoints, in the order of these.
func groups(all []*slice) []*Group {
	out := make([]*Group, 0, len(all))
	for _, s := range all {
		if s.group.Len() > 0 {
			out = append(out, s.group)
		}
	}
	slices.SortFunc(out, compareGroups)
	return out
}

// compareGroups orders by the first endpoint, and then by the ports.
func compareGroups(a, b *Group) int {
	return cmp.Or(a.Addr(0).Compare(b.Addr(0)), cmp.Compare(a.Hostname(0), b.Hostname(0)),
		cmp.Compare(a.Pod(0), b.Pod(0)), slices.CompareFunc(a.Ports, b.Ports, comparePorts))
}

// regroup puts every endpoint that several groups have into one group that has
// the ports of them all. Most of the time each slice is a group of its own; but
// an endpoint may be in two while the controller moves it, or by mistake.
// overlap tells that an address is in two groups nevertheless, under two names.
func regroup(all []*Group) (out []*Group, overlap bool) {
	ports := make(map[object.Endpoint][]object.Port)
	for _, g := range all {
		for _, e := range g.endpoints() {
			ports[e] = merge(ports[e], g.Ports)
		}
	}
	type union struct {
		ports     []object.Port
		endpoints []object.Endpoint
	}
	var unions []*union // with different ports or families
	in := make(map[netip.Addr]*union)
	for _, e := range slices.SortedFunc(maps.Keys(ports), compareEndpoints) {
		p := ports[e]
		slices.SortFunc(p, comparePorts)
		i := slices.IndexFunc(unions, func(u *union) bool {
			return slices.Equal(u.ports, p) && u.endpoints[0].Addr.Is4() == e.Addr.Is4()
		})
		if i < 0 {
			i = len(unions)
			unions = append(unions, &union{ports: p})
		}
		u := unions[i]
		u.endpoints = append(u.endpoints, e)
		if other, ok := in[e.Addr]; ok && other != u {
			overlap = true
		}
		in[e.Addr] = u
	}
	for _, u := range unions {
		out = append(out, newGroup(u.ports, u.endpoints))
	}
	slices.SortFunc(out, compareGroups)
	return out, overlap
}

// compareEndpoints orders by address, and those of one address by name.
func compareEndpoints(a, b object.Endpoint) int {
	return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Hostname, b.Hostname), cmp.Compare(a.Pod, b.Pod))
}

func comparePorts(a, b object.Port) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Number, b.Number))
}

// merge appends to a copy of a what of b it has not.
func merge[T comparable](a, b []T) []T {
	a = slices.Clip(a)
	for _, v := range b {
		if !slices.Contains(a, v) {
			a = append(a, v)
		}
	}
	return a
}
