// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
)

// addrs answers a query for A or AAAA with those of ips that are of that family.
func (l *lookup) addrs(ips []netip.Addr) Answer {
	if l.q.Type == dns.TypeANY {
		return l.any()
	}
	n := 0
	for _, ip := range ips {
		if family(l.q.Type, ip) {
			n++
		}
	}
	if n == 0 {
		return noData
	}
	var b addrSet
	b.grow(n, l.q.Type == dns.TypeA)
	for _, ip := range ips {
		if family(l.q.Type, ip) {
			b.add(l.q.Name, ip, l.ttl)
		}
	}
	return Answer{Answer: b.rrs}
}

// family reports whether ip is of the family that records of type t have.
func family(t uint16, ip netip.Addr) bool {
	return t == dns.TypeA && ip.Is4() || t == dns.TypeAAAA && ip.Is6()
}

// endpointAddrs answers with the addresses of one family of the endpoints that the name asks for.
func (l *lookup) endpointAddrs(s *index.Service, v4 bool) Answer {
	if at, ok := l.spot(s); ok {
		return l.addrs(l.near(at, v4))
	}
	if s.Overlap {
		return l.addrs(l.part(l.distinct(v4)))
	}
	n := 0
	for _, g := range l.groups {
		if g.Is4() == v4 {
			p := l.pick(g)
			n += p.len()
		}
	}
	if n == 0 {
		return noData
	}
	w := l.window(n)
	var b addrSet
	b.grow(w.len, v4)
	for round := range 2 { // from the start of the window, and on from the beginning
		k := 0
		for _, g := range l.groups {
			if g.Is4() == v4 && len(b.rrs) < w.len {
				k = l.appendAddrs(&b, g, w, round, k)
			}
		}
	}
	if len(b.rrs) == 0 {
		return noData
	}
	return Answer{Answer: b.rrs}
}

// distinct returns the addresses of one family of the endpoints that the name asks for, each once.
func (l *lookup) distinct(v4 bool) []netip.Addr {
	var addrs []netip.Addr
	for _, g := range l.groups {
		if g.Is4() != v4 {
			continue
		}
		p := l.pick(g)
		for i, k, ok := p.next(0); ok; i, k, ok = p.next(k) {
			addrs = append(addrs, g.Addr(i))
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs)
}

// appendAddrs adds the addresses of g that are in the window; candidate 0 of g
// is candidate k of the Service. It returns the candidate after them.
func (l *lookup) appendAddrs(b *addrSet, g *index.Group, w window, round, k int) int {
	p := l.pick(g)
	n := p.len()
	first, last := w.cut(round, k, n)
	for c := first; c < last && len(b.rrs) < w.len; c++ {
		i, ok := p.at(c)
		if !ok || p.seen(l, c, i) {
			continue
		}
		b.add(l.q.Name, g.Addr(i), l.ttl)
	}
	return k + n
}

// A window is the part of an RRset that is answered: len records from start
// on, around the end.
type window struct{ start, len int }

// window returns the part that may be answered of n records.
func (l *lookup) window(n int) window {
	limit := l.limit()
	if limit == 0 || n <= limit {
		return window{0, n}
	}
	return window{int(l.q.Start % uint32(n)), limit}
}

// limit returns how many records are answered at most: as many as fit, if
// there are to be fewer than all; else so many that the response is truncated; 0
// is all.
func (l *lookup) limit() int {
	if l.o.MaxAnswers == 0 {
		return l.q.Limit
	}
	const owner, typeClassTTLLength = 2, 10
	record := owner + typeClassTTLLength + 4
	if l.q.Type == dns.TypeAAAA {
		record += 12
	}
	return max(1, min(l.o.MaxAnswers, l.q.Room/record))
}

// part returns as many of addrs as may be answered.
func (l *lookup) part(addrs []netip.Addr) []netip.Addr {
	w := l.window(len(addrs))
	addrs = slices.Concat(addrs[w.start:], addrs[:w.start])
	return addrs[:w.len]
}

// cut returns which of n candidates, the first of which is candidate k of all,
// are to be looked at in the round.
func (w window) cut(round, k, n int) (first, last int) {
	split := min(max(w.start-k, 0), n)
	if round == 0 {
		return split, n
	}
	return 0, split
}

// An addrSet is address records of one family in two allocations, whatever their number.
type addrSet struct {
	rrs []dns.RR
	v4  []aRecord
	v6  []aaaaRecord
}

// An aRecord is an A record with room for its address.
type aRecord struct {
	rr dns.A
	ip [4]byte
}

// An aaaaRecord is an AAAA record with room for its address.
type aaaaRecord struct {
	rr dns.AAAA
	ip [16]byte
}

// An addrRecord is a record of either family.
type addrRecord struct {
	a    aRecord
	aaaa aaaaRecord
}

// grow makes room for n records. One takes a single allocation: that is the
// most frequent answer.
func (b *addrSet) grow(n int, v4 bool) {
	switch {
	case n == 1 && v4:
		one := new(struct {
			rr  [1]dns.RR
			rec [1]aRecord
		})
		b.rrs, b.v4 = one.rr[:0], one.rec[:0]
		return
	case n == 1:
		one := new(struct {
			rr  [1]dns.RR
			rec [1]aaaaRecord
		})
		b.rrs, b.v6 = one.rr[:0], one.rec[:0]
		return
	case v4:
		b.v4 = make([]aRecord, 0, n)
	default:
		b.v6 = make([]aaaaRecord, 0, n)
	}
	b.rrs = make([]dns.RR, 0, n)
}

func (b *addrSet) add(owner string, ip netip.Addr, ttl uint32) {
	if ip.Is4() {
		b.v4 = append(b.v4, aRecord{})
		b.rrs = append(b.rrs, b.v4[len(b.v4)-1].set(owner, ip, ttl))
	} else {
		b.v6 = append(b.v6, aaaaRecord{})
		b.rrs = append(b.rrs, b.v6[len(b.v6)-1].set(owner, ip, ttl))
	}
}

// set makes r the record of ip and returns it.
func (r *aRecord) set(owner string, ip netip.Addr, ttl uint32) dns.RR {
	r.ip = ip.As4()
	r.rr = dns.A{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl}, A: r.ip[:]}
	return &r.rr
}

// set makes r the record of ip and returns it.
func (r *aaaaRecord) set(owner string, ip netip.Addr, ttl uint32) dns.RR {
	r.ip = ip.As16()
	r.rr = dns.AAAA{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeAAAA, Class: dns.ClassINET, Ttl: ttl}, AAAA: r.ip[:]}
	return &r.rr
}

// set makes r the address record of ip and returns it.
func (r *addrRecord) set(owner string, ip netip.Addr, ttl uint32) dns.RR {
	if ip.Is4() {
		return r.a.set(owner, ip, ttl)
	}
	return r.aaaa.set(owner, ip, ttl)
}
