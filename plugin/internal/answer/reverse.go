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

// address answers for the name of one address in the reverse tree. What it
// is in the clusterset only matters if it is nothing in the cluster (KEP-1645
// sections 2.3.3 and 2.4.3), or if that has no zone that its name could be in.
func (l *lookup) address() Answer {
	if l.o.PrimaryZone != "" {
		if a := l.owner(); a.Result != NameError || l.o.ClusterSetZone == "" {
			return a
		}
	}
	if !l.imports() {
		return nameError
	}
	return l.owner()
}

// owner answers with the names that an address has in one index. A cluster IP
// has one name, an endpoint one for each Service that it is of (see
// [Options.PTR]), and a Pod that is no endpoint its own (see [Options.PodNames]).
func (l *lookup) owner() Answer {
	if !l.needs(object.Namespaces, object.Services) {
		return notSynced
	}
	ip := l.name.Prefix.Addr().Unmap()
	if s := l.clusterIPOwner(ip); s != nil {
		return l.servicePTR(s)
	}
	if !l.kinds.Has(object.Set(object.EndpointSlices)) {
		return l.noServicePTR(ip)
	}
	if !l.needs(object.EndpointSlices) {
		return notSynced
	}
	return l.endpointPTR(ip)
}

// servicePTR answers with the name of a Service.
func (l *lookup) servicePTR(s *index.Service) Answer {
	if l.q.Type != dns.TypePTR {
		return l.otherThanPTR()
	}
	var b ptrSet
	b.grow(1, nameLen(s, l.ptrZone()), l.ptrZone())
	b.names.s = s
	b.add(l.q.Name, b.names.service(), l.ttlOf(s))
	return Answer{Answer: b.rrs}
}

// endpointPTR answers with the names of the endpoints that have the address ip.
func (l *lookup) endpointPTR(ip netip.Addr) Answer {
	count, octets := 0, 0
	ttl := uint32(object.MaxTTL) // the least: an RRset has one (RFC 2181 section 5.2)
	l.eachPTR(ip, func(s *index.Service, g *index.Group, i int) {
		count++
		ttl = min(ttl, l.ttlOf(s))
		octets += l.labelLen(g, i) + nameLen(s, l.ptrZone())
	})
	switch {
	case count == 0:
		return l.noServicePTR(ip)
	case l.q.Type != dns.TypePTR:
		return l.otherThanPTR()
	}
	var b ptrSet
	b.grow(count, octets, l.ptrZone())
	l.eachPTR(ip, func(s *index.Service, g *index.Group, i int) {
		var buf [64]byte
		b.names.s = s
		b.add(l.q.Name, b.names.endpoint(l.label(buf[:0], g, i), g), ttl)
	})
	return Answer{Answer: b.rrs}
}

// otherThanPTR answers for an address that has a name to a query of another type.
func (l *lookup) otherThanPTR() Answer {
	if l.q.Type == dns.TypeANY {
		return l.any()
	}
	return noData
}

// A ptrSet is PTR records in three allocations, whatever their number.
type ptrSet struct {
	rrs   []dns.RR
	recs  []dns.PTR
	names names
}

// grow makes room for count records whose targets have so many octets together.
func (b *ptrSet) grow(count, octets int, zone string) {
	b.rrs, b.recs = make([]dns.RR, 0, count), make([]dns.PTR, 0, count)
	b.names.zone = zone
	b.names.b.Grow(octets)
}

func (b *ptrSet) add(owner, target string, ttl uint32) {
	hdr := dns.RR_Header{Name: owner, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: ttl}
	b.recs = append(b.recs, dns.PTR{Hdr: hdr, Ptr: target})
	b.rrs = append(b.rrs, &b.recs[len(b.recs)-1])
}

// named reports whether PTR records may name what is in the namespace.
func (l *lookup) named(namespace string) bool {
	return l.o.HiddenPTR && !l.imported || l.exposed(namespace)
}

// ttlOf returns the TTL of the records of s.
func (l *lookup) ttlOf(s *index.Service) uint32 {
	if s.TTL.Own {
		return s.TTL.Seconds
	}
	return l.o.TTL
}

// clusterIPOwner returns the exposed Service that has the cluster IP ip, or nil.
func (l *lookup) clusterIPOwner(ip netip.Addr) *index.Service {
	for s := range l.x.Owners(ip) {
		if s.ClusterIPs.Contains(ip) && l.named(s.Namespace) {
			return s
		}
	}
	return nil
}

// eachName calls f with every endpoint that has the address ip, of every
// exposed Service, once for each name that it has.
func (l *lookup) eachName(ip netip.Addr, f func(s *index.Service, g *index.Group, i int)) {
	for s := range l.x.Owners(ip) {
		if !l.namesEndpoints(s) || !l.named(s.Namespace) {
			continue
		}
		l.groups = s.GroupsWith("", false, ip)
		for n, g := range l.groups {
			first, last := g.FindAddr(ip)
			for i := first; i < last; i++ {
				if !l.again(g, i) && !l.before(s, n, i) && l.labelLen(g, i)+nameLen(s, l.ptrZone()) <= maxName {
					f(s, g, i)
				}
			}
		}
	}
}

// network answers for a name of the reverse tree that is no whole address: an
// empty non-terminal if there is an address below. Addresses that are hidden
// because their namespace is not exposed are not told from the others here.
func (l *lookup) network(prefixes ...netip.Prefix) Answer {
	if l.o.PrimaryZone != "" {
		if a := l.anyBelow(prefixes); a.Result != NameError || l.o.ClusterSetZone == "" {
			return a
		}
	}
	if !l.imports() {
		return nameError
	}
	return l.anyBelow(prefixes)
}

func (l *lookup) anyBelow(prefixes []netip.Prefix) Answer {
	if !l.needs(object.Services, object.EndpointSlices) || l.o.PodNames && !l.needs(object.Pods) {
		return notSynced
	}
	return exists(slices.ContainsFunc(prefixes, l.x.AnyBelow))
}
