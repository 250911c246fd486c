// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// A Group is a set of endpoints that have their ports in common, ordered by
// address. It is immutable and packed: all addresses are of one family.
type Group struct {
	Ports []object.Port

	v4 [][4]byte
	v6 [][16]byte
	// Per endpoint, nil if no endpoint has one.
	hostnames, pods []string
	// The endpoints that have a hostname (a pod name) in the order of that name.
	byHostname, byPod []uint32
}

// newGroup packs endpoints, which are in the order of their address.
func newGroup(ports []object.Port, endpoints []object.Endpoint) *Group {
	g := &Group{Ports: ports}
	for i, e := range endpoints {
		if e.Addr.Is4() {
			g.v4 = append(grown(g.v4, len(endpoints)), e.Addr.As4())
		} else {
			g.v6 = append(grown(g.v6, len(endpoints)), e.Addr.As16())
		}
		g.hostnames = setName(g.hostnames, len(endpoints), i, e.Hostname)
		g.pods = setName(g.pods, len(endpoints), i, e.Pod)
	}
	g.byHostname = orderOf(g.hostnames)
	g.byPod = orderOf(g.pods)
	return g
}

func grown[T any](s []T, n int) []T {
	if s == nil {
		return make([]T, 0, n)
	}
	return s
}

func setName(names []string, n, i int, name string) []string {
	if name == "" {
		return names
	}
	if names == nil {
		names = make([]string, n)
	}
	names[i] = name
	return names
}

// orderOf returns the positions of the names that are not empty, ordered by name.
func orderOf(names []string) []uint32 {
	var order []uint32
	for i, name := range names {
		if name != "" {
			order = append(grown(order, len(names)), uint32(i))
		}
	}
	slices.SortStableFunc(order, func(a, b uint32) int { return strings.Compare(names[a], names[b]) })
	return order
}

// Len returns the number of endpoints. Endpoints that share an address but not
// a name are counted apiece; they follow each other.
func (g *Group) Len() int { return len(g.v4) + len(g.v6) }

// Is4 reports whether the addresses are IPv4.
func (g *Group) Is4() bool { return g.v4 != nil }

// Addr returns the address of endpoint i.
func (g *Group) Addr(i int) netip.Addr {
	if g.v4 != nil {
		return netip.AddrFrom4(g.v4[i])
	}
	return netip.AddrFrom16(g.v6[i])
}

// Same reports whether endpoint i has the address of the one before it.
func (g *Group) Same(i int) bool {
	if i == 0 {
		return false
	}
	if g.v4 != nil {
		return g.v4[i] == g.v4[i-1]
	}
	return g.v6[i] == g.v6[i-1]
}

// Hostname returns the hostname of endpoint i, or "".
func (g *Group) Hostname(i int) string { return at(g.hostnames, i) }

// Pod returns the name of the Pod of endpoint i, or "".
func (g *Group) Pod(i int) string { return at(g.pods, i) }

// HasHostnames reports whether any endpoint has a hostname.
func (g *Group) HasHostnames() bool { return g.hostnames != nil }

// HasPods reports whether any endpoint has the name of its Pod.
func (g *Group) HasPods() bool { return g.pods != nil }

func at(names []string, i int) string {
	if names == nil {
		return ""
	}
	return names[i]
}

// FindAddr returns the endpoints first..last-1, those that have the address a.
func (g *Group) FindAddr(a netip.Addr) (first, last int) {
	n := g.Len()
	if a.Is4() != g.Is4() || n == 0 {
		return 0, 0
	}
	first = sort.Search(n, func(i int) bool { return g.Addr(i).Compare(a) >= 0 })
	for last = first; last < n && g.Addr(last) == a; last++ {
	}
	return first, last
}

// ByHostname returns the positions of the endpoints whose hostname is name, in any letter case.
func (g *Group) ByHostname(name string) []uint32 { return byName(g.hostnames, g.byHostname, name) }

// ByPod returns the positions of the endpoints whose Pod's name is name, in any letter case.
func (g *Group) ByPod(name string) []uint32 { return byName(g.pods, g.byPod, name) }

func byName(names []string, order []uint32, name string) []uint32 {
	first, found := slices.BinarySearchFunc(order, name, func(i uint32, name string) int { return compareFold(names[i], name) })
	if !found {
		return nil
	}
	last := first + 1
	for last < len(order) && equalFold(names[order[last]], name) {
		last++
	}
	return order[first:last]
}

// compareFold orders as [strings.Compare] does with name in lower case.
func compareFold(stored, name string) int {
	for i := range min(len(stored), len(name)) {
		if c := cmp.Compare(stored[i], lowerByte(name[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(stored), len(name))
}

// endpoints unpacks g.
func (g *Group) endpoints() []object.Endpoint {
	out := make([]object.Endpoint, g.Len())
	for i := range out {
		out[i] = object.Endpoint{Addr: g.Addr(i), Hostname: g.Hostname(i), Pod: g.Pod(i)}
	}
	return out
}

func (g *Group) equal(h *Group) bool {
	return g == h || slices.Equal(g.v4, h.v4) && slices.Equal(g.v6, h.v6) &&
		slices.Equal(g.hostnames, h.hostnames) && slices.Equal(g.pods, h.pods) &&
		slices.Equal(g.Ports, h.Ports)
}
