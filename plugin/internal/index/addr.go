// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"cmp"
	"net/netip"
)

// An Owner is a Service that has an address: as a cluster IP or as an
// endpoint's. The owners of one address are a list; a Service is in it once for
// the cluster IP and once for each EndpointSlice that has the address.
type Owner struct {
	addr [16]byte // IPv4 addresses as IPv4-mapped IPv6 ones
	cell *cell
	next *Owner
}

// Owners returns the first owner of a, or nil. The list is ordered by namespace and name.
func (x *Index) Owners(a netip.Addr) *Owner {
	return find(&x.addrs, x.hashAddr(a), a.As16(), (*Owner).is)
}

func (o *Owner) is(addr [16]byte) bool { return o.addr == addr && o.cell != nil }

// Service returns the current record of the owner, or nil if there is no such
// Service any more (or not yet). That the record has the address is for the
// caller to check: a change may be under way.
func (o *Owner) Service() *Service { return o.cell.record.Load() }

// Next returns the next owner that is another Service, or nil.
func (o *Owner) Next() *Owner {
	n := o.next
	for n != nil && n.cell == o.cell {
		n = n.next
	}
	return n
}

// own records that c has the addresses of added.
func (x *Index) own(c *cell, added []netip.Addr) {
	for _, a := range added {
		hash, key := x.hashAddr(a), a.As16()
		head := find(&x.addrs, hash, key, (*Owner).is)
		if head == nil {
			x.addrs.insert(hash, &Owner{addr: key, cell: c}, func(o *Owner) uint64 {
				return x.hashAddr(netip.AddrFrom16(o.addr))
			})
			x.prefixes.add(a)
			continue
		}
		x.addrs.replace(hash, head, head.with(c))
	}
}

// disown records that c no longer has the addresses of removed.
func (x *Index) disown(c *cell, removed []netip.Addr) {
	for _, a := range removed {
		hash := x.hashAddr(a)
		head := find(&x.addrs, hash, a.As16(), (*Owner).is)
		if rest := head.without(c); rest != nil {
			x.addrs.replace(hash, head, rest)
			continue
		}
		x.addrs.remove(hash, head)
		x.prefixes.remove(a)
	}
}

// with returns the list o with c added in its place.
func (o *Owner) with(c *cell) *Owner {
	if compareCells(c, o.cell) <= 0 {
		return &Owner{addr: o.addr, cell: c, next: o}
	}
	copied := *o
	if o.next == nil {
		copied.next = &Owner{addr: o.addr, cell: c}
	} else {
		copied.next = o.next.with(c)
	}
	return &copied
}

// without returns the list o with c removed once.
func (o *Owner) without(c *cell) *Owner {
	if o.cell == c {
		return o.next
	}
	copied := *o
	copied.next = o.next.without(c)
	return &copied
}

// times returns how often c is in the list.
func (o *Owner) times(c *cell) int {
	n := 0
	for ; o != nil; o = o.next {
		if o.cell == c {
			n++
		}
	}
	return n
}

func compareCells(a, b *cell) int {
	if c := cmp.Compare(a.namespace, b.namespace); c != 0 {
		return c
	}
	return cmp.Compare(a.name, b.name)
}
