// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"strings"
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// TestClusterIP is section 2.3 of the specification.
func TestClusterIP(t *testing.T) {
	run(t, demo(), defaults(), map[string]test{
		"A":                        {"web.demo.svc A", ok("web.demo.svc A 10.96.0.1")},
		"A in another case":        {"WEB.Demo.SVC A", ok("WEB.Demo.SVC A 10.96.0.1")},
		"A, other namespace":       {"web.prod.svc A", ok("web.prod.svc A 10.96.1.1")},
		"AAAA of IPv4":             {"web.demo.svc AAAA", noData},
		"AAAA":                     {"six.demo.svc AAAA", ok("six.demo.svc AAAA fd00:96::6")},
		"A of IPv6":                {"six.demo.svc A", noData},
		"dual stack A":             {"dual.demo.svc A", ok("dual.demo.svc A 10.96.0.2")},
		"dual stack AAAA":          {"dual.demo.svc AAAA", ok("dual.demo.svc AAAA fd00:96::2")},
		"A without endpoints":      {"empty.demo.svc A", ok("empty.demo.svc A 10.96.0.6")},
		"A without ports":          {"portless.demo.svc A", ok("portless.demo.svc A 10.96.0.5")},
		"A without an address":     {"pending.demo.svc A", noData},
		"TXT":                      {"web.demo.svc TXT", noData},
		"MX":                       {"web.demo.svc MX", noData},
		"NS":                       {"web.demo.svc NS", noData},
		"SOA":                      {"web.demo.svc SOA", noData},
		"CNAME":                    {"web.demo.svc CNAME", noData},
		"PTR":                      {"web.demo.svc PTR", noData},
		"HTTPS":                    {"web.demo.svc HTTPS", noData},
		"ANY (RFC 8482)":           {"web.demo.svc ANY", ok(`web.demo.svc HINFO "RFC8482" ""`)},
		"no such service":          {"none.demo.svc A", nameError},
		"no such service, TXT":     {"none.demo.svc TXT", nameError},
		"no such service, ANY":     {"none.demo.svc ANY", nameError},
		"no such namespace":        {"web.none.svc A", nameError},
		"namespace is not there":   {"web.ghost.svc A", nameError},
		"only slices are there":    {"orphan.demo.svc A", nameError},
		"a star is no wildcard":    {"*.demo.svc A", nameError},
		"any is no wildcard":       {"any.demo.svc A", nameError},
		"service in the root":      {"web A", nameError},
		"neither svc nor pod":      {"web.demo.endpoints A", nameError},
		"escaped name":             {`w\101b.demo.svc A`, nameError},
		"label with an escape dot": {`web\.demo.demo.svc A`, nameError},

		"SRV of a port": {"_http._tcp.web.demo.svc SRV", ok(
			"_http._tcp.web.demo.svc SRV 0 100 80 web.demo.svc", "+", "web.demo.svc A 10.96.0.1")},
		"SRV in another case": {"_HTTP._TCP.WEB.Demo.Svc SRV", ok(
			"_HTTP._TCP.WEB.Demo.Svc SRV 0 100 80 web.demo.svc", "+", "web.demo.svc A 10.96.0.1")},
		"SRV dual stack": {"_http._tcp.dual.demo.svc SRV", ok(
			"_http._tcp.dual.demo.svc SRV 0 100 80 dual.demo.svc", "+", "dual.demo.svc A 10.96.0.2", "dual.demo.svc AAAA fd00:96::2")},
		"SRV of IPv6": {"_http._tcp.six.demo.svc SRV", ok(
			"_http._tcp.six.demo.svc SRV 0 100 80 six.demo.svc", "+", "six.demo.svc AAAA fd00:96::6")},
		"SRV without endpoints": {"_http._tcp.empty.demo.svc SRV", ok(
			"_http._tcp.empty.demo.svc SRV 0 100 80 empty.demo.svc", "+", "empty.demo.svc A 10.96.0.6")},
		"SRV of the name": {"web.demo.svc SRV", ok(
			"web.demo.svc SRV 0 50 80 web.demo.svc", "web.demo.svc SRV 0 50 443 web.demo.svc", "+", "web.demo.svc A 10.96.0.1")},
		"SRV of the name, same number twice": {"dns.demo.svc SRV", ok(
			"dns.demo.svc SRV 0 100 53 dns.demo.svc", "+", "dns.demo.svc A 10.96.0.3")},
		"SRV of the name, unnamed port": {"unnamed.demo.svc SRV", ok(
			"unnamed.demo.svc SRV 0 100 9090 unnamed.demo.svc", "+", "unnamed.demo.svc A 10.96.0.4")},
		"SRV of UDP":           {"_dns._udp.dns.demo.svc SRV", ok("_dns._udp.dns.demo.svc SRV 0 100 53 dns.demo.svc", "+", "dns.demo.svc A 10.96.0.3")},
		"SRV of TCP":           {"_dns-tcp._tcp.dns.demo.svc SRV", ok("_dns-tcp._tcp.dns.demo.svc SRV 0 100 53 dns.demo.svc", "+", "dns.demo.svc A 10.96.0.3")},
		"SRV, other protocol":  {"_dns._tcp.dns.demo.svc SRV", nameError},
		"SRV without ports":    {"portless.demo.svc SRV", noData},
		"SRV of no such port":  {"_none._tcp.web.demo.svc SRV", nameError},
		"SRV of unnamed port":  {"_._tcp.unnamed.demo.svc SRV", nameError},
		"SRV by number":        {"_80._tcp.web.demo.svc SRV", nameError},
		"A of a port":          {"_http._tcp.web.demo.svc A", ok("_http._tcp.web.demo.svc A 10.96.0.1")},
		"AAAA of a port":       {"_http._tcp.web.demo.svc AAAA", noData},
		"TXT of a port":        {"_http._tcp.web.demo.svc TXT", noData},
		"ANY of a port":        {"_http._tcp.web.demo.svc ANY", ok(`_http._tcp.web.demo.svc HINFO "RFC8482" ""`)},
		"protocol (RFC 8020)":  {"_tcp.web.demo.svc SRV", noData},
		"protocol A":           {"_TCP.web.demo.svc A", noData},
		"protocol ANY":         {"_tcp.web.demo.svc ANY", noData},
		"protocol without any": {"_udp.web.demo.svc A", nameError},
		"protocol of unnamed":  {"_tcp.unnamed.demo.svc A", nameError},
		"protocol of portless": {"_tcp.portless.demo.svc A", nameError},
		"protocol of nothing":  {"_.web.demo.svc A", nameError},
		"bare port (RFC 2782)": {"http.tcp.web.demo.svc SRV", nameError},
		"below a port":         {"x._http._tcp.web.demo.svc SRV", nameError},
		"port of no service":   {"_http._tcp.none.demo.svc SRV", nameError},

		"endpoint by address":       {"10-0-0-1.web.demo.svc A", ok("10-0-0-1.web.demo.svc A 10.0.0.1")},
		"endpoint AAAA":             {"10-0-0-1.web.demo.svc AAAA", noData},
		"endpoint by hostname":      {"n0.named.demo.svc A", ok("n0.named.demo.svc A 10.0.0.71")},
		"endpoint by hostname AAAA": {"N0.named.demo.svc AAAA", ok("N0.named.demo.svc AAAA fd00::71")},
		"endpoint has a hostname":   {"10-0-0-71.named.demo.svc A", nameError},
		"endpoint by pod name, off": {"web-pod.web.demo.svc A", nameError},
		"endpoint of another":       {"10-0-0-71.web.demo.svc A", nameError},
		"endpoint of empty":         {"10-0-0-1.empty.demo.svc A", nameError},
		"endpoint that is no IP":    {"10-0-0-256.web.demo.svc A", nameError},
		"endpoint is cluster IP":    {"10-96-0-1.web.demo.svc A", nameError},
		"endpoint SRV": {"10-0-0-1.web.demo.svc SRV", ok(
			"10-0-0-1.web.demo.svc SRV 0 50 8080 10-0-0-1.web.demo.svc", "10-0-0-1.web.demo.svc SRV 0 50 8443 10-0-0-1.web.demo.svc",
			"+", "10-0-0-1.web.demo.svc A 10.0.0.1")},
		"endpoint TXT":      {"10-0-0-1.web.demo.svc TXT", noData},
		"endpoint ANY":      {"10-0-0-1.web.demo.svc ANY", ok(`10-0-0-1.web.demo.svc HINFO "RFC8482" ""`)},
		"below an endpoint": {"x.10-0-0-1.web.demo.svc A", nameError},
	})
}

