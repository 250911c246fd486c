// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// soa is the SOA record of a zone in words.
func soa(zone, mname, rname string, serial uint32) string {
	return fmt.Sprintf("%s SOA %s %s %d 7200 1800 86400 5", zone, mname, rname, serial)
}

func TestZoneNames(t *testing.T) {
	x := demo()
	run(t, x, defaults(), map[string]test{
		"SOA":              {"@ SOA", ok(soa("@", "ns.dns", "hostmaster", x.Serial()))},
		"SOA in upper":     {"CLUSTER.example.org. SOA", ok(soa("CLUSTER.example.org.", "ns.dns.CLUSTER.example.org.", "hostmaster.CLUSTER.example.org.", x.Serial()))},
		"apex A":           {"@ A", noData},
		"apex AAAA":        {"@ AAAA", noData},
		"apex SRV":         {"@ SRV", noData},
		"apex TXT (B2)":    {"@ TXT", noData},
		"apex HINFO":       {"@ HINFO", noData},
		"apex ANY":         {"@ ANY", ok(`@ HINFO "RFC8482" ""`)},
		"apex DNSKEY":      {"@ DNSKEY", noData},
		"version":          {"dns-version TXT", ok(`dns-version TXT "1.1.0" ttl 28800`)},
		"version A (B3)":   {"dns-version A", noData},
		"version ANY":      {"dns-version ANY", ok(`dns-version HINFO "RFC8482" ""`)},
		"below version":    {"x.dns-version TXT", nameError},
		"dns (B3)":         {"dns A", noData},
		"dns NS":           {"dns NS", noData},
		"beside ns.dns":    {"ns2.dns A", nameError},
		"svc A":            {"svc A", noData},
		"svc TXT (B2)":     {"svc TXT", noData},
		"svc NS":           {"svc NS", noData},
		"svc ANY":          {"svc ANY", noData},
		"pod A":            {"pod A", noData},
		"pod TXT (B2)":     {"pod TXT", noData},
		"namespace":        {"demo.svc A", noData},
		"namespace TXT":    {"demo.svc TXT", noData}, // B2
		"namespace NS":     {"demo.svc NS", noData},
		"namespace SOA":    {"demo.svc SOA", noData},
		"namespace ANY":    {"demo.svc ANY", noData},
		"namespace case":   {"DEMO.svc A", noData},
		"empty namespace":  {"void.svc A", noData},
		"no namespace":     {"none.svc A", nameError},
		"no namespace TXT": {"none.svc TXT", nameError},
		"no namespace NS":  {"none.svc NS", nameError},
		"hidden namespace": {"ghost.svc A", nameError},
		"other":            {"other A", nameError},
		"other NS":         {"other NS", nameError},
		"hostmaster":       {"hostmaster A", nameError},
		"in-addr in zone":  {"1.0.96.10.in-addr.arpa." + primary + " PTR", nameError},
	})
}

// TestSOA: the TTL of the record is bounded, the one of denials is not.
func TestSOA(t *testing.T) {
	tests := map[string]struct {
		in   uint32
		want uint32 // TTL of the record
	}{
		"zero":     {0, 0},
		"default":  {5, 5},
		"at most":  {300, 300},
		"too long": {3600, 300},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var soa dns.SOA
			mname, rname := answer.SOANames("Example.org.")
			answer.SOA(&soa, "Example.org.", mname, rname, 7, tc.in, 1)
			want := fmt.Sprintf("Example.org.\t%d\tIN\tSOA\tns.dns.Example.org. hostmaster.Example.org. 7 7200 1800 86400 1", tc.want)
			if got := soa.String(); got != want {
				t.Errorf("SOA = %q, want %q", got, want)
			}
		})
	}
	if mname, rname := answer.SOANames("."); mname != "ns.dns." || rname != "hostmaster." {
		t.Errorf("SOANames(.) = %q, %q", mname, rname)
	}
}

