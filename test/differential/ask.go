// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// qtypes are the types asked for, the frequent ones often.
var qtypes = []uint16{
	dns.TypeA, dns.TypeA, dns.TypeA, dns.TypeA, dns.TypeAAAA, dns.TypeAAAA, dns.TypeSRV, dns.TypeSRV, dns.TypeSRV, dns.TypePTR,
	dns.TypeTXT, dns.TypeCNAME, dns.TypeSOA, dns.TypeNS, dns.TypeMX, dns.TypeHINFO, dns.TypeHTTPS, dns.TypeANY, dns.TypeCAA, 65280,
}

// question returns a random question about what v has, or almost has.
func (g *generator) question(v *View) Question {
	q := Question{Name: g.name(v), Type: pick(g, qtypes...), Class: dns.ClassINET}
	if isReverse(strings.ToLower(q.Name)) && g.chance(70) {
		q.Type = dns.TypePTR
	}
	switch kind := ParseName(q.Name, v.Zones).Kind; {
	case kind == kindApex && g.chance(50):
		q.Type = pick(g, dns.TypeNS, dns.TypeNS, dns.TypeSOA)
	case kind == kindNS && g.chance(50):
		q.Type = pick(g, dns.TypeA, dns.TypeAAAA)
	case kind == kindPort && g.chance(30):
		q.Type = dns.TypeSRV
	}
	if g.chance(1) {
		q.Class = pick[uint16](g, dns.ClassCHAOS, dns.ClassANY, dns.ClassHESIOD)
	}
	q.TCP = g.chance(15)
	q.Size = pick[uint16](g, 0, 0, 512, 1232, 4096)
	q.DO = q.Size > 0 && g.chance(20)
	if g.chance(20) {
		q.Name = g.mixed(q.Name)
	}
	return q
}

// mixed returns name with some letters in the other case (as with 0x20).
func (g *generator) mixed(name string) string {
	b := []byte(name)
	for i, c := range b {
		if ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') && g.chance(50) && (i == 0 || b[i-1] != '\\') {
			b[i] ^= 'a' - 'A'
		}
	}
	return string(b)
}

// name returns a name that exists, or one that almost does.
func (g *generator) name(v *View) string {
	name := g.real(v)
	if g.clusterSet(100) > 45 {
		name = g.setName(v)
	}
	for g.chance(25) {
		name = g.near(name)
	}
	if _, ok := dns.IsDomainName(name); !ok || len(name) > 240 {
		return "www.example.net."
	}
	return dns.Fqdn(name)
}

// real returns a name of an object.
func (g *generator) real(v *View) string {
	zone := pick(g, v.Zones...)
	for isReverse(zone) && g.chance(90) {
		zone = pick(g, v.Zones...)
	}
	switch g.IntN(24) {
	case 0, 1:
		return pick(g, "", "", "", "svc.", "pod.", "dns.", "ns.dns.", "ns.dns.", "dns-version.") + pick(g, v.Zones...)
	case 22:
		return pick(g, namespaceNames...) + pick(g, ".svc.", ".pod.") + zone
	case 2, 3, 20:
		return g.podName(v) + ".pod." + zone
	case 4, 5, 6:
		return arpa(g.address(v))
	case 7, 8, 9:
		return g.endpointName(v) + ".svc." + zone
	case 10, 11, 21, 23:
		if len(v.world.Services) > 0 {
			if s := pick(g, v.world.Services...); isExternal(s) {
				return s.Name + "." + s.Namespace + ".svc." + zone
			}
		}
	case 12:
		return pick(g, outsideNames...)
	}
	return g.serviceName(v) + ".svc." + zone
}

// serviceName returns the labels of a Service before svc, or of one of its ports.
func (g *generator) serviceName(v *View) string {
	if len(v.world.Services) == 0 {
		return "web.demo"
	}
	s := pick(g, v.world.Services...)
	name := s.Name + "." + s.Namespace
	port, protocol := pick(g, portNames...), strings.ToLower(string(pick(g, protocols...)))
	if len(s.Spec.Ports) > 0 && g.chance(80) {
		p := pick(g, s.Spec.Ports...)
		port, protocol = p.Name, strings.ToLower(string(p.Protocol))
	}
	if v.Zonal && g.chance(40) {
		return pick(g, "", "pin.", "prefer.", "a.pin.", "b.pin.", "A.prefer.", "c.pin.", "c.prefer.", "eu.1c.pin.", "eu.1c.prefer.") + "_zone." + name
	}
	switch g.IntN(10) {
	case 0, 1, 2:
		return "_" + port + "._" + protocol + "." + name
	case 3:
		return "_" + protocol + "." + name
	case 4:
		return pick(g, port+"."+protocol, "_"+port+"."+protocol, port+"._"+protocol, "_._"+protocol, "_"+port+"._") + "." + name
	}
	return name
}