// TestHeadless is section 2.4 of the specification.
func TestHeadless(t *testing.T) {
	db := func(owner, typ string, values ...string) (rrs []string) {
		for _, v := range values {
			rrs = append(rrs, owner+" "+typ+" "+v)
		}
		return rrs
	}
	run(t, demo(), defaults(), map[string]test{
		"A":              {"db.demo.svc A", ok(db("db.demo.svc", "A", "10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.4")...)},
		"AAAA":           {"db.demo.svc AAAA", ok(db("db.demo.svc", "AAAA", "fd00::1:1", "fd00::1:3")...)},
		"TXT":            {"db.demo.svc TXT", noData},
		"ANY":            {"db.demo.svc ANY", ok(`db.demo.svc HINFO "RFC8482" ""`)},
		"AAAA of IPv4":   {"dup.demo.svc AAAA", noData},
		"without ports":  {"bare.demo.svc A", ok("bare.demo.svc A 10.0.3.1")},
		"two slices":     {"parts.demo.svc A", ok(db("parts.demo.svc", "A", "10.0.5.1", "10.0.5.2", "10.0.5.3")...)},
		"no slice":       {"quiet.demo.svc A", nameError},
		"no slice, SRV":  {"_http._tcp.quiet.demo.svc SRV", nameError},
		"no slice, ENT":  {"_tcp.quiet.demo.svc SRV", nameError},
		"no slice, ANY":  {"quiet.demo.svc ANY", nameError},
		"empty slice":    {"gone.demo.svc A", nameError},
		"empty, SRV":     {"gone.demo.svc SRV", nameError},
		"empty, ENT":     {"_tcp.gone.demo.svc A", nameError},
		"empty, port":    {"_http._tcp.gone.demo.svc SRV", nameError},
		"hidden":         {"db.ghost.svc A", nameError},
		"hidden, below":  {"g0.db.ghost.svc A", nameError},
		"hostname":       {"db-0.db.demo.svc A", ok("db-0.db.demo.svc A 10.0.1.1")},
		"hostname AAAA":  {"DB-0.db.demo.svc AAAA", ok("DB-0.db.demo.svc AAAA fd00::1:1")},
		"hostname, IPv4": {"db-1.db.demo.svc AAAA", noData},
		"hostname TXT":   {"db-1.db.demo.svc TXT", noData},
		"hostname ANY":   {"db-1.db.demo.svc ANY", ok(`db-1.db.demo.svc HINFO "RFC8482" ""`)},
		"no hostname":    {"db-2.db.demo.svc A", nameError},
		"shared":         {"twin.dup.demo.svc A", ok(db("twin.dup.demo.svc", "A", "10.0.2.1", "10.0.2.2")...)},
		"dashed IPv4":    {"10-0-1-3.db.demo.svc A", ok("10-0-1-3.db.demo.svc A 10.0.1.3")},
		"dashed IPv6":    {"FD00--1-3.db.demo.svc AAAA", ok("FD00--1-3.db.demo.svc AAAA fd00::1:3")},
		"dashed A":       {"fd00--1-3.db.demo.svc A", noData},
		"not canonical":  {"fd00-0-0-0-0-0-1-3.db.demo.svc AAAA", nameError},
		"has hostname":   {"10-0-1-1.db.demo.svc A", nameError},
		"pod names off":  {"p0.db.demo.svc A", nameError},
		"protocol":       {"_tcp.db.demo.svc SRV", noData},
		"no protocol":    {"_udp.db.demo.svc SRV", nameError},
		"anon protocol":  {"_tcp.anon.demo.svc A", nameError},
		"below hostname": {"_pg._tcp.db-0.db.demo.svc SRV", nameError},

		"SRV of a port": {"_pg._tcp.db.demo.svc SRV", ok(
			"_pg._tcp.db.demo.svc SRV 0 20 5432 db-0.db.demo.svc", // IPv4 and IPv6 of one name: one record (B18)
			"_pg._tcp.db.demo.svc SRV 0 20 5432 db-1.db.demo.svc",
			"_pg._tcp.db.demo.svc SRV 0 20 5432 10-0-1-3.db.demo.svc",
			"_pg._tcp.db.demo.svc SRV 0 20 5432 10-0-1-4.db.demo.svc",
			"_pg._tcp.db.demo.svc SRV 0 20 5432 fd00--1-3.db.demo.svc",
			"+", "db-0.db.demo.svc A 10.0.1.1", "db-0.db.demo.svc AAAA fd00::1:1", "db-1.db.demo.svc A 10.0.1.2",
			"10-0-1-3.db.demo.svc A 10.0.1.3", "10-0-1-4.db.demo.svc A 10.0.1.4", "fd00--1-3.db.demo.svc AAAA fd00::1:3")},
		"SRV of the name": {"dup.demo.svc SRV", ok(
			"dup.demo.svc SRV 0 25 1 twin.dup.demo.svc", "dup.demo.svc SRV 0 25 2 twin.dup.demo.svc",
			"dup.demo.svc SRV 0 25 1 z.dup.demo.svc", "dup.demo.svc SRV 0 25 2 z.dup.demo.svc",
			"+", "twin.dup.demo.svc A 10.0.2.1", "twin.dup.demo.svc A 10.0.2.2", "z.dup.demo.svc A 10.0.2.3")},
		"SRV of a hostname": {"db-1.db.demo.svc SRV", ok(
			"db-1.db.demo.svc SRV 0 100 5432 db-1.db.demo.svc", "+", "db-1.db.demo.svc A 10.0.1.2")},
		"SRV of the name, unnamed": {"anon.demo.svc SRV", ok(
			"anon.demo.svc SRV 0 100 7000 10-0-3-2.anon.demo.svc", "+", "10-0-3-2.anon.demo.svc A 10.0.3.2")},
		"SRV without ports": {"bare.demo.svc SRV", noData},
		"SRV of ports that differ": {"_http._tcp.parts.demo.svc SRV", ok(
			"_http._tcp.parts.demo.svc SRV 0 25 80 10-0-5-1.parts.demo.svc",
			"_http._tcp.parts.demo.svc SRV 0 25 80 10-0-5-2.parts.demo.svc",
			"_http._tcp.parts.demo.svc SRV 0 25 81 10-0-5-2.parts.demo.svc",
			"_http._tcp.parts.demo.svc SRV 0 25 81 10-0-5-3.parts.demo.svc",
			"+", "10-0-5-1.parts.demo.svc A 10.0.5.1", "10-0-5-2.parts.demo.svc A 10.0.5.2", "10-0-5-3.parts.demo.svc A 10.0.5.3")},
		"SRV of a port that some have": {"_admin._tcp.parts.demo.svc SRV", ok(
			"_admin._tcp.parts.demo.svc SRV 0 50 9000 10-0-5-2.parts.demo.svc",
			"_admin._tcp.parts.demo.svc SRV 0 50 9000 10-0-5-3.parts.demo.svc",
			"+", "10-0-5-2.parts.demo.svc A 10.0.5.2", "10-0-5-3.parts.demo.svc A 10.0.5.3")},
		"A of a port that some have": {"_admin._tcp.parts.demo.svc A", ok(db("_admin._tcp.parts.demo.svc", "A", "10.0.5.2", "10.0.5.3")...)},
		"no such port":               {"_none._tcp.parts.demo.svc SRV", nameError},
		"no such port, A":            {"_none._tcp.parts.demo.svc A", nameError},
		// The ports of a headless Service itself are nobody's: those of its endpoints count.
		"port of the Service only": {"_http._tcp.quiet.demo.svc A", nameError},
	})
}

