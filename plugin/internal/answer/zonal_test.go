// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

var zonal = with(func(o *answer.Options) { o.Zonal = true })

// zones3 returns an index with a headless Service in several topology zones.
func zones3() *index.Index {
	x := newIndex("demo", headless("demo/db"), headless("demo/empty"), clusterIP("demo/web", addrs("10.96.0.1")))
	s := slice("demo/db", "s1", ports("sql/tcp/5432", "/tcp/1"))
	for i, zone := range []string{"a", "b", "a", "", "c.d"} {
		s.Endpoints = append(s.Endpoints, object.Endpoint{Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), Hostname: fmt.Sprint("h", i), Zone: zone})
	}
	x.SetEndpointSlice(s, 1)
	s = slice("demo/db", "s2", ports("sql/tcp/5432"))
	s.Endpoints = []object.Endpoint{
		{Addr: netip.MustParseAddr("fd00::1"), Hostname: "h0", Zone: "a"},
		{Addr: netip.MustParseAddr("fd00::2"), Hostname: "h0", Zone: "b"}, // the same name, elsewhere
	}
	x.SetEndpointSlice(s, 1)
	return x
}

func TestZonal(t *testing.T) {
	run(t, zones3(), zonal, map[string]test{
		"pin":                {"a.pin._zone.db.demo.svc A", ok("a.pin._zone.db.demo.svc A 10.0.0.0", "a.pin._zone.db.demo.svc A 10.0.0.2")},
		"pin, other family":  {"a.pin._zone.db.demo.svc AAAA", ok("a.pin._zone.db.demo.svc AAAA fd00::1")},
		"pin in upper case":  {"A.PIN._ZONE.db.demo.svc AAAA", ok("A.PIN._ZONE.db.demo.svc AAAA fd00::1")},
		"zone with a dot":    {"c.d.pin._zone.db.demo.svc A", ok("c.d.pin._zone.db.demo.svc A 10.0.0.4")},
		"no such zone":       {"d.pin._zone.db.demo.svc A", noData},
		"no such family":     {"c.d.prefer._zone.db.demo.svc AAAA", noData},
		"prefer":             {"b.prefer._zone.db.demo.svc A", ok("b.prefer._zone.db.demo.svc A 10.0.0.1")},
		"prefer another":     {"d.prefer._zone.db.demo.svc AAAA", ok("d.prefer._zone.db.demo.svc AAAA fd00::1", "d.prefer._zone.db.demo.svc AAAA fd00::2")},
		"name of two zones":  {"b.pin._zone.db.demo.svc AAAA", ok("b.pin._zone.db.demo.svc AAAA fd00::2")},
		"TXT":                {"a.pin._zone.db.demo.svc TXT", noData},
		"TXT where none is":  {"d.pin._zone.db.demo.svc TXT", noData},
		"directive":          {"pin._zone.db.demo.svc A", noData},
		"other directive":    {"prefer._zone.db.demo.svc TXT", noData},
		"_zone":              {"_zone.db.demo.svc A", noData},
		"unknown directive":  {"a.any._zone.db.demo.svc A", nameError},
		"cluster IP":         {"a.pin._zone.web.demo.svc A", nameError},
		"cluster IP, _zone":  {"_zone.web.demo.svc A", nameError},
		"no such Service":    {"a.prefer._zone.nope.demo.svc A", nameError},
		"no such namespace":  {"a.prefer._zone.db.nope.svc A", nameError},
		"empty":              {"a.pin._zone.empty.demo.svc A", nameError},
		"empty, prefer":      {"a.prefer._zone.empty.demo.svc A", nameError},
		"empty, directive":   {"pin._zone.empty.demo.svc A", nameError},
		"of a Pod":           {"a.pin._zone.db.demo.pod A", nameError},
		"plain names as are": {"c.d.db.demo.svc A", nameError},
		"SRV": {"b.pin._zone.db.demo.svc SRV", ok(
			"b.pin._zone.db.demo.svc SRV 0 33 5432 h1.db.demo.svc", "b.pin._zone.db.demo.svc SRV 0 33 1 h1.db.demo.svc",
			"b.pin._zone.db.demo.svc SRV 0 33 5432 h0.db.demo.svc", "+", "h1.db.demo.svc A 10.0.0.1", "h0.db.demo.svc AAAA fd00::2")},
	})
	run(t, zones3(), defaults(), map[string]test{
		"off":            {"a.pin._zone.db.demo.svc A", nameError},
		"off, directive": {"pin._zone.db.demo.svc A", nameError},
		"off, _zone":     {"_zone.db.demo.svc A", nameError},
	})
}

