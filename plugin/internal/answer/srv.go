// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// srv answers with the ports of a Service that has cluster IPs, section 2.3.2.
// On the Service's own name all ports are answered, unnamed ones too, which the
// specification does not ask for but clients do. Without an address of the
// target there is no record (RFC 2782).
func (l *lookup) srv(s *index.Service) Answer {
	n := 0
	for i := range s.Ports {
		if l.first(s.Ports, i) {
			n++
		}
	}
	var buf [2]netip.Addr
	ips := s.ClusterIPs.AppendTo(buf[:0])
	if n == 0 || len(ips) == 0 {
		return noData
	}
	var b srvSet
	b.grow(n, len(ips))
	var names names
	names.grow(s, l.q.Zone, 1, 0)
	target := names.service()
	for i, p := range s.Ports {
		if l.first(s.Ports, i) {
			b.add(l.q.Name, target, p.Number, weight(n), l.ttl)
		}
	}
	for _, ip := range ips {
		b.glue(target, ip, l.ttl)
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
	var b srvSet
	b.grow(size.records, size.endpoints)
	var names names
	names.grow(s, l.q.Zone, size.endpoints, size.octets)
	left := size.endpoints
	l.eachTarget(s, func(n, i int) bool {
		g := l.groups[n]
		var buf [64]byte
		target := names.endpoint(l.label(buf[:0], g, i), g)
		for j, p := range g.Ports {
			if len(b.rrs) < size.records && l.first(g.Ports, j) && !l.repeats(s, n, i, p.Number) {
				b.add(l.q.Name, target, p.Number, size.weight, l.ttl)
			}
		}
		if !l.before(s, n, i) {
			b.glue(target, g.Addr(i), l.ttl)
		}
		left--
		return left > 0
	})
	return b.answer()
}

// A size is what an answer takes: known before it is made, it is made in one piece.
type size struct {
	records   int    // SRV records
	endpoints int    // endpoints that have them
	octets    int    // of all labels that name endpoints
	wire      int    // octets of the records in a message, about
	weight    uint16 // of each record
}

// measure returns the size of the SRV answer, cut where the response is sure to
// be full. The weight is that of a record of the whole answer.
func (l *lookup) measure(s *index.Service) size {
	var z size
	all := 0
	l.eachTarget(s, func(n, i int) bool {
		g := l.groups[n]
		full := l.full(z, g, i, s)
		for j, p := range g.Ports {
			if l.first(g.Ports, j) && !l.repeats(s, n, i, p.Number) {
				all++
			}
		}
		if !full {
			z.records = all
			z.endpoints++
			z.octets += l.labelLen(g, i)
			if l.o.MaxAnswers > 0 {
				z.wire += l.wireLen(s, g, i)
			}
		}
		return !full || all < wholeWeight
	})
	z.weight = weight(max(all, 1))
	return z
}

// full reports whether endpoint i of g is not to be added to z.
func (l *lookup) full(z size, g *index.Group, i int, s *index.Service) bool {
	if l.o.MaxAnswers == 0 {
		return l.q.Limit > 0 && z.records >= l.q.Limit
	}
	return z.records > 0 && (z.records >= l.o.MaxAnswers || z.wire+l.wireLen(s, g, i) > l.q.Room)
}

// wireLen returns how many octets the SRV records of endpoint i of g take in a
// message, and its address.
func (l *lookup) wireLen(s *index.Service, g *index.Group, i int) int {
	const owner, typeClassTTLLength, priorityWeightPort = 2, 10, 6
	target := l.labelLen(g, i) + nameLen(s, l.q.Zone) + 1
	ports := 0
	for j := range g.Ports {
		if l.first(g.Ports, j) {
			ports++
		}
	}
	return ports*(owner+typeClassTTLLength+priorityWeightPort+target) + target + typeClassTTLLength + int(g.Addr(i).BitLen()/8)
}

// eachTarget calls f with the group and the position of every endpoint that
// the name asks for and that has a port that it asks for, until f returns
// false. If more than fit are asked for it begins somewhere, and goes around.
func (l *lookup) eachTarget(s *index.Service, f func(n, i int) bool) {
	w := l.window(l.candidates(s))
	for round := range 2 {
		k := 0
		for n, g := range l.groups {
			p := l.target(g)
			first, last := w.cut(round, k, p.len())
			k += p.len()
			for i, c, ok := p.next(first); ok && c <= last; i, c, ok = p.next(c) {
				if l.again(g, i) || l.labelLen(g, i)+nameLen(s, l.q.Zone) > maxName {
					continue
				}
				if !f(n, i) {
					return
				}
			}
		}
	}
}

// target returns the endpoints of g that the name asks for, if they have a port that it asks for.
func (l *lookup) target(g *index.Group) pick {
	if !slices.ContainsFunc(g.Ports, l.matches) {
		return pick{g: g}
	}
	return l.pick(g)
}

// candidates returns how many endpoints of s at most are targets.
func (l *lookup) candidates(s *index.Service) int {
	n := 0
	for _, g := range l.groups {
		p := l.target(g)
		n += p.len()
	}
	return n
}

// weight shares 100 evenly among n records of one priority; 0 would mean almost never (RFC 2782).
func weight(n int) uint16 { return uint16(max(1, wholeWeight/n)) }

// wholeWeight is what the weights of an RRset add up to; of more records each has one.
const wholeWeight = 100

// An srvSet is SRV records and their glue in two allocations, whatever their number.
type srvSet struct {
	recs  []srvRecord
	rrs   []dns.RR // SRV records
	glued []dns.RR // address records
}

// An srvRecord is an SRV record and a piece of glue, which need not belong together.
type srvRecord struct {
	srv  dns.SRV
	addr addrRecord
}

// grow makes room for records and glue.
func (b *srvSet) grow(records, glue int) {
	b.recs = make([]srvRecord, max(records, glue))
	rrs := make([]dns.RR, records+glue)
	b.rrs, b.glued = rrs[:0:records], rrs[records:records]
}

func (b *srvSet) add(owner, target string, port, weight uint16, ttl uint32) {
	srv := &b.recs[len(b.rrs)].srv
	hdr := dns.RR_Header{Name: owner, Rrtype: dns.TypeSRV, Class: dns.ClassINET, Ttl: ttl}
	*srv = dns.SRV{Hdr: hdr, Weight: weight, Port: port, Target: target}
	b.rrs = append(b.rrs, srv)
}

func (b *srvSet) glue(owner string, ip netip.Addr, ttl uint32) {
	b.glued = append(b.glued, b.recs[len(b.glued)].addr.set(owner, ip, ttl))
}

func (b *srvSet) answer() Answer { return Answer{Answer: b.rrs, Extra: b.glued} }
