// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/index"
)

// stock is a cluster with the kinds of objects that the tests of the kubernetes
// plugin of CoreDNS have, for questions of the kinds that they ask.
func stock() *index.Index {
	web := ports("http/tcp/80")
	return newIndex("shop", "void",
		clusterIP("shop/one", addrs("192.0.2.1"), "http/tcp/80"), slice("shop/one", "one-1", web, "198.51.100.1 one-0"),
		clusterIP("shop/six", addrs("2001:db8:1::1"), "http/tcp/80"), slice("shop/six", "six-1", web, "198.51.100.6"),
		clusterIP("shop/empty", addrs("192.0.2.2"), "http/tcp/80"), slice("shop/empty", "empty-1", web),
		clusterIP("shop/both", addrs("192.0.2.3", "2001:db8:1::3"), "http/tcp/80"), slice("shop/both", "both-1", web, "198.51.100.7"),
		headless("shop/hl", "http/tcp/80"),
		slice("shop/hl", "hl-4", web, "198.51.100.12", "198.51.100.13", "198.51.100.14 twin", "198.51.100.15 twin"),
		slice("shop/hl", "hl-6", web, "2001:db8:2::1", "2001:db8:2::2"),
		headless("shop/hl-portless"), slice("shop/hl-portless", "hl-portless-1", nil, "198.51.100.20"),
		external("shop/out", "www.example.com."),
		external("shop/in", "one.shop.svc."+primary),
		clusterIP("hidden/one", addrs("192.0.2.9"), "http/tcp/80"),
	)
}