// TestZonalWindows: of a larger zone, too, as many records are answered as fit.
func TestZonalWindows(t *testing.T) {
	x := newIndex("demo", headless("demo/many"))
	for n := range 3 {
		s := slice("demo/many", fmt.Sprint("s", n), ports("b/tcp/2"))
		for i := range 9 {
			a := netip.AddrFrom4([4]byte{10, 0, byte(n), byte(i)})
			s.Endpoints = append(s.Endpoints, object.Endpoint{Addr: a, Zone: string(rune('a' + i%2))})
		}
		x.SetEndpointSlice(s, 1)
	}
	in := "a.pin._zone.many.demo.svc A"
	all := rrsInWords(answer.Lookup(x, everything, &zonal, question(t, in)).Answer)
	if len(all) != 15 {
		t.Fatalf("%d records in the zone, want 15", len(all))
	}
	for limit := 1; limit <= len(all)+1; limit++ {
		windowsOf(t, x, zonal, in, limit, all)
	}
}

// TestBugSameAddressInTwoZones: an address that is in two zones, by mistake, is in each of them.
func TestBugSameAddressInTwoZones(t *testing.T) {
	x := newIndex("demo", headless("demo/db"))
	s := slice("demo/db", "s1", ports("sql/tcp/5432"))
	a := netip.MustParseAddr("10.0.0.1")
	s.Endpoints = []object.Endpoint{{Addr: a, Zone: "a"}, {Addr: a, Zone: "b"}}
	x.SetEndpointSlice(s, 1)
	run(t, x, zonal, map[string]test{
		"a":     {"a.pin._zone.db.demo.svc A", ok("a.pin._zone.db.demo.svc A 10.0.0.1")},
		"b":     {"b.pin._zone.db.demo.svc A", ok("b.pin._zone.db.demo.svc A 10.0.0.1")},
		"plain": {"db.demo.svc A", ok("db.demo.svc A 10.0.0.1")},
	})
}

// TestTTL: that of a Service is that of all its records, and of no others.
func TestTTL(t *testing.T) {
	x := newIndex("demo", headless("demo/db"))
	long := clusterIP("demo/long", addrs("10.96.0.1"))
	long.TTL, long.Ports = object.TTL{Seconds: 300, Own: true}, ports("http/tcp/80")
	x.SetService(long, 1)
	ext := object.Service{Namespace: "demo", Name: "ext", Type: object.ExternalName, ExternalName: "example.org.", TTL: object.TTL{Own: true}}
	x.SetService(ext, 1)
	for _, name := range []string{"long", "db"} {
		s := slice("demo/"+name, name+"-1", ports("http/tcp/80"))
		s.Endpoints = []object.Endpoint{{Addr: netip.MustParseAddr("10.0.0.1")}}
		x.SetEndpointSlice(s, 1)
	}
	run(t, x, defaults(), map[string]test{
		"A":        {"long.demo.svc A", ok("long.demo.svc A 10.96.0.1 ttl 300")},
		"SRV":      {"_http._tcp.long.demo.svc SRV", ok("_http._tcp.long.demo.svc SRV 0 100 80 long.demo.svc ttl 300", "+", "long.demo.svc A 10.96.0.1 ttl 300")},
		"endpoint": {"10-0-0-1.long.demo.svc A", ok("10-0-0-1.long.demo.svc A 10.0.0.1 ttl 300")},
		"PTR":      {"1.0.96.10.in-addr.arpa. PTR", ok("1.0.96.10.in-addr.arpa. PTR long.demo.svc ttl 300")},
		"another":  {"db.demo.svc A", ok("db.demo.svc A 10.0.0.1")},
		// An RRset has one TTL: the least.
		"PTR of both": {"1.0.0.10.in-addr.arpa. PTR", ok("1.0.0.10.in-addr.arpa. PTR 10-0-0-1.long.demo.svc", "1.0.0.10.in-addr.arpa. PTR 10-0-0-1.db.demo.svc")},
		"zero":        {"ext.demo.svc CNAME", ok("ext.demo.svc CNAME example.org. ttl 0")},
		"SOA":         {"@ SOA", ok(fmt.Sprintf("@ SOA ns.dns hostmaster %d 7200 1800 86400 %d", x.Serial(), ttl))},
	})
	negative := with(func(o *answer.Options) { o.NegativeTTL = 1 })
	run(t, x, negative, map[string]test{"SOA": {"@ SOA", ok(fmt.Sprintf("@ SOA ns.dns hostmaster %d 7200 1800 86400 1", x.Serial()))}})
}