// TestExternalName is section 2.5 of the specification.
func TestExternalName(t *testing.T) {
	run(t, demo(), defaults(), map[string]test{
		"A":                {"ext.demo.svc A", alias("db.example.com.", "ext.demo.svc CNAME db.example.com.")},
		"AAAA":             {"ext.demo.svc AAAA", alias("db.example.com.", "ext.demo.svc CNAME db.example.com.")},
		"CNAME":            {"ext.demo.svc CNAME", ok("ext.demo.svc CNAME db.example.com.")},
		"case":             {"EXT.demo.svc CNAME", ok("EXT.demo.svc CNAME db.example.com.")},
		"every type":       {"ext.demo.svc MX", alias("db.example.com.", "ext.demo.svc CNAME db.example.com.")},
		"SRV":              {"ext.demo.svc SRV", alias("db.example.com.", "ext.demo.svc CNAME db.example.com.")},
		"ANY":              {"ext.demo.svc ANY", ok(`ext.demo.svc HINFO "RFC8482" ""`)},
		"in the cluster":   {"inner.demo.svc A", alias("Web.demo.svc."+primary, "inner.demo.svc CNAME Web.demo.svc")},
		"not usable":       {"badext.demo.svc A", nameError},
		"not usable CNAME": {"badext.demo.svc CNAME", nameError},
		"below":            {"x.ext.demo.svc CNAME", nameError},
		"port below":       {"_http._tcp.ext.demo.svc SRV", nameError},
		"protocol below":   {"_tcp.ext.demo.svc SRV", nameError},
		"two below":        {"a.b.ext.demo.svc CNAME", nameError},
		"with slices":      {"extslice.demo.svc A", alias("db.example.com.", "extslice.demo.svc CNAME db.example.com.")},
		"endpoint below":   {"e0.extslice.demo.svc A", nameError},
		"PTR of endpoint":  {"1.6.0.10.in-addr.arpa. PTR", nameError},
	})
}