// TestInTree asks what the tests of the kubernetes plugin ask, and says where
// the answer is another one on purpose, and by which rule.
func TestInTree(t *testing.T) {
	o := with(func(o *answer.Options) { o.Namespaces = map[string]struct{}{"shop": {}, "void": {}, "hidden": {}} })
	run(t, stock(), o, map[string]test{
		"A of a Service":                {"one.shop.svc A", ok("one.shop.svc A 192.0.2.1")},
		"A without endpoints":           {"empty.shop.svc A", ok("empty.shop.svc A 192.0.2.2")},
		"SRV of a Service":              {"one.shop.svc SRV", ok("one.shop.svc SRV 0 100 80 one.shop.svc", "+", "one.shop.svc A 192.0.2.1")},
		"SRV without endpoints":         {"empty.shop.svc SRV", ok("empty.shop.svc SRV 0 100 80 empty.shop.svc", "+", "empty.shop.svc A 192.0.2.2")},
		"SRV of an IPv6 Service":        {"six.shop.svc SRV", ok("six.shop.svc SRV 0 100 80 six.shop.svc", "+", "six.shop.svc AAAA 2001:db8:1::1")},
		"SRV of a port":                 {"_http._tcp.one.shop.svc SRV", ok("_http._tcp.one.shop.svc SRV 0 100 80 one.shop.svc", "+", "one.shop.svc A 192.0.2.1")},
		"SRV of a port, no endpoints":   {"_http._tcp.empty.shop.svc SRV", ok("_http._tcp.empty.shop.svc SRV 0 100 80 empty.shop.svc", "+", "empty.shop.svc A 192.0.2.2")},
		"SRV of an IPv6 port":           {"_http._tcp.six.shop.svc SRV", ok("_http._tcp.six.shop.svc SRV 0 100 80 six.shop.svc", "+", "six.shop.svc AAAA 2001:db8:1::1")},
		"A, headless":                   {"hl.shop.svc A", ok("hl.shop.svc A 198.51.100.12", "hl.shop.svc A 198.51.100.13", "hl.shop.svc A 198.51.100.14", "hl.shop.svc A 198.51.100.15")},
		"A, headless without ports":     {"hl-portless.shop.svc A", ok("hl-portless.shop.svc A 198.51.100.20")},
		"AAAA, headless":                {"hl.shop.svc AAAA", ok("hl.shop.svc AAAA 2001:db8:2::1", "hl.shop.svc AAAA 2001:db8:2::2")},
		"AAAA of an IPv4 Service":       {"one.shop.svc AAAA", noData},
		"AAAA of an IPv6 Service":       {"six.shop.svc AAAA", ok("six.shop.svc AAAA 2001:db8:1::1")},
		"AAAA of no Service":            {"none.shop.svc AAAA", nameError},
		"A of no Service":               {"none.shop.svc A", nameError},
		"A in no namespace":             {"one.none.svc A", nameError},
		"TXT of the schema":             {"dns-version TXT", ok(`dns-version TXT "1.1.0" ttl 28800`)},
		"TXT of a Service":              {"one.shop.svc TXT", noData},
		"TXT in no namespace":           {"one.none.svc TXT", nameError},
		"endpoint of headless, none":    {"none.hl.shop.svc A", nameError},
		"endpoint of no Service":        {"none.none.shop.svc A", nameError},
		"svc":                           {"svc A", noData},
		"pod":                           {"pod A", noData},
		"namespace":                     {"shop.svc A", noData},
		"NS of svc":                     {"svc NS", noData},
		"NS of a namespace":             {"shop.svc NS", noData},
		"NS of nothing":                 {"none NS", nameError},
		"NS of no namespace":            {"none.svc NS", nameError},
		"dual stack A":                  {"both.shop.svc A", ok("both.shop.svc A 192.0.2.3")},
		"dual stack AAAA":               {"both.shop.svc AAAA", ok("both.shop.svc AAAA 2001:db8:1::3")},
		"SOA of a Service":              {"one.shop.svc SOA", noData},
		"below an external name":        {"x.out.shop.svc CNAME", nameError},
		"two labels below an external":  {"x.y.out.shop.svc CNAME", nameError},
		"dashed IPv6":                   {"2001-db8-2--2.hl.shop.svc AAAA", ok("2001-db8-2--2.hl.shop.svc AAAA 2001:db8:2::2")},
		"dashed IPv4":                   {"198-51-100-12.hl.shop.svc A", ok("198-51-100-12.hl.shop.svc A 198.51.100.12")},
		"dashed, portless":              {"198-51-100-20.hl-portless.shop.svc A", ok("198-51-100-20.hl-portless.shop.svc A 198.51.100.20")},
		"hostname of two":               {"twin.hl.shop.svc A", ok("twin.hl.shop.svc A 198.51.100.14", "twin.hl.shop.svc A 198.51.100.15")},
		"CNAME of an external":          {"out.shop.svc CNAME", ok("out.shop.svc CNAME www.example.com.")},
		"namespace without Services":    {"void.svc A", noData},
		"namespace without an object":   {"one.hidden.svc A", nameError},
		"PTR at a forward name":         {"one.shop.svc PTR", noData},
		"PTR at a reversed label":       {"1.2.0.192 PTR", nameError},
		"PTR of another tree":           {"example.org PTR", nameError},
		"forward name in a reverse":     {"one.shop.svc.192.in-addr.arpa. A", nameError},
		"PTR of a cluster IP":           {"1.2.0.192.in-addr.arpa. PTR", ok("1.2.0.192.in-addr.arpa. PTR one.shop.svc")},
		"PTR of an endpoint":            {"1.100.51.198.in-addr.arpa. PTR", ok("1.100.51.198.in-addr.arpa. PTR one-0.one.shop.svc")},
		"PTR of nobody's address":       {"99.100.51.198.in-addr.arpa. PTR", nameError},
		"port, service and a long tail": {"a.b.c.d.e.one.shop.svc A", nameError},

		// The chain is followed by the caller, not here: it needs the server.
		"A of an external":          {"out.shop.svc A", alias("www.example.com.", "out.shop.svc CNAME www.example.com.")},
		"A of an external, in zone": {"in.shop.svc A", alias("one.shop.svc."+primary, "in.shop.svc CNAME one.shop.svc")},

		// Differs (B18): the in-tree plugin shares the weight among what it had
		// before it took duplicates away: 50 for the two addresses of one name.
		"SRV, dual stack": {"both.shop.svc SRV", ok("both.shop.svc SRV 0 100 80 both.shop.svc", "+",
			"both.shop.svc A 192.0.2.3", "both.shop.svc AAAA 2001:db8:1::3")},
		// Differs (B18): 16 there, for 6 endpoints of 5 names.
		"SRV, headless": {"_http._tcp.hl.shop.svc SRV", ok(
			"_http._tcp.hl.shop.svc SRV 0 20 80 198-51-100-12.hl.shop.svc", "_http._tcp.hl.shop.svc SRV 0 20 80 198-51-100-13.hl.shop.svc",
			"_http._tcp.hl.shop.svc SRV 0 20 80 2001-db8-2--1.hl.shop.svc", "_http._tcp.hl.shop.svc SRV 0 20 80 2001-db8-2--2.hl.shop.svc",
			"_http._tcp.hl.shop.svc SRV 0 20 80 twin.hl.shop.svc", "+",
			"198-51-100-12.hl.shop.svc A 198.51.100.12", "198-51-100-13.hl.shop.svc A 198.51.100.13",
			"2001-db8-2--1.hl.shop.svc AAAA 2001:db8:2::1", "2001-db8-2--2.hl.shop.svc AAAA 2001:db8:2::2",
			"twin.hl.shop.svc A 198.51.100.14", "twin.hl.shop.svc A 198.51.100.15")},
		// Differs (B2): NXDOMAIN there, for TXT only.
		"TXT of the apex":      {"@ TXT", noData},
		"TXT of svc":           {"svc TXT", noData},
		"TXT of a namespace":   {"shop.svc TXT", noData},
		"HINFO of the apex":    {"@ HINFO", noData},
		"SRV of the apex":      {"@ SRV", noData},
		"AAAA of the apex":     {"@ AAAA", noData},
		"TXT of no Service":    {"none.shop.svc TXT", nameError},
		"HINFO of a Service":   {"one.shop.svc HINFO", noData},
		"HINFO of no Service":  {"none.shop.svc HINFO", nameError},
		"HINFO of a namespace": {"shop.svc HINFO", noData},
		// Differs (B3, RFC 8020): empty non-terminals are NXDOMAIN there.
		"protocol":            {"_tcp.one.shop.svc SRV", noData},
		"protocol, headless":  {"_tcp.hl.shop.svc SRV", noData},
		"A of the schema":     {"dns-version A", noData},
		"parent of ns.dns":    {"dns A", noData},
		"A of a PTR name":     {"1.2.0.192.in-addr.arpa. A", noData},
		"network":             {"2.0.192.in-addr.arpa. PTR", noData},
		"network of nobody's": {"3.0.192.in-addr.arpa. PTR", nameError},
		// Differs (RFC 2782): labels without underscores are ports there.
		"bare port and protocol": {"http.tcp.one.shop.svc SRV", nameError},
		"bare protocol":          {"_http.tcp.one.shop.svc SRV", nameError},
		"empty port":             {"_._tcp.one.shop.svc SRV", nameError},
		// Differs (RFC 8482): ANY is NODATA there.
		"ANY": {"one.shop.svc ANY", ok(`one.shop.svc HINFO "RFC8482" ""`)},
		// Differs (RFC 1034 section 4.3.2, step 3a): SRV and TXT of an external
		// name are NODATA there.
		"SRV of an external": {"out.shop.svc SRV", alias("www.example.com.", "out.shop.svc CNAME www.example.com.")},
		"TXT of an external": {"out.shop.svc TXT", alias("www.example.com.", "out.shop.svc CNAME www.example.com.")},
	})
	// Differs (RFC 1912 section 2.1, B5): unless namespaces are listed, the
	// namespace of a PTR record's Service need not exist there.
	run(t, stock(), defaults(), map[string]test{
		"PTR of a Service without a namespace": {"9.2.0.192.in-addr.arpa. PTR", nameError},
	})
}