// TestMaxAnswers: so many are answered as there are to be at most and as fit.
func TestMaxAnswers(t *testing.T) {
	x := many(9, 9, 9)
	for _, tc := range []struct {
		in              string
		max, room, want int
	}{
		{"many.demo.svc A", 100, 65000, 18},
		{"many.demo.svc A", 5, 65000, 5},
		{"many.demo.svc A", 100, 16 * 7, 7},
		{"many.demo.svc A", 100, 16*8 - 1, 7},
		{"many.demo.svc A", 100, 0, 1},
		{"many.demo.svc AAAA", 100, 28 * 4, 4},
		{"_b._tcp.many.demo.svc SRV", 3, 65000, 3},
		{"_b._tcp.many.demo.svc SRV", 100, 0, 1},
	} {
		t.Run(fmt.Sprintf("%s max=%d room=%d", tc.in, tc.max, tc.room), func(t *testing.T) {
			o := with(func(o *answer.Options) { o.MaxAnswers = tc.max })
			q := question(t, tc.in)
			q.Limit, q.Room = 2, tc.room // what makes a response truncated counts no more
			seen := make(map[string]bool)
			for start := range uint32(100) {
				q.Start = start
				a := answer.Lookup(x, everything, &o, q)
				wellFormed(t, q, a)
				if got := len(a.Answer); got != tc.want {
					t.Fatalf("start %d: %d records, want %d", start, got, tc.want)
				}
				for _, rr := range rrsInWords(a.Answer) {
					seen[rr] = true
				}
			}
			if all := len(answer.Lookup(x, everything, new(defaults()), question(t, tc.in)).Answer); len(seen) != all {
				t.Errorf("%d of %d records are answered at all", len(seen), all)
			}
		})
	}
}

// TestOneOfMany: endpoints of a Service with many EndpointSlices are found by
// every way to call them, after changes too, as if there were one.
func TestOneOfMany(t *testing.T) {
	x := newIndex("demo", headless("demo/big"))
	set := func(n int, version byte) {
		s := slice("demo/big", fmt.Sprint("s", n), ports("b/tcp/2"))
		for i := range 5 {
			a := netip.AddrFrom4([4]byte{10, version, byte(n), byte(i)})
			e := object.Endpoint{Addr: a, Pod: fmt.Sprintf("pod-%d-%d", n, i)}
			if i > 0 {
				e.Hostname = fmt.Sprintf("h-%d-%d", n, i)
			}
			if i == 4 {
				e.Hostname = "all"
			}
			s.Endpoints = append(s.Endpoints, e)
		}
		x.SetEndpointSlice(s, 1)
	}
	for n := range 20 {
		set(n, 0)
	}
	check := func(version byte) {
		t.Helper()
		run(t, x, defaults(), map[string]test{
			"hostname":       {"H-19-1.big.demo.svc A", ok(fmt.Sprintf("H-19-1.big.demo.svc A 10.%d.19.1", version))},
			"address":        {fmt.Sprintf("10-%d-19-0.big.demo.svc A", version), ok(fmt.Sprintf("10-%d-19-0.big.demo.svc A 10.%d.19.0", version, version))},
			"NODATA":         {"h-19-1.big.demo.svc AAAA", noData},
			"called by name": {fmt.Sprintf("10-%d-19-1.big.demo.svc A", version), nameError},
			"no hostname":    {"h-20-1.big.demo.svc A", nameError},
			"no address":     {"10-9-19-0.big.demo.svc A", nameError},
			"Pod, no option": {"pod-19-0.big.demo.svc A", nameError},
			"PTR":            {fmt.Sprintf("1.19.%d.10.in-addr.arpa. PTR", version), ok(fmt.Sprintf("1.19.%d.10.in-addr.arpa. PTR h-19-1.big.demo.svc", version))},
		})
		run(t, x, with(func(o *answer.Options) { o.EndpointPodNames = true }), map[string]test{
			"Pod": {"pod-19-0.big.demo.svc A", ok(fmt.Sprintf("pod-19-0.big.demo.svc A 10.%d.19.0", version))},
		})
	}
	check(0)
	for n := range 20 {
		set(n, 1)
	}
	check(1)
	if got := len(answer.Lookup(x, everything, new(defaults()), question(t, "all.big.demo.svc A")).Answer); got != 20 {
		t.Errorf("a hostname that 20 EndpointSlices have: %d records", got)
	}
}

