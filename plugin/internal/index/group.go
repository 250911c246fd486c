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

	packed string // the addresses
	names  *names // nil if no endpoint has one
	size   uint8  // octets of an address
}

// names are what endpoints are called, and where they are.
type names struct {
	hostnames, pods, zones, nodes column
	cluster                       string // that all of them are in
}

// A column is one name per endpoint, some of them empty; it is nil if all are.
type column struct {
	names  []string
	byName []uint32 // those that have a name, in the order of it
}

var (
	noNames     = new(names)
	noEndpoints = new(Group)
)

// newGroup packs endpoints of one cluster, which are in the order of their address.
func newGroup(cluster string, ports []object.Port, endpoints []object.Endpoint) *Group {
	if len(endpoints) == 0 {
		return noEndpoints
	}
	g := &Group{Ports: ports, size: uint8(endpoints[0].Addr.BitLen() / 8)}
	var small [64]byte
	packed := small[:0]
	if n := len(endpoints) * int(g.size); n > len(small) {
		packed = make([]byte, 0, n)
	}
	named := names{cluster: cluster}
	for i, e := range endpoints {
		packed = appendAddr(packed, e.Addr)
		named.hostnames.set(len(endpoints), i, e.Hostname)
		named.pods.set(len(endpoints), i, e.Pod)
		named.zones.set(len(endpoints), i, e.Zone)
		named.nodes.set(len(endpoints), i, e.Node)
	}
	g.packed = string(packed)
	if !named.equal(noNames) {
		named.order()
		g.names = &named
	}
	return g
}

// order makes the names of every column searchable.
func (n *names) order() {
	for _, c := range []*column{&n.hostnames, &n.pods, &n.zones, &n.nodes} {
		c.byName = orderOf(c.names)
	}
}

func grown[T any](s []T, n int) []T {
	if s == nil {
		return make([]T, 0, n)
	}
	return s
}

// set makes name that of endpoint i of n.
func (c *column) set(n, i int, name string) {
	if name == "" {
		return
	}
	if c.names == nil {
		c.names = make([]string, n)
	}
	c.names[i] = name
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
func (g *Group) Len() int {
	if g.size == 0 {
		return 0
	}
	return len(g.packed) / int(g.size)
}

// Is4 reports whether the addresses are IPv4.
func (g *Group) Is4() bool { return g.size == 4 }

// at returns the octets of the address of endpoint i.
func (g *Group) at(i int) string { return g.packed[i*int(g.size):][:g.size] }

// Addr returns the address of endpoint i.
func (g *Group) Addr(i int) netip.Addr { return addrOf(g.at(i)) }

// Same reports whether endpoint i has the address of the one before it.
func (g *Group) Same(i int) bool { return i > 0 && g.at(i) == g.at(i-1) }

// Hostname returns the hostname of endpoint i, or "".
func (g *Group) Hostname(i int) string { return g.called().hostnames.at(i) }

// Pod returns the name of the Pod of endpoint i, or "".
func (g *Group) Pod(i int) string { return g.called().pods.at(i) }

// Zone returns the zone of endpoint i, or "".
func (g *Group) Zone(i int) string { return g.called().zones.at(i) }

// Node returns the name of the Node of endpoint i, or "".
func (g *Group) Node(i int) string { return g.called().nodes.at(i) }

// Cluster returns the name of the cluster that the endpoints are in, in lower
// case, if they are those of an imported Service, or "".
func (g *Group) Cluster() string { return g.called().cluster }

func (g *Group) called() *names {
	if g.names == nil {
		return noNames
	}
	return g.names
}

// HasHostnames reports whether any endpoint has a hostname.
func (g *Group) HasHostnames() bool { return g.called().hostnames.names != nil }

// HasPods reports whether any endpoint has the name of its Pod.
func (g *Group) HasPods() bool { return g.called().pods.names != nil }

func (c *column) at(i int) string {
	if c.names == nil {
		return ""
	}
	return c.names[i]
}

// FindAddr returns the endpoints first..last-1, those that have the address a.
func (g *Group) FindAddr(a netip.Addr) (first, last int) {
	n := g.Len()
	if a.Is4() != g.Is4() || n == 0 {
		return 0, 0
	}
	var octets [16]byte
	key := string(appendAddr(octets[:0], a)) // which orders as addresses of one family do
	first = sort.Search(n, func(i int) bool { return g.at(i) >= key })
	for last = first; last < n && g.at(last) == key; last++ {
	}
	return first, last
}

// ByHostname returns the positions of the endpoints whose hostname is name, in any letter case.
func (g *Group) ByHostname(name string) []uint32 {
	return g.called().hostnames.find(name)
}

// ByPod returns the positions of the endpoints whose Pod's name is name, in any letter case.
func (g *Group) ByPod(name string) []uint32 {
	return g.called().pods.find(name)
}

// ByZone returns the positions of the endpoints in the zone, in any letter case.
func (g *Group) ByZone(zone string) []uint32 { return g.called().zones.find(zone) }

// ByNode returns the positions of the endpoints on the Node.
func (g *Group) ByNode(node string) []uint32 { return g.called().nodes.find(node) }

// find returns the positions of the endpoints whose name is name, in any letter case.
func (c *column) find(name string) []uint32 {
	names, order := c.names, c.byName
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

// Endpoint unpacks endpoint i.
func (g *Group) Endpoint(i int) object.Endpoint {
	return object.Endpoint{Addr: g.Addr(i), Hostname: g.Hostname(i), Pod: g.Pod(i), Zone: g.Zone(i), Node: g.Node(i)}
}

func (g *Group) equal(h *Group) bool {
	return g == h || g.packed == h.packed && g.size == h.size && slices.Equal(g.Ports, h.Ports) && g.called().equal(h.called())
}

func (n *names) equal(m *names) bool {
	return n == m || n.cluster == m.cluster && slices.Equal(n.hostnames.names, m.hostnames.names) && slices.Equal(n.pods.names, m.pods.names) &&
		slices.Equal(n.zones.names, m.zones.names) && slices.Equal(n.nodes.names, m.nodes.names)
}

// recent is lists of ports that were seen lately. Most Services have the same
// few, so that they can share them.
type recent [256][]object.Port

// share returns a list that is equal to ports.
func (r *recent) share(ports []object.Port) []object.Port {
	if len(ports) == 0 {
		return nil
	}
	last := ports[len(ports)-1]
	place := &r[(int(last.Number)*31+len(last.Name)*7+len(ports))%len(r)]
	if !slices.Equal(*place, ports) {
		*place = slices.Clone(ports)
	}
	return *place
}