// TestLetterCase: owners are as in the query, and so is the zone of names that
// are made; names of objects are in lower case.
func TestLetterCase(t *testing.T) {
	const zone = "CLUSTER.Example.oRg."
	run(t, demo(), defaults(), map[string]test{
		"A": {"WEB.dEmO.SvC." + zone + " A", ok("WEB.dEmO.SvC." + zone + " A 10.96.0.1")},
		"SRV": {"_HTTP._Tcp.WEB.demo.svc." + zone + " SRV", ok(
			"_HTTP._Tcp.WEB.demo.svc."+zone+" SRV 0 100 80 web.demo.svc."+zone, "+", "web.demo.svc."+zone+" A 10.96.0.1")},
		"SRV of endpoint": {"DB-1.DB.demo.svc." + zone + " SRV", ok(
			"DB-1.DB.demo.svc."+zone+" SRV 0 100 5432 db-1.db.demo.svc."+zone, "+", "db-1.db.demo.svc."+zone+" A 10.0.1.2")},
		"TXT":   {"DNS-version." + zone + " TXT", ok("DNS-version." + zone + ` TXT "1.1.0" ttl 28800`)},
		"apex":  {zone + " A", noData},
		"CNAME": {"Ext.Demo.Svc." + zone + " CNAME", ok("Ext.Demo.Svc." + zone + " CNAME db.example.com.")},
		"PTR":   {"1.0.96.10.IN-ADDR.arpa. PTR", ok("1.0.96.10.IN-ADDR.arpa. PTR web.demo.svc")},
		"error": {"NONE.demo.svc." + zone + " A", nameError},
	})
}