// TestNameServers: the name servers are the Services that have this server as an endpoint.
func TestNameServers(t *testing.T) {
	server := netip.MustParseAddr("10.0.4.1")
	local := with(func(o *answer.Options) { o.Local = []netip.Addr{server} })
	udp := ports("dns/udp/53")

	t.Run("none", func(t *testing.T) {
		run(t, demo(), local, map[string]test{
			"NS":         {"@ NS", ok("@ NS ns.dns", "+", "ns.dns A 10.0.4.1")},
			"NS (B4)":    {"Cluster.Example.Org. NS", ok("Cluster.Example.Org. NS ns.dns.Cluster.Example.Org.", "+", "ns.dns.Cluster.Example.Org. A 10.0.4.1")},
			"ns.dns":     {"ns.dns A", ok("ns.dns A 10.0.4.1")},
			"ns.dns six": {"ns.dns AAAA", noData},
			"ns.dns TXT": {"ns.dns TXT", noData},
			"ns.dns ANY": {"ns.dns ANY", ok(`ns.dns HINFO "RFC8482" ""`)},
			"below":      {"x.ns.dns A", nameError},
		})
	})
	t.Run("no address", func(t *testing.T) {
		run(t, demo(), defaults(), map[string]test{
			"NS":     {"@ NS", noData},
			"ns.dns": {"ns.dns A", noData},
		})
	})
	t.Run("dual stack", func(t *testing.T) {
		o := with(func(o *answer.Options) { o.Local = addrs("10.0.4.1", "fd00::4:1") })
		run(t, demo(), o, map[string]test{
			"NS":     {"@ NS", ok("@ NS ns.dns", "+", "ns.dns A 10.0.4.1", "ns.dns AAAA fd00::4:1")},
			"ns.dns": {"ns.dns AAAA", ok("ns.dns AAAA fd00::4:1")},
		})
	})
	t.Run("cluster IP", func(t *testing.T) {
		x := newIndex("kube-system", clusterIP("kube-system/dns", addrs("10.96.0.53", "fd00:96::53"), "dns/udp/53"),
			slice("kube-system/dns", "dns-1", udp, "10.0.4.1", "10.0.4.2"))
		run(t, x, local, map[string]test{
			"NS": {"@ NS", ok("@ NS dns.kube-system.svc", "+",
				"dns.kube-system.svc A 10.96.0.53", "dns.kube-system.svc AAAA fd00:96::53")},
			"ns.dns":      {"ns.dns A", ok("ns.dns A 10.96.0.53")},
			"ns.dns AAAA": {"ns.dns AAAA", ok("ns.dns AAAA fd00:96::53")},
			"NS of a reverse zone": {"in-addr.arpa. NS", ok("in-addr.arpa. NS dns.kube-system.svc", "+",
				"dns.kube-system.svc A 10.96.0.53", "dns.kube-system.svc AAAA fd00:96::53")},
		})
		other := with(func(o *answer.Options) { o.Local = addrs("10.0.4.3") })
		run(t, x, other, map[string]test{"another server": {"@ NS", ok("@ NS ns.dns", "+", "ns.dns A 10.0.4.3")}})
		off := with(func(o *answer.Options) {
			o.Local, o.Kinds = local.Local, object.Set(object.Namespaces, object.Services)
		})
		run(t, x, off, map[string]test{"noendpoints": {"@ NS", ok("@ NS ns.dns", "+", "ns.dns A 10.0.4.1")}})
	})
	t.Run("headless", func(t *testing.T) {
		x := newIndex("kube-system", headless("kube-system/dns"),
			slice("kube-system/dns", "dns-1", udp, "10.0.4.1", "10.0.4.2 two", "10.0.4.3 two"), slice("kube-system/dns", "dns-2", udp, "10.0.4.4"))
		run(t, x, local, map[string]test{
			"NS": {"@ NS", ok("@ NS 10-0-4-1.dns.kube-system.svc", "@ NS two.dns.kube-system.svc", "+",
				"10-0-4-1.dns.kube-system.svc A 10.0.4.1", "two.dns.kube-system.svc A 10.0.4.2", "two.dns.kube-system.svc A 10.0.4.3")},
		})
	})
	t.Run("several", func(t *testing.T) {
		x := newIndex("kube-system",
			clusterIP("kube-system/a", addrs("10.96.0.1")), slice("kube-system/a", "a-1", udp, "10.0.4.1"),
			clusterIP("kube-system/b", addrs("fd00:96::1")), slice("kube-system/b", "b-1", udp, "10.0.4.1"),
			headless("kube-system/c"), slice("kube-system/c", "c-1", udp, "10.0.4.1"),
			external("kube-system/d", "ns.example.com."), slice("kube-system/d", "d-1", udp, "10.0.4.1"),
			slice("kube-system/e", "e-1", udp, "10.0.4.1")) // of a Service that is not there
		run(t, x, local, map[string]test{
			"NS": {"@ NS", ok("@ NS a.kube-system.svc", "@ NS b.kube-system.svc", "@ NS 10-0-4-1.c.kube-system.svc", "+",
				"a.kube-system.svc A 10.96.0.1", "b.kube-system.svc AAAA fd00:96::1", "10-0-4-1.c.kube-system.svc A 10.0.4.1")},
			"ns.dns": {"ns.dns A", ok("ns.dns A 10.96.0.1", "ns.dns A 10.0.4.1")},
		})
	})
	t.Run("two addresses of one server", func(t *testing.T) {
		x := newIndex("kube-system", clusterIP("kube-system/dns", addrs("10.96.0.53")),
			slice("kube-system/dns", "dns-1", udp, "10.0.4.1"), slice("kube-system/dns", "dns-2", udp, "fd00::4:1"))
		o := with(func(o *answer.Options) { o.Local = addrs("10.0.4.1", "fd00::4:1") })
		run(t, x, o, map[string]test{"NS": {"@ NS", ok("@ NS dns.kube-system.svc", "+", "dns.kube-system.svc A 10.96.0.53")}})
	})
}

// TestRootZone: the zone may be the root.
func TestRootZone(t *testing.T) {
	o := with(func(o *answer.Options) { o.PrimaryZone = "." })
	x := demo()
	run(t, x, o, map[string]test{
		"SOA":       {". SOA", ok(soa(".", "ns.dns.", "hostmaster.", x.Serial()))},
		"A":         {"web.demo.svc. A", ok("web.demo.svc. A 10.96.0.1")},
		"SRV":       {"_http._tcp.web.demo.svc. SRV", ok("_http._tcp.web.demo.svc. SRV 0 100 80 web.demo.svc.", "+", "web.demo.svc. A 10.96.0.1")},
		"PTR":       {"1.0.96.10.in-addr.arpa. PTR", ok("1.0.96.10.in-addr.arpa. PTR web.demo.svc.")},
		"in-addr":   {"in-addr.arpa. PTR", noData},
		"ip6":       {"ip6.arpa. PTR", noData},
		"arpa":      {"arpa. NS", noData},
		"svc":       {"svc. A", noData},
		"other":     {"com. A", nameError},
		"namespace": {"none.svc. A", nameError},
	}, ".")
}
