// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"cmp"
	"iter"
	"net/netip"
)

// An owner is a Service that has an address: as a cluster IP or as an
// endpoint's. The owners of one address are a list, ordered by namespace and
// name; a Service is in it once for the cluster IP and once for each
// EndpointSlice that has the address.
//
// Most addresses are IPv4 and have one owner: its number stands in table4, and
// there is no list. Lists are for all others.
type owner struct {
	addr [16]byte // IPv4 addresses as IPv4-mapped IPv6 ones
	cell *cell
	next *owner
}

// severalOwners stands in table4 for an address that has a list.
const severalOwners = firstNumber

func (o *owner) is(addr [16]byte) bool { return o.addr == addr && o.cell != nil }

// Owners yields the current record of every Service that has the address a,
// ordered by namespace and name. That the record has the address is for the
// caller to check: a change may be under way.
func (x *Index) Owners(a netip.Addr) iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		single, list := x.owners(a)
		if s := single.service(); s != nil && !yield(s) {
			return
		}
		for ; list != nil; list = list.nextCell() {
			if s := list.cell.service(); s != nil && !yield(s) {
				return
			}
		}
	}
}

// owned reports whether a has an owner.
func (x *Index) owned(a netip.Addr) bool {
	single, list := x.owners(a)
	return single != nil || list != nil
}

// owners returns the only owner of a, or a list of them, or neither.
func (x *Index) owners(a netip.Addr) (single *cell, list *owner) {
	if !a.Is4() {
		return nil, x.list(a)
	}
	for {
		switch number := x.single.get(x.seed, bits4(a)); number {
		case 0:
			return nil, nil
		case severalOwners:
			if list := x.list(a); list != nil {
				return nil, list
			}
			// It has gone since, and what is there now stands in the table again.
		default:
			return x.cells.get(number), nil
		}
	}
}

func (x *Index) list(a netip.Addr) *owner {
	return find(&x.several, x.hashAddr(a), a.As16(), (*owner).is)
}

// nextCell returns the next owner that is another Service, or nil.
func (o *owner) nextCell() *owner {
	n := o.next
	for n != nil && n.cell == o.cell {
		n = n.next
	}
	return n
}

// own records that c has the address a.
func (x *Index) own(c *cell, a netip.Addr) {
	single, list := x.owners(a)
	switch {
	case single != nil: // the list must be there before the table says so
		x.insertList((&owner{addr: a.As16(), cell: single}).with(c))
		x.single.set(x.seed, bits4(a), severalOwners)
	case list != nil:
		x.several.replace(x.hashAddr(a), list, list.with(c))
	case a.Is4():
		x.single.set(x.seed, bits4(a), c.number)
		x.prefixes.add(a)
	default:
		x.insertList(&owner{addr: a.As16(), cell: c})
		x.prefixes.add(a)
	}
}

func (x *Index) insertList(o *owner) {
	x.several.insert(x.hashAddr(netip.AddrFrom16(o.addr)), o, func(o *owner) uint64 { return x.hashAddr(netip.AddrFrom16(o.addr)) })
}

// disown records that c no longer has the address a.
func (x *Index) disown(c *cell, a netip.Addr) {
	single, list := x.owners(a)
	if single != nil {
		x.single.remove(x.seed, bits4(a))
		x.prefixes.remove(a)
		return
	}
	rest := list.without(c)
	switch {
	case rest == nil:
		x.several.remove(x.hashAddr(a), list)
		x.prefixes.remove(a)
	case a.Is4() && rest.next == nil: // the list must go after the table said so
		x.single.set(x.seed, bits4(a), rest.cell.number)
		x.several.remove(x.hashAddr(a), list)
	default:
		x.several.replace(x.hashAddr(a), list, rest)
	}
}

// with returns the list o with c added in its place.
func (o *owner) with(c *cell) *owner {
	if compareCells(c, o.cell) <= 0 {
		return &owner{addr: o.addr, cell: c, next: o}
	}
	copied := *o
	if o.next == nil {
		copied.next = &owner{addr: o.addr, cell: c}
	} else {
		copied.next = o.next.with(c)
	}
	return &copied
}

// without returns the list o with c removed once.
func (o *owner) without(c *cell) *owner {
	if o.cell == c {
		return o.next
	}
	copied := *o
	copied.next = o.next.without(c)
	return &copied
}

// times returns how often c has the address a.
func (x *Index) times(c *cell, a netip.Addr) int {
	single, list := x.owners(a)
	n := 0
	if single == c {
		n = 1
	}
	for ; list != nil; list = list.next {
		if list.cell == c {
			n++
		}
	}
	return n
}

func compareCells(a, b *cell) int {
	s, t := a.record.Load(), b.record.Load()
	return cmp.Or(cmp.Compare(s.Namespace, t.Namespace), cmp.Compare(s.Name, t.Name))
}