func TestOptionNamespaces(t *testing.T) {
	o := with(func(o *answer.Options) { o.Namespaces = map[string]struct{}{"demo": {}, "ghost": {}} })
	run(t, demo(), o, map[string]test{
		"listed":                  {"web.demo.svc A", ok("web.demo.svc A 10.96.0.1")},
		"listed in upper case":    {"web.DEMO.svc A", ok("web.DEMO.svc A 10.96.0.1")},
		"listed namespace":        {"demo.svc A", noData},
		"not listed":              {"web.prod.svc A", nameError},
		"not listed namespace":    {"prod.svc A", nameError},
		"not listed, port":        {"_http._tcp.web.prod.svc SRV", nameError},
		"listed and not there":    {"web.ghost.svc A", nameError},
		"listed, no namespace":    {"ghost.svc A", nameError},
		"PTR of listed":           {"1.0.96.10.in-addr.arpa. PTR", ok("1.0.96.10.in-addr.arpa. PTR web.demo.svc")},
		"PTR of not listed (B5)":  {"1.1.96.10.in-addr.arpa. PTR", nameError},
		"PTR of not there (B5)":   {"1.9.96.10.in-addr.arpa. PTR", nameError},
		"PTR of endpoint of both": {"1.0.0.10.in-addr.arpa. PTR", ok("1.0.0.10.in-addr.arpa. PTR 10-0-0-1.web.demo.svc")},
	})
	none := with(func(o *answer.Options) { o.Namespaces = map[string]struct{}{} })
	run(t, demo(), none, map[string]test{
		"none listed":            {"web.demo.svc A", nameError},
		"none listed, namespace": {"demo.svc A", nameError},
		"none listed, PTR":       {"1.0.96.10.in-addr.arpa. PTR", nameError},
		"none listed, services":  {"svc A", noData},
	})
}

