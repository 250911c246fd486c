// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// srv answers with the ports of a Service that has cluster IPs, section 2.3.2.
// On the Service's own name all ports are answered, unnamed ones too, which the
// specification does not ask for but clients do.
func (l *lookup) srv(s *index.Service) Answer {
	n := 0
	for i := range s.Ports {
		if l.first(s.Ports, i) {
			n++
		}
	}
	if n == 0 {
		return noData
	}
	b := newSRV(n, len(s.ClusterIPs))
	target := qname.Join(s.Name+"."+s.Namespace+".svc", l.q.Zone)
	for i, p := range s.Ports {
		if l.first(s.Ports, i) {
			b.add(l.q.Name, target, p.Number, weight(n), l.o.TTL)
		}
	}
	for _, ip := range s.ClusterIPs {
		b.glue(target, ip, l.o.TTL)
	}
	return b.answer()
}

// first reports whether the name asks for port i and no port before it has its number.
func (l *lookup) first(ports []object.Port, i int) bool {
	if !l.matches(ports[i]) {
		return false
	}
	for _, p := range ports[:i] {
		if p.Number == ports[i].Number && l.matches(p) {
			return false
		}
	}
	return true
}

// endpointSRV answers with the ports of the endpoints that the name asks for, section 2.4.2.
func (l *lookup) endpointSRV(s *index.Service) Answer {
	size := l.measure(s)
	if size.records == 0 {
		return noData
	}
	b := newSRV(size.records, size.endpoints)
	below := qname.Join(s.Name+"."+s.Namespace+".svc", l.q.Zone)
	names := newNames(below, size.endpoints, size.octets)
	l.eachEndpoint(s, func(n, i int) bool {
		g := s.Groups[n]
		var buf [64]byte
		target := names.add(l.label(buf[:0], g, i))
		for j, p := range g.Ports {
			if l.first(g.Ports, j) && !l.repeats(s, n, i, p.Number) {
				b.add(l.q.Name, target, p.Number, weight(size.records), l.o.TTL)
			}
		}
		b.glue(target, g.Addr(i), l.o.TTL)
		return len(b.addrs) < size.endpoints
	})
	return b.answer()
}

// A size is what an answer takes: known before it is made, it is made in one piece.
type size struct {
	records   int // SRV records
	endpoints int // endpoints that have them
	octets    int // of all labels that name endpoints
}

// measure returns the size of the SRV answer, cut where the response is sure to be full.
func (l *lookup) measure(s *index.Service) size {
	var z size
	l.eachEndpoint(s, func(n, i int) bool {
		g := s.Groups[n]
		for j, p := range g.Ports {
			if l.first(g.Ports, j) && !l.repeats(s, n, i, p.Number) {
				z.records++
			}
		}
		var buf [64]byte
		z.endpoints++
		z.octets += len(l.label(buf[:0], g, i))
		return l.q.Limit == 0 || z.records < l.q.Limit
	})
	return z
}

// eachEndpoint calls f with the group and the position of every endpoint that
// the name asks for, until f returns false.
func (l *lookup) eachEndpoint(s *index.Service, f func(n, i int) bool) {
	for n, g := range s.Groups {
		p := l.pick(g)
		for i, k, ok := p.next(0); ok; i, k, ok = p.next(k) {
			if !f(n, i) {
				return
			}
		}
	}
}

// weight shares 100 evenly among n records of one priority; 0 would mean almost never (RFC 2782).
func weight(n int) uint16 { return uint16(max(1, 100/n)) }

// An srvSet is SRV records and their glue in three allocations, whatever their number.
type srvSet struct {
	srvs  []dns.SRV
	addrs []addrRecord
	rrs   []dns.RR // first the SRV records, then the glue
	glued []dns.RR
}

func newSRV(records, glue int) *srvSet {
	rrs := make([]dns.RR, records+glue)
	return &srvSet{
		srvs:  make([]dns.SRV, 0, records),
		addrs: make([]addrRecord, 0, glue),
		rrs:   rrs[:0:records],
		glued: rrs[records:records],
	}
}

func (b *srvSet) add(owner, target string, port, weight uint16, ttl uint32) {
	hdr := dns.RR_Header{Name: owner, Rrtype: dns.TypeSRV, Class: dns.ClassINET, Ttl: ttl}
	b.srvs = append(b.srvs, dns.SRV{Hdr: hdr, Weight: weight, Port: port, Target: target})
	b.rrs = append(b.rrs, &b.srvs[len(b.srvs)-1])
}

func (b *srvSet) glue(owner string, ip netip.Addr, ttl uint32) {
	b.addrs = append(b.addrs, addrRecord{})
	b.glued = append(b.glued, b.addrs[len(b.addrs)-1].set(owner, ip, ttl))
}

func (b *srvSet) answer() Answer { return Answer{Answer: b.rrs, Extra: b.glued} }

// names makes the names of endpoints in one allocation.
type names struct {
	below string
	b     strings.Builder
}

func newNames(below string, n, octets int) *names {
	names := &names{below: below}
	names.b.Grow(octets + n*(1+len(below)))
	return names
}

// add returns the name of an endpoint that is called label.
func (n *names) add(label []byte) string {
	start := n.b.Len()
	n.b.Write(label)
	n.b.WriteByte('.')
	n.b.WriteString(n.below)
	return n.b.String()[start:]
}
