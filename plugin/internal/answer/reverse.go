// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// lowerZone returns zone in lower case.
func lowerZone(zone string) string { return strings.ToLower(zone) }

// address answers for the name of one address in the reverse tree. A cluster
// IP has one name, an endpoint one for each Service that it is of.
func (l *lookup) address() Answer {
	if !l.needs(object.Namespaces, object.Services) {
		return notSynced
	}
	ip := l.name.Prefix.Addr().Unmap()
	if s := l.clusterIPOwner(ip); s != nil {
		return l.ptr(qname.Join(s.Name+"."+s.Namespace+".svc", l.o.PrimaryZone))
	}
	if !l.o.Kinds.Has(object.Set(object.EndpointSlices)) {
		return nameError
	}
	if !l.needs(object.EndpointSlices) {
		return notSynced
	}
	names := l.endpointNames(ip)
	if len(names) == 0 {
		return nameError
	}
	return l.ptr(names...)
}

// ptr answers with PTR records.
func (l *lookup) ptr(targets ...string) Answer {
	switch l.q.Type {
	case dns.TypePTR:
	case dns.TypeANY:
		return l.any()
	default:
		return noData
	}
	recs := make([]dns.PTR, len(targets))
	rrs := make([]dns.RR, len(targets))
	for i, target := range targets {
		hdr := dns.RR_Header{Name: l.q.Name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: l.o.TTL}
		recs[i] = dns.PTR{Hdr: hdr, Ptr: target}
		rrs[i] = &recs[i]
	}
	return Answer{Answer: rrs}
}

// clusterIPOwner returns the exposed Service that has the cluster IP ip, or nil.
func (l *lookup) clusterIPOwner(ip netip.Addr) *index.Service {
	for o := l.x.Owners(ip); o != nil; o = o.Next() {
		if s := o.Service(); s != nil && slices.Contains(s.ClusterIPs, ip) && l.exposed(s.Namespace) {
			return s
		}
	}
	return nil
}

// endpointNames returns the names of the endpoints that have the address ip.
func (l *lookup) endpointNames(ip netip.Addr) []string {
	var names []string
	for o := l.x.Owners(ip); o != nil; o = o.Next() {
		s := o.Service()
		if s == nil || s.Type == object.ExternalName || !l.exposed(s.Namespace) {
			continue
		}
		for _, g := range s.Groups {
			first, last := g.FindAddr(ip)
			for i := first; i < last; i++ {
				var buf [64]byte
				name := qname.Join(string(l.label(buf[:0], g, i))+"."+s.Name+"."+s.Namespace+".svc", l.o.PrimaryZone)
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// network answers for a name of the reverse tree that is no whole address: an
// empty non-terminal if there is an address below. Addresses that are hidden
// because their namespace is not exposed are not told from the others here.
func (l *lookup) network() Answer {
	if !l.needs(object.Services, object.EndpointSlices) {
		return notSynced
	}
	return exists(l.x.AnyBelow(l.name.Prefix))
}