func TestOptionEndpointPodNames(t *testing.T) {
	o := with(func(o *answer.Options) { o.EndpointPodNames = true })
	run(t, demo(), o, map[string]test{
		"by pod":              {"db-pod.db.demo.svc A", ok("db-pod.db.demo.svc A 10.0.1.4")},
		"by pod, upper case":  {"DB-POD.db.demo.svc A", ok("DB-POD.db.demo.svc A 10.0.1.4")},
		"by pod, cluster IP":  {"web-pod.web.demo.svc A", ok("web-pod.web.demo.svc A 10.0.0.2")},
		"not by its address":  {"10-0-1-4.db.demo.svc A", nameError},
		"hostname goes first": {"p0.db.demo.svc A", nameError},
		"by hostname":         {"db-0.db.demo.svc A", ok("db-0.db.demo.svc A 10.0.1.1")},
		"by address":          {"10-0-1-3.db.demo.svc A", ok("10-0-1-3.db.demo.svc A 10.0.1.3")},
		"PTR":                 {"4.1.0.10.in-addr.arpa. PTR", ok("4.1.0.10.in-addr.arpa. PTR db-pod.db.demo.svc")},
		"PTR of hostname":     {"1.1.0.10.in-addr.arpa. PTR", ok("1.1.0.10.in-addr.arpa. PTR db-0.db.demo.svc")},
		"SRV": {"db-pod.db.demo.svc SRV", ok(
			"db-pod.db.demo.svc SRV 0 100 5432 db-pod.db.demo.svc", "+", "db-pod.db.demo.svc A 10.0.1.4")},
	})
}

// TestPodNameEqualsHostname: an endpoint's hostname and another's Pod may be the same.
func TestPodNameEqualsHostname(t *testing.T) {
	x := newIndex("demo", headless("demo/db"),
		slice("demo/db", "db-1", ports("pg/tcp/1"), "10.0.0.1 a x", "10.0.0.2 - a", "10.0.0.3 b a"),
		slice("demo/db", "db-2", ports("pg/tcp/1"), "10.0.1.1 - a"),
		slice("demo/db", "db-3", ports("pg/tcp/1"), "fd00::1 - b"))
	run(t, x, with(func(o *answer.Options) { o.EndpointPodNames = true }), map[string]test{
		"A": {"a.db.demo.svc A", ok("a.db.demo.svc A 10.0.0.1", "a.db.demo.svc A 10.0.0.2", "a.db.demo.svc A 10.0.1.1")},
		"x": {"x.db.demo.svc A", nameError},
	})
	run(t, x, defaults(), map[string]test{
		"A, off": {"a.db.demo.svc A", ok("a.db.demo.svc A 10.0.0.1")},
	})
}

