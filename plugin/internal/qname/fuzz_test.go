// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package qname_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// zones are what FuzzParse parses names in.
var zones = []string{
	".", "org.", "cluster.example.org.", `a\.b.example.org.`, "svc.example.org.",
	"arpa.", "in-addr.arpa.", "10.in-addr.arpa.", "1.0.0.10.in-addr.arpa.", "0/25.2.0.192.in-addr.arpa.",
	"ip6.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa.",
}

// FuzzParse compares Parse and InZone with a slow oracle that uses the label
// functions of the dns package.
func FuzzParse(f *testing.F) {
	for _, below := range []string{
		"", "svc.", "pod.", "dns.", "ns.dns.", "dns-version.", "demo.svc.", "Demo.Pod.", "web.demo.svc.",
		"_tcp.web.demo.svc.", "_.web.demo.svc.", "_http._tcp.web.demo.svc.", "_._tcp.web.demo.svc.", "http.tcp.web.demo.svc.",
		"web-0.east.web.demo.svc.", "_http.east.web.demo.svc.", "web-0._tcp.web.demo.svc.", "x.web-0.east.web.demo.svc.",
		"10-0-0-1.web.demo.svc.", "fd00--1.demo.pod.", "x.10-0-0-1.demo.pod.", "a.b.c.d.e.f.",
		`a\.b.demo.svc.`, `a\\.b.demo.svc.`, `\065.demo.svc.`, `a\`, `\.`, `\\.`, "\xff\x00.svc.", "*.", "arpa.",
		"1.2.3.4.", "256.", "01.", "f.F.0.", "10.", "5.1.2.3.4.", strings.Repeat("0.", 32), strings.Repeat("a.", 33),
		"in-addr.arpa.", "1.in-addr.arpa.", "e.f.ip6.arpa.", `x\.in-addr.arpa.`, "IN-ADDR.arpa.", "NS.dns.in-addr.arpa.", "ns.dns.1.in-addr.arpa.",
		"1.f.f.f.f." + strings.Repeat("0.", 20), "f.f.f.f." + strings.Repeat("0.", 20), strings.Repeat("a", 63) + ".svc.",
	} {
		for i := range zones {
			f.Add(below, uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, below string, z uint8) {
		zone := zones[int(z)%len(zones)]
		name := below + zone
		if zone == "." {
			name = below
		}
		if _, ok := dns.IsDomainName(name); !ok || !dns.IsFqdn(name) {
			return // no name that miekg/dns delivers
		}
		for _, zone := range zones {
			in := qname.InZone(name, zone)
			if want := dns.IsSubDomain(zone, name); in != want {
				t.Fatalf("InZone(%q, %q) = %t, want %t", name, zone, in, want)
			}
			if !in {
				continue
			}
			want := oracle(name, zone)
			if got := qname.Parse(name, zone); got != want {
				t.Fatalf("Parse(%q, %q) = %+v, want %+v", name, zone, got, want)
			}
			if got, want := qname.ParseClusterSet(name, zone), clusterSetOracle(name, zone, want); got != want {
				t.Fatalf("ParseClusterSet(%q, %q) = %+v, want %+v", name, zone, got, want)
			}
		}
	})
}

// oracle is what Parse should return, by the book: a list of lower-case labels
// from right to left decides the kind.
func oracle(name, zone string) qname.Name {
	if dns.CountLabel(name) == dns.CountLabel(zone) {
		return qname.Name{Kind: qname.Apex, Prefix: reverseOracle(name).Prefix}
	}
	below := reversed(name, zone)
	is := func(i int, want string) bool { return strings.EqualFold(below[i], want) && len(below[i]) == len(want) }
	switch n := len(below); {
	case is(0, "dns") && n == 1:
		return qname.Name{Kind: qname.NameServerParent}
	case is(0, "dns") && n == 2 && is(1, "ns"):
		return qname.Name{Kind: qname.NameServer}
	case is(0, "arpa") && n == 1 && zone == ".":
		return qname.Name{Kind: qname.Arpa}
	case dns.IsSubDomain("in-addr.arpa.", name), dns.IsSubDomain("ip6.arpa.", name):
		return reverseOracle(name)
	case is(0, "dns-version") && n == 1:
		return qname.Name{Kind: qname.Version}
	case is(0, "svc"):
		return serviceOracle(below[1:])
	case is(0, "pod"):
		return podOracle(below[1:])
	}
	return qname.Name{}
}

// serviceOracle is for the labels left of svc, from right to left.
func serviceOracle(labels []string) qname.Name {
	switch n := len(labels); {
	case n == 0:
		return qname.Name{Kind: qname.Services}
	case n == 1:
		return qname.Name{Kind: qname.ServiceNamespace, Namespace: labels[0]}
	case n == 2:
		return qname.Name{Kind: qname.Service, Namespace: labels[0], Service: labels[1]}
	case n == 3 && labels[2][0] == '_':
		return qname.Name{Kind: qname.Protocol, Namespace: labels[0], Service: labels[1], Protocol: labels[2][1:]}
	case n == 3:
		return qname.Name{Kind: qname.Endpoint, Namespace: labels[0], Service: labels[1], Endpoint: labels[2]}
	case n == 4 && labels[2][0] == '_' && labels[3][0] == '_' && len(labels[3]) > 1:
		return qname.Name{Kind: qname.Port, Namespace: labels[0], Service: labels[1], Protocol: labels[2][1:], Port: labels[3][1:]}
	}
	return qname.Name{}
}

// podOracle is for the labels left of pod, from right to left.
func podOracle(labels []string) qname.Name {
	switch len(labels) {
	case 0:
		return qname.Name{Kind: qname.Pods}
	case 1:
		return qname.Name{Kind: qname.PodNamespace, Namespace: labels[0]}
	case 2:
		return qname.Name{Kind: qname.Pod, Namespace: labels[0], Pod: labels[1]}
	}
	return qname.Name{}
}

// reverseOracle is for names of the reverse trees. An IPv4-mapped address has
// no name in ip6.arpa.
func reverseOracle(name string) qname.Name {
	for _, tree := range []struct {
		zone  string
		label func(string) (byte, bool)
		addr  func([]byte) netip.Addr
		bits  int // of a label
		max   int // labels
	}{
		{"in-addr.arpa.", octet, fromOctets, 8, 4},
		{"ip6.arpa.", digit, fromDigits, 4, 32},
	} {
		if dns.IsSubDomain(tree.zone, name) {
			var values []byte
			for _, label := range reversed(name, tree.zone) {
				v, ok := tree.label(label)
				if !ok {
					return qname.Name{}
				}
				values = append(values, v)
			}
			if len(values) > tree.max {
				return qname.Name{}
			}
			if tree.max == 32 && strings.HasPrefix(string(values), mappedDigits) {
				return qname.Name{}
			}
			n := qname.Name{Kind: qname.Network, Prefix: netip.PrefixFrom(tree.addr(values), tree.bits*len(values))}
			if len(values) == tree.max {
				n.Kind = qname.Address
			}
			return n
		}
	}
	return qname.Name{}
}

// reversed returns the labels that name has below zone, from right to left.
func reversed(name, zone string) []string {
	labels := dns.SplitDomainName(name)
	labels = labels[:len(labels)-dns.CountLabel(zone)]
	slices.Reverse(labels)
	return labels
}

// mappedDigits are the digits of ::ffff:0:0/96.
var mappedDigits = strings.Repeat("\x00", 20) + "\x0f\x0f\x0f\x0f"

func octet(label string) (byte, bool) {
	v, err := strconv.ParseUint(label, 10, 8)
	return byte(v), err == nil && strconv.FormatUint(v, 10) == label
}

func digit(label string) (byte, bool) {
	v, err := strconv.ParseUint(label, 16, 4)
	return byte(v), err == nil && len(label) == 1
}

func fromOctets(values []byte) netip.Addr {
	return netip.AddrFrom4([4]byte(append(values, 0, 0, 0, 0)))
}

func fromDigits(values []byte) netip.Addr {
	var ip [16]byte
	for i, v := range values {
		if i < 32 {
			ip[i/2] |= v << (4 * (1 - i%2))
		}
	}
	return netip.AddrFrom16(ip)
}
