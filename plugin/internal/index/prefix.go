// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"hash/maphash"
	"net/netip"
)

// prefixes counts the addresses that have a name below some prefixes, so that an empty
// non-terminal of the reverse tree (RFC 8020) can be told from a name that
// does not exist: for IPv4 at every label, for IPv6 at two of its 32 labels,
// which is where networks end in practice; what lies between is searched.
type prefixes struct {
	seed maphash.Seed
	t    table[prefix]
}

type prefix struct {
	netip.Prefix
	n int // addresses; writer only
}

var (
	prefixes4 = []int{8, 16, 24}
	prefixes6 = []int{64, 112}
)

func (p *prefix) is(key netip.Prefix) bool { return p.Prefix == key }

func (ps *prefixes) hash(p netip.Prefix) uint64 {
	var b [17]byte
	a := p.Addr().As16()
	copy(b[:], a[:])
	b[16] = byte(p.Bits())
	return maphash.Bytes(ps.seed, b[:])
}

func levels(a netip.Addr) []int {
	if a.Is4() {
		return prefixes4
	}
	return prefixes6
}

func (ps *prefixes) add(a netip.Addr) {
	for _, bits := range levels(a) {
		key := netip.PrefixFrom(a, bits).Masked()
		if p := find(&ps.t, ps.hash(key), key, (*prefix).is); p != nil {
			p.n++
			continue
		}
		ps.t.insert(ps.hash(key), &prefix{key, 1}, func(p *prefix) uint64 { return ps.hash(p.Prefix) })
	}
}

func (ps *prefixes) remove(a netip.Addr) {
	for _, bits := range levels(a) {
		key := netip.PrefixFrom(a, bits).Masked()
		p := find(&ps.t, ps.hash(key), key, (*prefix).is)
		if p.n--; p.n == 0 {
			ps.t.remove(ps.hash(key), p)
		}
	}
}

// AnyBelow reports whether the cluster has an address within p. The bits of p
// are a multiple of a label's: 8 for IPv4, 4 for IPv6.
func (x *Index) AnyBelow(p netip.Prefix) bool {
	p = p.Masked()
	switch {
	case p.IsSingleIP():
		return x.named(p.Addr())
	case p.Addr().Is4() && p.Bits() > 0, p.Bits() == 64, p.Bits() == 112:
		return find(&x.prefixes.t, x.prefixes.hash(p), p, (*prefix).is) != nil
	case p.Bits() > 112:
		return x.anyOf(p)
	}
	return x.prefixes.anyBelow(p)
}

// anyOf tries the at most 4096 addresses within p.
func (x *Index) anyOf(p netip.Prefix) bool {
	for a := p.Addr(); p.Contains(a); a = a.Next() {
		if x.named(a) {
			return true
		}
	}
	return false
}

// named reports whether a Service or the record of a Pod has the address a.
func (x *Index) named(a netip.Addr) bool { return x.owned(a) || x.recorded(a) }

// anyBelow searches the counted prefixes, which are about as many as the cluster has nodes.
func (ps *prefixes) anyBelow(p netip.Prefix) bool {
	slots := ps.t.slots.Load()
	if slots == nil {
		return false
	}
	for i := range *slots {
		q := (*slots)[i].Load()
		if q != nil && q.IsValid() && q.Bits() >= p.Bits() && p.Contains(q.Addr()) {
			return true
		}
	}
	return false
}