func TestOptionIgnoreEmptyService(t *testing.T) {
	o := with(func(o *answer.Options) { o.IgnoreEmptyService = true })
	run(t, demo(), o, map[string]test{
		"empty":                {"empty.demo.svc A", nameError},
		"empty TXT":            {"empty.demo.svc TXT", nameError},
		"empty, port":          {"_http._tcp.empty.demo.svc SRV", nameError},
		"empty, protocol":      {"_tcp.empty.demo.svc SRV", nameError},
		"empty, endpoint":      {"10-0-0-1.empty.demo.svc A", nameError},
		"no slice":             {"dual.demo.svc A", nameError},
		"with endpoints":       {"web.demo.svc A", ok("web.demo.svc A 10.96.0.1")},
		"with endpoints, AAAA": {"web.demo.svc AAAA", noData},
		"with endpoints, port": {"_tcp.web.demo.svc A", noData},
		"external":             {"ext.demo.svc CNAME", ok("ext.demo.svc CNAME db.example.com.")},
		"headless":             {"bare.demo.svc A", ok("bare.demo.svc A 10.0.3.1")},
	})
}

// TestOptionNoEndpoints: the kind is not fed, though another stanza may feed it.
func TestOptionNoEndpoints(t *testing.T) {
	o := with(func(o *answer.Options) { o.Kinds &^= object.Set(object.EndpointSlices) })
	run(t, demo(), o, map[string]test{
		"cluster IP":        {"web.demo.svc A", ok("web.demo.svc A 10.96.0.1")},
		"cluster IP, SRV":   {"_http._tcp.web.demo.svc SRV", ok("_http._tcp.web.demo.svc SRV 0 100 80 web.demo.svc", "+", "web.demo.svc A 10.96.0.1")},
		"cluster IP, below": {"10-0-0-1.web.demo.svc A", nameError},
		"headless":          {"db.demo.svc A", nameError},
		"headless, below":   {"db-0.db.demo.svc A", nameError},
		"headless, ENT":     {"_tcp.db.demo.svc A", nameError},
		"external":          {"ext.demo.svc CNAME", ok("ext.demo.svc CNAME db.example.com.")},
		"PTR":               {"1.0.96.10.in-addr.arpa. PTR", ok("1.0.96.10.in-addr.arpa. PTR web.demo.svc")},
		"PTR of endpoint":   {"1.1.0.10.in-addr.arpa. PTR", nameError},
		"network":           {"96.10.in-addr.arpa. PTR", noData},
	})
	o.IgnoreEmptyService = true
	run(t, demo(), o, map[string]test{"ignored": {"web.demo.svc A", nameError}})
}

func TestOptionTTL(t *testing.T) {
	for _, seconds := range []uint32{0, 30, 3600} {
		o := with(func(o *answer.Options) { o.TTL, o.Local = seconds, addrs("10.0.0.9") })
		x := demo()
		for _, text := range []string{
			"web.demo.svc A", "six.demo.svc AAAA", "_pg._tcp.db.demo.svc SRV", "web.demo.svc SRV", "ext.demo.svc CNAME",
			"1.0.96.10.in-addr.arpa. PTR", "web.demo.svc ANY", "@ NS", "ns.dns A",
		} {
			q := question(t, text)
			a := answer.Lookup(x, o.Kinds, &o, q)
			if len(a.Answer) == 0 {
				t.Errorf("%s: no answer", text)
			}
			for _, rr := range append(a.Answer, a.Extra...) {
				if rr.Header().Ttl != seconds {
					t.Errorf("ttl %d: %s", seconds, rr)
				}
			}
		}
		if got := ask(t, x, o, "dns-version TXT").Answer[0]; !strings.HasSuffix(got, "ttl 28800") {
			t.Errorf("version record: %s", got)
		}
	}
}
