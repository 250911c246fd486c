// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"cmp"
	"hash/maphash"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// A slice is one EndpointSlice. Writer only, but for its group, which records share.
type slice struct {
	owner *cell
	next  *slice // of the same owner
	group *Group
	// The name, which most often begins with that of the Service: then only the rest is here.
	rest     string
	prefixed bool
	gen      uint16 // the low bits: what is left of an older list is swept with the next one
	version  uint32 // see SetVersion
}

// A sliceKey is the name of an EndpointSlice. The namespace is its owner's.
type sliceKey struct{ namespace, name string }

func newSlice(name string, owner *cell) *slice {
	rest, prefixed := strings.CutPrefix(name, owner.record.Load().Name)
	return &slice{owner: owner, group: noEndpoints, rest: strings.Clone(rest), prefixed: prefixed}
}

func (s *slice) is(k sliceKey) bool {
	if s.owner == nil {
		return false
	}
	owner := s.owner.record.Load()
	if s.prefixed {
		rest, ok := strings.CutPrefix(k.name, owner.Name)
		return ok && rest == s.rest && k.namespace == owner.Namespace
	}
	return k.name == s.rest && k.namespace == owner.Namespace
}

func (s *slice) key() sliceKey {
	owner := s.owner.record.Load()
	if s.prefixed {
		return sliceKey{owner.Namespace, owner.Name + s.rest}
	}
	return sliceKey{owner.Namespace, s.rest}
}

func (x *Index) hashSlice(s *slice) uint64 { return x.hashSliceKey(s.key()) }

func (x *Index) hashSliceKey(k sliceKey) uint64 { return hashObject(x.seed, k.namespace, k.name) }

// hashObject hashes what Kubernetes calls an object, which DNS need not know:
// letter case counts, and names may be longer than labels.
func hashObject(seed maphash.Seed, namespace, name string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.WriteString(namespace) // it never fails
	_ = h.WriteByte('/')
	_, _ = h.WriteString(name)
	return h.Sum64()
}

func (x *Index) slice(k sliceKey) *slice {
	return find(&x.slices, x.hashSliceKey(k), k, (*slice).is)
}

// SetEndpointSlice adds or replaces s, seen in generation gen. The index owns s from now on.
func (x *Index) SetEndpointSlice(s object.EndpointSlice, gen uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	group := newGroup(s.Cluster, x.recent.share(s.Ports), s.Endpoints)
	key := sliceKey{s.Namespace, s.Name}
	place := x.slice(key)
	owner := x.ensure(s.Namespace, s.Service)
	if place != nil && place.owner != owner { // it was another Service's
		x.deleteSlice(place)
		place = nil
	}
	if place == nil {
		place = newSlice(s.Name, owner)
		place.next, owner.slices = owner.slices, place
		x.slices.insert(x.hashSliceKey(key), place, x.hashSlice)
		x.objects[object.EndpointSlices].Add(1)
	}
	place.gen = uint16(gen)
	if !place.group.equal(group) {
		x.replaceGroup(place, group)
	}
}

// DeleteEndpointSlice removes the EndpointSlice.
func (x *Index) DeleteEndpointSlice(namespace, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s := x.slice(sliceKey{namespace, name}); s != nil {
		x.deleteSlice(s)
	}
}

func (x *Index) deleteSlice(s *slice) {
	x.slices.remove(x.hashSlice(s), s)
	x.objects[object.EndpointSlices].Add(-1)
	x.replaceGroup(s, noEndpoints)
	at := &s.owner.slices
	for *at != s {
		at = &(*at).next
	}
	*at = s.next
	x.drop(s.owner)
}

func (x *Index) sweepSlices(gen uint32) {
	for s := range x.slices.all() {
		if s.gen != uint16(gen) {
			x.deleteSlice(s)
		}
	}
}

// replaceGroup gives s other endpoints and publishes the record of its owner.
// An address is found as long as a record has it.
func (x *Index) replaceGroup(s *slice, group *Group) {
	c, before := s.owner, s.group
	s.group = group
	removed, added := difference(addrs(before), addrs(group))
	c.shared -= x.elsewhere(c, removed)
	for _, a := range added {
		x.own(c, a)
	}
	c.shared += x.elsewhere(c, added)
	x.ready.Add(int64(group.Len() - before.Len()))
	if record := c.record.Load(); !record.absent {
		x.publish(c, record.withoutEndpoints(), object.EndpointSlices)
	}
	for _, a := range removed {
		x.disown(c, a)
	}
}

// elsewhere returns how many of addrs, each of which one slice of c has, a
// second one has.
func (x *Index) elsewhere(c *cell, addrs []netip.Addr) (n int32) {
	for _, a := range addrs {
		times := x.times(c, a)
		if c.clusterIP(a) {
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

// groups returns the endpoints of those slices, from first on, that have any, in the order of these.
func groups(first *slice) []*Group {
	n := 0
	for s := first; s != nil; s = s.next {
		if s.group.Len() > 0 {
			n++
		}
	}
	out := make([]*Group, 0, n)
	for s := first; s != nil; s = s.next {
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
		cmp.Compare(a.Pod(0), b.Pod(0)), cmp.Compare(a.Cluster(), b.Cluster()), slices.CompareFunc(a.Ports, b.Ports, comparePorts))
}

// regroup puts every endpoint that several groups have into one group that has
// the ports of them all. Most of the time each slice is a group of its own; but
// an endpoint may be in two while the controller moves it, or by mistake.
// overlap tells that an address is in two groups nevertheless, under two names.
func regroup(all []*Group) (out []*Group, overlap bool) {
	ports := make(map[located][]object.Port)
	for _, g := range all {
		for i := range g.Len() {
			at := located{g.Endpoint(i), g.Cluster()}
			ports[at] = merge(ports[at], g.Ports)
		}
	}
	type union struct {
		cluster   string
		ports     []object.Port
		endpoints []object.Endpoint
	}
	var unions []*union // with different ports or families
	in := make(map[netip.Addr]*union)
	for _, e := range slices.SortedFunc(maps.Keys(ports), located.compare) {
		p := ports[e]
		slices.SortFunc(p, comparePorts)
		i := slices.IndexFunc(unions, func(u *union) bool {
			return u.cluster == e.cluster && slices.Equal(u.ports, p) && u.endpoints[0].Addr.Is4() == e.Addr.Is4()
		})
		if i < 0 {
			i = len(unions)
			unions = append(unions, &union{cluster: e.cluster, ports: p})
		}
		u := unions[i]
		u.endpoints = append(u.endpoints, e.Endpoint)
		if other, ok := in[e.Addr]; ok && other != u {
			overlap = true
		}
		in[e.Addr] = u
	}
	for _, u := range unions {
		out = append(out, newGroup(u.cluster, u.ports, u.endpoints))
	}
	slices.SortFunc(out, compareGroups)
	return out, overlap
}

// An endpoint is another one in each cluster, even if it has the same address.
type located struct {
	object.Endpoint
	cluster string
}

func (e located) compare(other located) int {
	return cmp.Or(e.Endpoint.Compare(other.Endpoint), cmp.Compare(e.cluster, other.cluster))
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