// TestStrictCompat: what the kubernetes plugin denies by mistake (B2 to B5).
func TestStrictCompat(t *testing.T) {
	strict := with(func(o *answer.Options) { o.StrictCompat = true })
	tests := map[string]test{
		"B2, zone":      {"@ TXT", nameError},
		"B2, svc":       {"svc TXT", nameError},
		"B2, namespace": {"demo.svc TXT", nameError},
		"B3, protocol":  {"_tcp.web.demo.svc A", nameError},
		"B3, dns":       {"dns A", nameError},
		"B3, version":   {"dns-version A", nameError},
		"B3, network":   {"10.in-addr.arpa. PTR", nameError},
		"B3, address":   {"1.0.0.10.in-addr.arpa. A", nameError},
		"B4":            {"Cluster.example.org. NS", noData},
		"A at the zone": {"@ A", noData},
		"A at svc":      {"svc A", noData},
		"AAAA of web":   {"web.demo.svc AAAA", noData},
	}
	run(t, demo(), strict, tests)
	for name, tc := range tests {
		if got := ask(t, demo(), defaults(), tc.in); got.Result == "NXDOMAIN" {
			t.Errorf("%s: %s is denied without strict_compat too", name, tc.in)
		}
	}
}

func TestWhy(t *testing.T) {
	o := with(func(o *answer.Options) {
		o.Explain, o.Pods, o.Kinds = true, answer.PodsVerified, everything
		o.Namespaces = map[string]struct{}{"demo": {}, "nope": {}}
	})
	x := zones3()
	x.SetNamespace("hidden", 1)
	x.SetService(clusterIP("hidden/web", addrs("10.96.0.9")), 1)
	for in, want := range map[string]string{
		"web.demo.svc":            "Service demo/web has the cluster IPs 10.96.0.1, with 0 addresses of ready endpoints",
		"db.demo.svc":             "Service demo/db is headless, with 7 addresses of ready endpoints",
		"empty.demo.svc":          "Service demo/empty is headless, with 0 addresses of ready endpoints",
		"no.demo.svc":             "namespace demo has no Service no",
		"web.nope.svc":            "namespace nope does not exist, or namespace_labels does not select it",
		"web.hidden.svc":          "namespace hidden is not in the list of the option namespaces",
		"demo.svc":                "namespace demo exists",
		"_x._tcp.web.demo.svc":    "Service demo/web has the cluster IPs 10.96.0.1, with 0 addresses of ready endpoints; it has no port x/tcp",
		"h9.db.demo.svc":          "Service demo/db is headless, with 7 addresses of ready endpoints; none that is ready is called h9",
		"a.pin._zone.db.demo.svc": "Service demo/db is headless, with 7 addresses of ready endpoints; names with zones need the option zonal",
		"10-0-0-1.demo.pod":       "no Pod of namespace demo that runs has the address 10.0.0.1",
		"www.example.org":         "names of this form do not exist: <service>.<namespace>.svc, and what stands before and beside that, do",
		"svc":                     "this name always exists",
	} {
		q := question(t, in+"._why TXT")
		a := answer.Lookup(x, everything, &o, q)
		if a.Result != answer.Reason || a.Why != want {
			t.Errorf("%s: result %d, %q, want %q", in, a.Result, a.Why, want)
		}
	}
	a := answer.Lookup(x, 0, &o, question(t, "web.demo.svc._why TXT"))
	if want := "the API server has not told all of this yet: namespaces, services, endpointslices, pods"; a.Why != want {
		t.Errorf("before it is synced: %q, want %q", a.Why, want)
	}
	run(t, x, o, map[string]test{
		"_why":       {"_why TXT", noData},
		"other type": {"web.demo.svc._why A", noData},
		"inner":      {"web._why.demo.svc A", nameError},
	})
	run(t, x, defaults(), map[string]test{"off": {"web.demo.svc._why TXT", nameError}, "off, apex": {"_why TXT", nameError}})
}
