// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// service answers for a Service's name and the names below it.
func (l *lookup) service() Answer {
	if !l.needs(object.Namespaces, object.Services) {
		return notSynced
	}
	if !l.exposed(l.name.Namespace) {
		return nameError
	}
	s := l.x.Service(l.name.Namespace, l.name.Service)
	if s == nil {
		return nameError
	}
	l.ttl = l.ttlOf(s)
	switch s.Type {
	case object.ExternalName:
		return l.external(s)
	case object.Headless:
		return l.headless(s)
	case object.ClusterIP:
	}
	return l.clusterIP(s)
}

// external answers for a Service of type ExternalName, section 2.5. A CNAME
// answers queries of every type (RFC 1034 section 4.3.2, step 3a); nothing is below it.
func (l *lookup) external(s *index.Service) Answer {
	if l.name.Kind != qname.Service || s.ExternalName() == "" {
		return nameError
	}
	hdr := dns.RR_Header{Name: l.q.Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: l.ttl}
	a := Answer{Answer: []dns.RR{&dns.CNAME{Hdr: hdr, Target: s.ExternalName()}}}
	switch l.q.Type {
	case dns.TypeANY:
		return l.any()
	case dns.TypeCNAME:
		return a
	}
	a.Result, a.Target = Alias, s.ExternalName()
	return a
}

// headless answers for a headless Service, section 2.4. Without a ready
// endpoint there is no such name.
func (l *lookup) headless(s *index.Service) Answer {
	if !l.kinds.Has(object.Set(object.EndpointSlices)) {
		return nameError
	}
	if !l.needs(object.EndpointSlices) {
		return notSynced
	}
	if len(s.Groups) == 0 {
		return nameError
	}
	return l.endpoints(s)
}

// clusterIP answers for a Service with cluster IPs, section 2.3.
func (l *lookup) clusterIP(s *index.Service) Answer {
	if l.name.Kind == qname.ZoneLabel || l.name.Kind == qname.ZoneRule || l.name.Kind == qname.Zonal {
		return nameError // a cluster IP is in no zone
	}
	ofEndpoints := l.name.Kind == qname.Endpoint || l.name.Kind == qname.Cluster
	if ofEndpoints || l.o.IgnoreEmptyService {
		if !l.needs(object.EndpointSlices) {
			return notSynced
		}
		if len(s.Groups) == 0 || !l.kinds.Has(object.Set(object.EndpointSlices)) {
			return nameError
		}
	}
	if ofEndpoints {
		return l.endpoints(s)
	}
	if l.name.Kind == qname.Protocol {
		return exists(hasProtocol(s.Ports, l.name.Protocol))
	}
	if !slices.ContainsFunc(s.Ports, l.matches) && l.name.Kind == qname.Port {
		return nameError
	}
	switch l.q.Type {
	case dns.TypeSRV:
		return l.srv(s)
	case dns.TypeANY:
		return l.any()
	}
	var buf [2]netip.Addr
	return l.addrs(s.ClusterIPs.AppendTo(buf[:0]))
}

// endpoints answers with endpoints: all of a headless Service, or those of one name.
func (l *lookup) endpoints(s *index.Service) Answer {
	l.groups = l.candidateGroups(s)
	switch l.name.Kind {
	case qname.ZoneLabel, qname.ZoneRule:
		return noData
	case qname.Zonal:
		return l.zonal(s)
	case qname.Protocol:
		return exists(slices.ContainsFunc(s.Groups, func(g *index.Group) bool { return hasProtocol(g.Ports, l.name.Protocol) }))
	case qname.Cluster:
		return exists(slices.ContainsFunc(s.Groups, l.inCluster))
	}
	if !l.anyPicked() {
		return nameError
	}
	return l.picked(s)
}

// picked answers with the endpoints that the name asks for, of which there are some.
func (l *lookup) picked(s *index.Service) Answer {
	switch l.q.Type {
	case dns.TypeA:
		return l.endpointAddrs(s, true)
	case dns.TypeAAAA:
		return l.endpointAddrs(s, false)
	case dns.TypeSRV:
		return l.endpointSRV(s)
	case dns.TypeANY:
		return l.any()
	}
	return noData
}

func exists(ok bool) Answer {
	if ok {
		return noData
	}
	return nameError
}

// hasProtocol reports whether a named port has that protocol: then a name is below _<protocol>.
func hasProtocol(ports []object.Port, protocol string) bool {
	return slices.ContainsFunc(ports, func(p object.Port) bool { return p.Name != "" && qname.EqualFold(p.Protocol, protocol) })
}

// matches reports whether the name asks for p: names that are no port's ask for all of them.
func (l *lookup) matches(p object.Port) bool {
	return l.name.Kind != qname.Port ||
		p.Name != "" && qname.EqualFold(p.Name, l.name.Port) && qname.EqualFold(p.Protocol, l.name.Protocol)
}
