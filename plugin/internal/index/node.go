// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// nodes are the Nodes by name and by network: their own addresses are networks
// of one.
type nodes struct {
	byName   table[node]
	networks table[network]
	// lengths are those of the IPv4 and the IPv6 networks, from long to short.
	lengths [2]atomic.Pointer[[]length]
}

// A node is immutable but for its generation and version.
type node struct {
	object.Node
	gen     uint32 // writer only
	version uint32 // writer only, see SetVersion
}

// A network is one of a node.
type network struct {
	netip.Prefix
	node *node
	own  bool // address of the node itself
}

// A length is how many networks have so many bits.
type length struct{ bits, networks int }

func (n *node) is(name string) bool { return n.Name != "" && n.Name == name }

func (x *Index) node(name string) *node {
	return find(&x.nodes.byName, x.hashNode(name), name, (*node).is)
}

func (x *Index) hashNode(name string) uint64 { return x.podID("", name).hash }

// networkOf returns the smallest network that a is in. If several nodes have
// it, one of them has gone, and which one is told any moment: then ok is false.
func (x *Index) networkOf(a netip.Addr) (n *network, ok bool) {
	lengths := x.nodes.lengths[familyOf(a)].Load()
	if lengths == nil {
		return nil, false
	}
	for _, l := range *lengths {
		p := netip.PrefixFrom(a, l.bits).Masked()
		var found *network
		several := false
		x.nodes.networks.path(x.prefixes.hash(p), func(e *network) bool {
			if e.node == nil || e.Prefix != p {
				return true
			}
			several = several || found != nil && found.node.Name != e.node.Name
			if found == nil || e.own {
				found = e
			}
			return true
		})
		if found != nil {
			return found, !several
		}
	}
	return nil, false
}

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// SetNode adds or replaces n, seen in generation gen. The index owns n from now on.
func (x *Index) SetNode(n object.Node, gen uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	added := &node{Node: n, gen: gen}
	old := x.node(n.Name)
	switch {
	case old == nil:
		x.objects[object.Nodes].Add(1)
		x.nodes.byName.insert(x.hashNode(n.Name), added, func(n *node) uint64 { return x.hashNode(n.Name) })
	case old.same(added):
		old.gen = gen
		return
	default:
		x.nodes.byName.replace(x.hashNode(n.Name), old, added)
	}
	for p, own := range added.networks {
		x.nodes.count(p, 1)
		hash := x.prefixes.hash(p)
		if place := x.nodes.find(hash, old, p, own); place != nil {
			x.nodes.networks.replace(hash, place, &network{p, added, own})
		} else {
			x.nodes.networks.insert(hash, &network{p, added, own}, func(n *network) uint64 { return x.prefixes.hash(n.Prefix) })
		}
	}
	if old != nil {
		x.removeNetworks(old)
	}
}

// find returns the network of n, which may be nil, or nil.
func (ns *nodes) find(hash uint64, n *node, p netip.Prefix, own bool) *network {
	if n == nil {
		return nil
	}
	return find(&ns.networks, hash, n, func(e *network, n *node) bool {
		return e.node == n && e.Prefix == p && e.own == own
	})
}

func (n *node) same(m *node) bool {
	return n.Zone == m.Zone && slices.Equal(n.Addrs, m.Addrs) && slices.Equal(n.PodCIDRs, m.PodCIDRs)
}

// networks yields the networks of n, and whether each is an address of its own.
func (n *node) networks(yield func(p netip.Prefix, own bool) bool) {
	for _, a := range n.Addrs {
		if !yield(netip.PrefixFrom(a, a.BitLen()), true) {
			return
		}
	}
	for _, p := range n.PodCIDRs {
		if !yield(p, false) {
			return
		}
	}
}

// DeleteNode removes the Node.
func (x *Index) DeleteNode(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := x.node(name); n != nil {
		x.deleteNode(n)
	}
}

func (x *Index) deleteNode(n *node) {
	x.nodes.byName.remove(x.hashNode(n.Name), n)
	x.objects[object.Nodes].Add(-1)
	x.removeNetworks(n)
}

func (x *Index) sweepNodes(gen uint32) {
	for n := range x.nodes.byName.all() {
		if n.gen != gen {
			x.deleteNode(n)
		}
	}
}

// removeNetworks removes the networks of n, but for those that were swapped for another's.
func (x *Index) removeNetworks(n *node) {
	for p, own := range n.networks {
		hash := x.prefixes.hash(p)
		if place := x.nodes.find(hash, n, p, own); place != nil {
			x.nodes.networks.remove(hash, place)
		}
		x.nodes.count(p, -1)
	}
}

// count adds n to the number of networks of the length of p.
func (ns *nodes) count(p netip.Prefix, n int) {
	place := &ns.lengths[familyOf(p.Addr())]
	var lengths []length
	if old := place.Load(); old != nil {
		lengths = slices.Clone(*old)
	}
	i, found := slices.BinarySearchFunc(lengths, p.Bits(), func(l length, bits int) int { return bits - l.bits })
	if !found {
		lengths = slices.Insert(lengths, i, length{bits: p.Bits()})
	}
	if lengths[i].networks += n; lengths[i].networks == 0 {
		lengths = slices.Delete(lengths, i, i+1)
	}
	place.Store(&lengths)
}