// endpointName returns the labels of an endpoint before svc, or of one of its ports.
func (g *generator) endpointName(v *View) string {
	if len(v.world.Slices) == 0 {
		return "web-0.web.demo"
	}
	s := pick(g, v.world.Slices...)
	below := s.Labels[discoveryv1.LabelServiceName] + "." + s.Namespace
	if len(s.Ports) > 0 && g.chance(30) {
		p := pick(g, s.Ports...)
		return "_" + value(p.Name) + "._" + strings.ToLower(string(value(p.Protocol))) + "." + below
	}
	if len(s.Endpoints) == 0 {
		return pick(g, hostNames...) + "." + below
	}
	e := pick(g, s.Endpoints...)
	switch {
	case e.Hostname != nil && g.chance(50):
		return *e.Hostname + "." + below
	case e.TargetRef != nil && g.chance(30) && len(e.TargetRef.Name) < 64:
		return e.TargetRef.Name + "." + below
	}
	for _, text := range e.Addresses {
		if a, ok := parseAddr(text); ok {
			return g.spelled(a) + "." + below
		}
	}
	return below
}

// podName returns the labels of a Pod before pod.
func (g *generator) podName(v *View) string {
	namespace := pick(g, namespaceNames...)
	if len(v.world.Pods) > 0 && g.chance(80) {
		p := pick(g, v.world.Pods...)
		for range 3 {
			if p.DeletionTimestamp == nil { // it may have been there before
				p = pick(g, v.world.Pods...)
			}
		}
		if ips := podIPs(p); len(ips) > 0 {
			return g.spelled(pick(g, ips...)) + "." + p.Namespace
		}
	}
	return g.spelled(g.address(v)) + "." + namespace
}

// spelled returns a as a label, sometimes in another spelling.
func (g *generator) spelled(a netip.Addr) string {
	if !a.Is6() || !g.chance(35) {
		return dashed(a)
	}
	return pick(g,
		strings.ReplaceAll(a.StringExpanded(), ":", "-"),
		strings.Replace(dashed(a), "--", "-0-0-0-", 1),
		strings.Replace(dashed(a), "-", "-0", 1),
		strings.TrimSuffix(dashed(a), "0"),
	)
}

// address returns an address of an object, or one beside it.
func (g *generator) address(v *View) netip.Addr {
	var a netip.Addr
	switch g.IntN(3) {
	case 0:
		if len(v.world.Services) > 0 {
			if ips := clusterIPs(pick(g, v.world.Services...)); len(ips) > 0 {
				a = pick(g, ips...)
			}
		}
	case 1:
		a = g.endpointAddress(v)
	}
	if !a.IsValid() {
		a = netip.MustParseAddr(g.podIP(pick(g, discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6)))
	}
	if g.chance(5) {
		a = a.Next()
	}
	return a
}

// endpointAddress returns an address in an EndpointSlice, or none.
func (g *generator) endpointAddress(v *View) netip.Addr {
	if len(v.world.Slices) == 0 {
		return netip.Addr{}
	}
	s := pick(g, v.world.Slices...)
	if len(s.Endpoints) == 0 {
		return netip.Addr{}
	}
	for _, text := range pick(g, s.Endpoints...).Addresses {
		if a, ok := parseAddr(text); ok {
			return a
		}
	}
	return netip.Addr{}
}

// arpa returns the name of a in the reverse tree.
func arpa(a netip.Addr) string {
	name, err := dns.ReverseAddr(a.String())
	if err != nil {
		panic(fmt.Sprintf("%s: %v", a, err))
	}
	return name
}

// near returns name with one label changed, added or removed.
func (g *generator) near(name string) string {
	labels := dns.SplitDomainName(name)
	label := pick(g, "*", "any", "web", "svc", "pod", "dns", "_tcp", "_http", "x", "10", "0", "dns-version", "ns", strconv.Itoa(g.IntN(256)))
	if len(labels) == 0 {
		return label + "."
	}
	i := g.IntN(len(labels))
	switch g.IntN(6) {
	case 0, 1:
		labels = labels[1:]
	case 2:
		labels = append([]string{label}, labels...)
	case 3:
		labels[i] = label
	case 4:
		labels[0] = label
	case 5:
		labels = append(labels[:i:i], append([]string{label}, labels[i:]...)...)
	}
	return strings.Join(labels, ".") + "."
}