func TestInTreePods(t *testing.T) {
	insecure := with(func(o *answer.Options) { o.Pods = answer.PodsInsecure })
	run(t, stock(), insecure, map[string]test{
		"A":                  {"198-51-100-1.shop.pod A", ok("198-51-100-1.shop.pod A 198.51.100.1")},
		"A of nobody":        {"203-0-113-1.shop.pod A", ok("203-0-113-1.shop.pod A 203.0.113.1")},
		"no address":         {"blah.shop.pod A", nameError},
		"no address, AAAA":   {"blah.shop.pod AAAA", nameError},
		"no address, HINFO":  {"blah.shop.pod HINFO", nameError},
		"no namespace":       {"blah.none.pod A", nameError},
		"namespace":          {"shop.pod A", noData},
		"with extra labels":  {"x.198-51-100-1.shop.pod A", nameError}, // differs (RFC 8020): answered there
		"namespace, TXT":     {"shop.pod TXT", noData},                 // differs (B2)
		"Services meanwhile": {"shop.svc A", noData},
	})
	run(t, stock(), defaults(), map[string]test{
		"disabled":           {"198-51-100-1.shop.pod A", nameError},
		"disabled, nobody's": {"203-0-113-1.shop.pod A", nameError},
	})
}

func TestInTreeEmptyServiceIgnored(t *testing.T) {
	run(t, stock(), with(func(o *answer.Options) { o.IgnoreEmptyService = true }), map[string]test{
		"empty":    {"empty.shop.svc A", nameError},
		"external": {"out.shop.svc CNAME", ok("out.shop.svc CNAME www.example.com.")},
	})
}

func TestInTreeCase(t *testing.T) {
	const zone = "ClUsTeR.eXaMpLe.OrG."
	x := stock()
	run(t, x, defaults(), map[string]test{
		"negative": {"none.shop.svc." + zone + " A", nameError},
		"A":        {"OnE.sHoP.SvC." + zone + " A", ok("OnE.sHoP.SvC." + zone + " A 192.0.2.1")},
		"SRV": {"_HtTp._TcP.oNe.ShOp.sVc." + zone + " SRV", ok(
			"_HtTp._TcP.oNe.ShOp.sVc."+zone+" SRV 0 100 80 one.shop.svc."+zone, "+", "one.shop.svc."+zone+" A 192.0.2.1")},
		"SOA": {zone + " SOA", ok(soa(zone, "ns.dns."+zone, "hostmaster."+zone, x.Serial()))},
	})
	run(t, x, with(func(o *answer.Options) { o.Local = addrs("203.0.113.53") }), map[string]test{
		// Differs (B4): NODATA there.
		"NS": {zone + " NS", ok(zone+" NS ns.dns."+zone, "+", "ns.dns."+zone+" A 203.0.113.53")},
	})
}
