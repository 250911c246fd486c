// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// nameServerWithoutAddress: the value of an NS record is a name that has an address.
func nameServerWithoutAddress(d *Difference) bool {
	return ownNameServer(d) || reverseNameServer(d)
}

// reverseNameServer: the name servers of a reverse zone have their names in the
// primary zone, where Services have addresses.
func reverseNameServer(d *Difference) bool {
	if !d.kindIs(kindApex) || !isReverse(d.Zone) && !d.View.inSet(d.Zone) || d.Type != dns.TypeNS {
		return false
	}
	if d.View.primary() == "" {
		return thisMachine(d)
	}
	end := d.Question.Name[len(d.Question.Name)-len(d.Zone):]
	want := *d.Stock
	want.Answer, want.Additional = nil, nil
	for _, rr := range d.Stock.Answer {
		c := dns.Copy(rr)
		if ns, ok := c.(*dns.NS); ok {
			ns.Ns = strings.TrimSuffix(ns.Ns, end) + d.View.primary()
		}
		want.Answer = append(want.Answer, c)
	}
	for _, rr := range unique(d.Stock.Additional) {
		c := dns.Copy(rr)
		c.Header().Name = strings.TrimSuffix(c.Header().Name, end) + d.View.primary()
		want.Additional = append(want.Additional, c)
	}
	normal(want.Answer)
	normal(want.Additional)
	return d.Ours.Equal(&want)
}

// unique returns rrs, which are sorted, without duplicates.
func unique(rrs []dns.RR) []dns.RR {
	return slices.CompactFunc(slices.Clone(rrs), func(a, b dns.RR) bool { return text(a) == text(b) })
}

// ownNameServer: a name that is not exposed has no address, and an alias is no
// name server, even if an EndpointSlice says so. Then it is this machine.
func ownNameServer(d *Difference) bool {
	what := d.View.servers()
	return (what == "hidden" || what == "alias") && thisMachine(d)
}

// thisMachine reports whether ours says that ns.dns.<zone> is the name server,
// with the addresses of this machine.
func thisMachine(d *Difference) bool {
	var got, want []string
	for _, rr := range slices.Concat(d.Ours.Answer, d.Ours.Additional) {
		if ns, ok := rr.(*dns.NS); ok && !strings.HasPrefix(ns.Ns, "ns.dns.") {
			return false
		}
		if t := rr.Header().Rrtype; t == dns.TypeA || t == dns.TypeAAAA {
			got = append(got, dns.Field(rr, 1))
		}
	}
	for _, a := range interfaceAddrs() {
		if !a.IsLinkLocalUnicast() && (d.Type == dns.TypeNS || a.Is4() == (d.Type == dns.TypeA)) {
			want = append(want, a.String())
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	return slices.Equal(got, want)
}

// linkLocal: addresses that mean something on one link only are not in DNS.
func linkLocal(d *Difference) bool {
	return d.kindIs(kindApex, kindNS) && !hasLocal(d.Ours) && hasLocal(d.Stock) && d.Ours.Equal(withoutLocal(d))
}

func hasLocal(r *Response) bool {
	return slices.ContainsFunc(r.Answer, isLocal) || slices.ContainsFunc(r.Additional, isLocal)
}

func isLocal(rr dns.RR) bool {
	aaaa, ok := rr.(*dns.AAAA)
	return ok && aaaa.AAAA.IsLinkLocalUnicast()
}

// withoutLocal returns stock's answer without link-local addresses.
func withoutLocal(d *Difference) *Response {
	r := *d.Stock
	r.Answer = slices.DeleteFunc(slices.Clone(r.Answer), isLocal)
	r.Additional = slices.DeleteFunc(slices.Clone(r.Additional), isLocal)
	if len(r.Answer) == 0 {
		r.Authority = d.Ours.Authority
	}
	return &r
}

// duplicateGlue: no record is in a section twice.
func duplicateGlue(d *Difference) bool {
	r := *d.Stock
	r.Additional = unique(r.Additional)
	return d.kindIs(kindApex) && d.Type == dns.TypeNS && !equal(r.Additional, d.Stock.Additional) && d.Ours.Equal(&r)
}

// noNameServer: a zone has name servers. Stock finds none if the server listens
// on some addresses only, or if an EndpointSlice with one of its addresses has no Service.
func noNameServer(d *Difference) bool {
	if !d.oursIs(outData) || !d.stockIs(outNoData) {
		return false
	}
	return d.View.Bind != nil || d.View.servers() == "orphan" && thisMachine(d)
}

// servers says what the name servers of the zones are: a "service" that has
// this machine as an endpoint, or else this "machine" itself; "orphan" if there
// are EndpointSlices with its address but no Service of theirs, "hidden" if
// that is not exposed, "alias" if it is an alias; and "bound" if
// stock does not know the address because of the bind directive.
func (v *View) servers() string {
	if v.Bind != nil {
		return "bound"
	}
	local := interfaceAddrs()
	what := "machine"
	for _, e := range v.endpoints() {
		if !slices.Contains(local, e.Addr) {
			continue
		}
		switch s := v.service(e.Namespace, e.Service); {
		case s != nil && isExternal(s):
			return "alias"
		case s != nil && v.exposed(s.Namespace):
			return "service"
		case s != nil:
			what = "hidden"
		case what == "machine":
			what = "orphan"
		}
	}
	return what
}

// interfaceAddrs returns the addresses of this machine, without the loopback ones.
func interfaceAddrs() []netip.Addr {
	var all []netip.Addr
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLoopback() {
			all = append(all, p.Addr().Unmap().WithZone(""))
		}
	}
	return all
}

func hasAddress(*Divergence) bool {
	return slices.ContainsFunc(interfaceAddrs(), func(a netip.Addr) bool { return !a.IsLinkLocalUnicast() })
}

func hasLinkLocal(*Divergence) bool {
	return slices.ContainsFunc(interfaceAddrs(), netip.Addr.IsLinkLocalUnicast)
}
