// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// Timers of the SOA record that every CoreDNS plugin of this kind answers, in seconds.
const (
	soaRefresh = 7200
	soaRetry   = 1800
	soaExpire  = 86400
	// soaMaxTTL bounds the TTL of the record itself.
	soaMaxTTL = 300
)

// SOA makes soa the start of authority of zone. mname and rname are what
// [SOANames] returned for it, ttl is the TTL of the record, and negative that of
// denials, in seconds.
func SOA(soa *dns.SOA, zone, mname, rname string, serial, ttl, negative uint32) {
	*soa = dns.SOA{
		Hdr:     dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: min(ttl, soaMaxTTL)},
		Ns:      mname,
		Mbox:    rname,
		Serial:  serial,
		Refresh: soaRefresh,
		Retry:   soaRetry,
		Expire:  soaExpire,
		Minttl:  negative,
	}
}

// SOANames returns the primary name server and the mailbox in the SOA record of zone.
func SOANames(zone string) (mname, rname string) {
	return qname.Join("ns.dns", zone), qname.Join("hostmaster", zone)
}

// apex answers for the zone's own name.
func (l *lookup) apex() Answer {
	switch l.q.Type {
	case dns.TypeSOA:
		serial, ok := l.serial()
		if !ok {
			return notSynced // it is not known yet
		}
		r := new(struct {
			soa dns.SOA
			rrs [1]dns.RR
		})
		mname, rname := SOANames(l.q.Zone)
		SOA(&r.soa, l.q.Zone, mname, rname, serial, l.o.TTL, l.o.NegativeTTL)
		r.rrs[0] = &r.soa
		return Answer{Answer: r.rrs[:]}
	case dns.TypeNS:
		return l.ns()
	case dns.TypeANY:
		return l.any()
	case dns.TypePTR:
		if l.name.Prefix.IsValid() && l.name.Prefix.IsSingleIP() { // a zone of one address
			if a := l.address(); a.Result != NameError {
				return a
			}
		}
	}
	return noData
}

// ns answers with the name servers of the zone, and their addresses.
func (l *lookup) ns() Answer {
	if !l.needs(object.Namespaces, object.Services, object.EndpointSlices) {
		return notSynced
	}
	var a Answer
	for _, s := range l.nameServers() {
		hdr := dns.RR_Header{Name: l.q.Name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: l.o.TTL}
		a.Answer = append(a.Answer, &dns.NS{Hdr: hdr, Ns: s.name})
		for _, ip := range s.addrs {
			a.Extra = append(a.Extra, new(addrRecord).set(s.name, ip, l.o.TTL))
		}
	}
	if len(a.Answer) == 0 {
		return noData
	}
	return a
}

// nameServer answers for ns.dns.<zone>, the primary name server of the SOA record.
func (l *lookup) nameServer() Answer {
	if !l.needs(object.Namespaces, object.Services, object.EndpointSlices) {
		return notSynced
	}
	var ips []netip.Addr
	for _, s := range l.nameServers() {
		for _, ip := range s.addrs {
			if !slices.Contains(ips, ip) {
				ips = append(ips, ip)
			}
		}
	}
	return l.addrs(ips)
}

// A server is a name server of the zone.
type server struct {
	name  string
	addrs []netip.Addr
}

// nameServers returns the Services that have this server as an endpoint, by
// the names that they have in the primary zone (a reverse zone has no such
// names, and a clusterset zone may have others), else this server as ns.dns.<zone>.
func (l *lookup) nameServers() []server {
	zone := l.q.Zone
	if l.q.ClusterSet || qname.IsReverse(strings.ToLower(zone)) {
		zone = l.o.PrimaryZone
	}
	var servers []server
	if zone != "" && l.kinds.Has(object.Set(object.EndpointSlices)) {
		for _, ip := range l.o.Local {
			servers = l.appendServers(servers, ip, zone)
		}
	}
	if len(servers) == 0 && len(l.o.Local) > 0 {
		servers = []server{{qname.Join("ns.dns", l.q.Zone), l.o.Local}}
	}
	return servers
}

// appendServers adds the Services that have ip as an endpoint: by their own
// name if that has addresses of its own, else by the names of all endpoints that
// are in an EndpointSlice with it.
func (l *lookup) appendServers(servers []server, ip netip.Addr, zone string) []server {
	add := func(name string, addrs ...netip.Addr) {
		i := slices.IndexFunc(servers, func(s server) bool { return s.name == name })
		if i < 0 {
			servers = append(servers, server{name, slices.Clone(addrs)})
			return
		}
		for _, a := range addrs {
			if !slices.Contains(servers[i].addrs, a) {
				servers[i].addrs = append(servers[i].addrs, a)
			}
		}
	}
	for s := range l.x.Owners(ip) {
		if s.Type == object.ExternalName || !l.exposed(s.Namespace) {
			continue
		}
		name := qname.Join(s.Name+"."+s.Namespace+".svc", zone)
		for _, g := range s.Slices() {
			first, last := g.FindAddr(ip)
			if first == last {
				continue
			}
			if s.Type == object.ClusterIP {
				add(name, s.ClusterIPs.AppendTo(nil)...)
				continue
			}
			for i := range g.Len() {
				var buf [64]byte
				add(string(l.label(buf[:0], g, i))+"."+name, g.Addr(i))
			}
		}
	}
	return servers
}
