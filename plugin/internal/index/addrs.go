// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"iter"
	"net/netip"
)

// Addrs is a few addresses, each behind its length in octets. It is immutable,
// and comparable.
type Addrs string

// pack returns the addresses of list, in that order.
func pack(list []netip.Addr) Addrs {
	var buf [34]byte // an address of each family
	packed := buf[:0]
	for _, a := range list {
		packed = append(packed, byte(a.BitLen()/8))
		packed = appendAddr(packed, a)
	}
	return Addrs(packed)
}

// appendAddr appends the 4 or 16 octets of a.
func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		v4 := a.As4()
		return append(b, v4[:]...)
	}
	v6 := a.As16()
	return append(b, v6[:]...)
}

// addrOf returns the address that s is.
func addrOf(s string) netip.Addr {
	if len(s) == 4 {
		return netip.AddrFrom4([4]byte([]byte(s)))
	}
	return netip.AddrFrom16([16]byte([]byte(s)))
}

// All yields the addresses in their order.
func (p Addrs) All() iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		for s := string(p); s != ""; {
			end := 1 + int(s[0])
			if !yield(addrOf(s[1:end])) {
				return
			}
			s = s[end:]
		}
	}
}

// Contains reports whether a is one of the addresses.
func (p Addrs) Contains(a netip.Addr) bool {
	for other := range p.All() {
		if other == a {
			return true
		}
	}
	return false
}

// AppendTo appends the addresses to list.
func (p Addrs) AppendTo(list []netip.Addr) []netip.Addr {
	for a := range p.All() {
		list = append(list, a)
	}
	return list
}
