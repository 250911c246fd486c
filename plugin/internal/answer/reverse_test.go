// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// arpa returns the name of an address in the reverse tree.
func arpa(t testing.TB, addr string) string {
	t.Helper()
	name, err := dns.ReverseAddr(netip.MustParseAddr(addr).String())
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// above returns the name n labels above name.
func above(name string, n int) string { return strings.SplitN(name, ".", n+1)[n] }

// TestReverse is sections 2.3.3 and 2.4.3 of the specification.
func TestReverse(t *testing.T) {
	six, dual, db := arpa(t, "fd00:96::6"), arpa(t, "fd00:96::2"), arpa(t, "fd00::1:1")
	run(t, demo(), defaults(), map[string]test{
		"cluster IP":              {"1.0.96.10.in-addr.arpa. PTR", ok("1.0.96.10.in-addr.arpa. PTR web.demo.svc")},
		"cluster IP, IPv6":        {six + " PTR", ok(six + " PTR six.demo.svc")},
		"cluster IP, upper case":  {strings.ToUpper(six) + " PTR", ok(strings.ToUpper(six) + " PTR six.demo.svc")},
		"cluster IP, dual stack":  {dual + " PTR", ok(dual + " PTR dual.demo.svc")},
		"without endpoints":       {"6.0.96.10.in-addr.arpa. PTR", ok("6.0.96.10.in-addr.arpa. PTR empty.demo.svc")},
		"endpoint by hostname":    {"1.1.0.10.in-addr.arpa. PTR", ok("1.1.0.10.in-addr.arpa. PTR db-0.db.demo.svc")},
		"endpoint, IPv6":          {db + " PTR", ok(db + " PTR db-0.db.demo.svc")},
		"endpoint by address":     {"3.1.0.10.in-addr.arpa. PTR", ok("3.1.0.10.in-addr.arpa. PTR 10-0-1-3.db.demo.svc")},
		"endpoint of cluster IP":  {"71.0.0.10.in-addr.arpa. PTR", ok("71.0.0.10.in-addr.arpa. PTR n0.named.demo.svc")},
		"endpoint of two":         {"1.0.0.10.in-addr.arpa. PTR", ok("1.0.0.10.in-addr.arpa. PTR 10-0-0-1.web.demo.svc", "1.0.0.10.in-addr.arpa. PTR shared.web.prod.svc")},
		"endpoint in two slices":  {"2.5.0.10.in-addr.arpa. PTR", ok("2.5.0.10.in-addr.arpa. PTR 10-0-5-2.parts.demo.svc")},
		"A at PTR (B3)":           {"1.0.96.10.in-addr.arpa. A", noData},
		"TXT at PTR":              {"1.0.96.10.in-addr.arpa. TXT", noData},
		"ANY at PTR":              {"1.0.96.10.in-addr.arpa. ANY", ok(`1.0.96.10.in-addr.arpa. HINFO "RFC8482" ""`)},
		"A at endpoint PTR":       {"1.1.0.10.in-addr.arpa. A", noData},
		"nobody's":                {"9.9.9.9.in-addr.arpa. PTR", nameError},
		"nobody's A":              {"9.9.9.9.in-addr.arpa. A", nameError},
		"nobody's ANY":            {"9.9.9.9.in-addr.arpa. ANY", nameError},
		"nobody's, beside":        {"9.0.96.10.in-addr.arpa. PTR", nameError},
		"of a pod only":           {arpa(t, "fd00::a") + " PTR", nameError},
		"hidden cluster IP (B5)":  {"1.9.96.10.in-addr.arpa. PTR", nameError},
		"hidden endpoint (B5)":    {"1.9.0.10.in-addr.arpa. PTR", nameError},
		"orphan's endpoint":       {"1.7.0.10.in-addr.arpa. PTR", nameError},
		"below an address":        {"x.1.0.96.10.in-addr.arpa. PTR", nameError},
		"no address":              {"x.0.96.10.in-addr.arpa. PTR", nameError},
		"leading zero":            {"01.0.96.10.in-addr.arpa. PTR", nameError},
		"33 digits":               {"0." + six + " PTR", nameError},
		"network /24 (B3)":        {"0.96.10.in-addr.arpa. PTR", noData},
		"network /16 (B3)":        {"96.10.in-addr.arpa. PTR", noData},
		"network /8 (B3)":         {"10.in-addr.arpa. A", noData},
		"network of endpoints":    {"1.0.10.in-addr.arpa. PTR", noData},
		"no network /24":          {"2.96.10.in-addr.arpa. PTR", nameError},
		"no network /8":           {"11.in-addr.arpa. PTR", nameError},
		"network ANY":             {"10.in-addr.arpa. ANY", noData},
		"IPv6 /124":               {above(six, 1) + " PTR", noData},
		"IPv6 /112":               {above(six, 4) + " PTR", noData},
		"IPv6 /108":               {above(six, 5) + " PTR", noData},
		"IPv6 /64":                {above(six, 16) + " PTR", noData},
		"IPv6 /4":                 {above(six, 31) + " PTR", noData},
		"IPv6 /64, none":          {above(arpa(t, "fd00:97::"), 16) + " PTR", nameError},
		"IPv6 /8, none":           {above(arpa(t, "fe00::"), 30) + " PTR", nameError},
		"apex":                    {"in-addr.arpa. PTR", noData},
		"apex, IPv6":              {"ip6.arpa. A", noData},
		"forward name in reverse": {"web.demo.svc.in-addr.arpa. A", nameError},
		"version in reverse":      {"dns-version.in-addr.arpa. TXT", nameError},
		"svc in reverse":          {"svc.ip6.arpa. A", nameError},
	})
}

// TestReverseZones: zones that are networks, classless ones, and others.
func TestReverseZones(t *testing.T) {
	x := demo()
	run(t, x, defaults(), map[string]test{
		"address":           {"1.0.96.10.in-addr.arpa. PTR", ok("1.0.96.10.in-addr.arpa. PTR web.demo.svc")},
		"apex":              {"96.10.in-addr.arpa. PTR", noData},
		"apex A":            {"96.10.in-addr.arpa. A", noData},
		"network":           {"0.96.10.in-addr.arpa. A", noData},
		"service":           {"web.demo.svc.96.10.in-addr.arpa. A", nameError},
		"classless apex":    {"0/25.2.0.192.in-addr.arpa. A", noData},
		"classless address": {"1.0/25.2.0.192.in-addr.arpa. PTR", nameError},
	}, primary, "96.10.in-addr.arpa.", "0/25.2.0.192.in-addr.arpa.")
}

// TestReverseOfBoth: an address that is a cluster IP has the Service's name only.
func TestReverseOfBoth(t *testing.T) {
	x := newIndex("demo", clusterIP("demo/web", addrs("10.0.0.1")), headless("demo/db"), slice("demo/db", "db-1", nil, "10.0.0.1"))
	run(t, x, defaults(), map[string]test{
		"PTR": {"1.0.0.10.in-addr.arpa. PTR", ok("1.0.0.10.in-addr.arpa. PTR web.demo.svc")},
	})
	x.DeleteService("demo", "web")
	run(t, x, defaults(), map[string]test{
		"PTR when the Service is gone": {"1.0.0.10.in-addr.arpa. PTR", ok("1.0.0.10.in-addr.arpa. PTR 10-0-0-1.db.demo.svc")},
	})
	x.DeleteNamespace("demo")
	run(t, x, defaults(), map[string]test{
		"PTR when the namespace is gone": {"1.0.0.10.in-addr.arpa. PTR", nameError},
	})
}
