// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/index"
)

// TestBugGlueOfEndpointsWithoutPorts: endpoints that have no port have no SRV
// record, and yet their addresses are among the additional ones, which no record
// names. They take the room of those that are named, too.
func TestBugGlueOfEndpointsWithoutPorts(t *testing.T) {
	x := newIndex("demo", headless("demo/half"),
		slice("demo/half", "half-1", ports("http/tcp/80"), "10.0.4.8"), slice("demo/half", "half-2", nil, "10.0.4.7", "10.0.4.9"))
	run(t, x, defaults(), map[string]test{
		"SRV": {"half.demo.svc SRV", ok("half.demo.svc SRV 0 100 80 10-0-4-8.half.demo.svc", "+", "10-0-4-8.half.demo.svc A 10.0.4.8")},
	})
}

// TestBugRecordTwice: an endpoint may have by hostname (or by its Pod's name)
// the name that another has by its address, and an address may have one name
// in two ways. Such a record must neither be there twice (RFC 2181 section 5)
// nor be missing because each is taken for the other's double.
func TestBugRecordTwice(t *testing.T) {
	http := ports("http/tcp/80")
	x := newIndex("demo",
		headless("demo/a"), slice("demo/a", "a-1", http, "10.0.0.1", "10.0.0.2 10-0-0-1"),
		headless("demo/b"), slice("demo/b", "b-1", http, "10.0.0.1", "10.0.0.1 10-0-0-1", "10.0.0.9 10-0-0-1"),
		headless("demo/c"), slice("demo/c", "c-1", http, "10.0.0.1 h p", "10.0.0.1 h q"),
		headless("demo/d"), slice("demo/d", "d-1", http, "10.0.0.7 h p", "10.0.0.7 k r"), slice("demo/d", "d-2", http, "10.0.0.7 h q"),
		headless("demo/e"), slice("demo/e", "e-1", http, "10.0.0.8 - e-0", "10.0.0.8 d-0 e-1"), slice("demo/e", "e-2", http, "10.0.0.8 e-0 e-0"))
	o := with(func(o *answer.Options) { o.EndpointPodNames = true })
	run(t, x, o, map[string]test{
		"SRV": {"_http._tcp.a.demo.svc SRV", ok(
			"_http._tcp.a.demo.svc SRV 0 100 80 10-0-0-1.a.demo.svc", "+", "10-0-0-1.a.demo.svc A 10.0.0.1", "10-0-0-1.a.demo.svc A 10.0.0.2")},
		"A": {"10-0-0-1.b.demo.svc A", ok("10-0-0-1.b.demo.svc A 10.0.0.1", "10-0-0-1.b.demo.svc A 10.0.0.9")},
		"two pods of a node, one hostname": {"_http._tcp.c.demo.svc SRV", ok(
			"_http._tcp.c.demo.svc SRV 0 100 80 h.c.demo.svc", "+", "h.c.demo.svc A 10.0.0.1")},
		"the same in two slices": {"_http._tcp.d.demo.svc SRV", ok(
			"_http._tcp.d.demo.svc SRV 0 50 80 h.d.demo.svc", "_http._tcp.d.demo.svc SRV 0 50 80 k.d.demo.svc",
			"+", "h.d.demo.svc A 10.0.0.7", "k.d.demo.svc A 10.0.0.7")},
		"the same in two slices, PTR": {"7.0.0.10.in-addr.arpa. PTR", ok(
			"7.0.0.10.in-addr.arpa. PTR h.d.demo.svc", "7.0.0.10.in-addr.arpa. PTR k.d.demo.svc")},
		// A Pod whose EndpointSlice is written anew with its hostname.
		"one name in two ways": {"_http._tcp.e.demo.svc SRV", ok(
			"_http._tcp.e.demo.svc SRV 0 50 80 e-0.e.demo.svc", "_http._tcp.e.demo.svc SRV 0 50 80 d-0.e.demo.svc",
			"+", "e-0.e.demo.svc A 10.0.0.8", "d-0.e.demo.svc A 10.0.0.8")},
		"one name in two ways, its SRV": {"e-0.e.demo.svc SRV", ok(
			"e-0.e.demo.svc SRV 0 100 80 e-0.e.demo.svc", "+", "e-0.e.demo.svc A 10.0.0.8")},
		"one name in two ways, its A": {"e-0.e.demo.svc A", ok("e-0.e.demo.svc A 10.0.0.8")},
		"one name in two ways, PTR": {"8.0.0.10.in-addr.arpa. PTR", ok(
			"8.0.0.10.in-addr.arpa. PTR d-0.e.demo.svc", "8.0.0.10.in-addr.arpa. PTR e-0.e.demo.svc")},
	})
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 4))
			o := newOptions(r)
			o.EndpointPodNames = true
			c := newCluster(r, wild(o))
			x, z := c.index(), c.zoneFile(o)
			for _, name := range z.names() {
				for _, typ := range []string{"A", "AAAA", "SRV", "PTR"} {
					got, want := ask(t, x, o, name+" "+typ), z.reply(name, typ)
					if typ == "SRV" {
						want.Extra = slices.Sorted(maps.Keys(z.glue[name]))
					}
					if want.Result == "NXDOMAIN" && z.hidden(name) {
						want = noData
					}
					if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
						t.Errorf("%s %s (-want +got):\n%s", name, typ, diff)
					}
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// TestBugWindowRepeatsAddress: endpoints may share an address under several
// hostnames (Pods with hostNetwork on one node). A window that begins between
// two of them and goes around has the address at its beginning and at its end.
func TestBugWindowRepeatsAddress(t *testing.T) {
	x := newIndex("demo", headless("demo/node"), slice("demo/node", "node-1", nil,
		"10.0.0.1 a", "10.0.0.1 b", "10.0.0.1 c", "10.0.0.2 d"))
	windows(t, x, "node.demo.svc A", 3, []string{"node.demo.svc A 10.0.0.1", "node.demo.svc A 10.0.0.2"})
}

// TestBugSRVIgnoresStart: Question.Start rotates which records of an RRset
// larger than Limit are answered. SRV records are always cut behind the same
// ones: no client ever sees the others.
func TestBugSRVIgnoresStart(t *testing.T) {
	x, o := many(20), defaults()
	q := question(t, "_a._tcp.many.demo.svc SRV")
	all := rrsInWords(answer.Lookup(x, everything, &o, q).Answer)
	seen := make(map[string]bool)
	q.Limit = 5
	for q.Start = range uint32(100) {
		for _, rr := range answer.Lookup(x, everything, &o, q).Answer {
			seen[targets([]dns.RR{rr})[0]] = true
		}
	}
	if len(seen) != len(all) {
		t.Errorf("windows show %d targets of %d", len(seen), len(all))
	}
}

// TestBugApexOfOneAddress: a network that does not end at a label of the reverse
// tree is split into zones that do: 10.96.0.0/30 is four zones of one address
// each, whose PTR record is at the apex.
func TestBugApexOfOneAddress(t *testing.T) {
	six := arpa(t, "fd00:96::6")
	x := demo()
	run(t, x, defaults(), map[string]test{
		"IPv4":          {"1.0.96.10.in-addr.arpa. PTR", ok("1.0.96.10.in-addr.arpa. PTR web.demo.svc")},
		"IPv4 endpoint": {"1.1.0.10.in-addr.arpa. PTR", ok("1.1.0.10.in-addr.arpa. PTR db-0.db.demo.svc")},
		"IPv6":          {six + " PTR", ok(six + " PTR six.demo.svc")},
		"nobody's":      {"9.0.96.10.in-addr.arpa. PTR", noData}, // an apex exists
		"SOA":           {"1.0.96.10.in-addr.arpa. SOA", ask(t, x, defaults(), "1.0.96.10.in-addr.arpa. SOA", "1.0.96.10.in-addr.arpa.")},
	}, primary, "1.0.96.10.in-addr.arpa.", "9.0.96.10.in-addr.arpa.", "1.1.0.10.in-addr.arpa.", six)
}

// TestBugArpaOfIPv6: arpa, in the root zone, is an empty non-terminal above
// ip6.arpa too (RFC 8020).
func TestBugArpaOfIPv6(t *testing.T) {
	x := newIndex("demo", clusterIP("demo/six", addrs("fd00:96::6")))
	run(t, x, with(func(o *answer.Options) { o.PrimaryZone = "." }), map[string]test{
		"ip6.arpa": {"ip6.arpa. A", noData},
		"arpa":     {"arpa. A", noData},
	}, ".")
}

// TestBugMappedAddress: the name of an IPv4-mapped address is taken for the
// name of the IPv4 address, so it exists, but no name above /112 does (RFC 8020).
func TestBugMappedAddress(t *testing.T) {
	x, o := demo(), defaults()
	q := question(t, arpa(t, "fd00::10.96.0.1")+" PTR")
	q.Name = strings.Replace(q.Name, "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.", "f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.", 1)
	exists := existence(t, x, o, q)
	for below := exists; q.Name != q.Zone; below = exists {
		q.Name = above(q.Name, 1)
		if exists = existence(t, x, o, q); below && !exists {
			t.Fatalf("%s does not exist, but a name below it does", q.Name)
		}
	}
}

// TestBugNameServerDoesNotExist: what an NS or SOA record says is a name of this
// server's that it says does not exist. Resolvers ask for it.
func TestBugNameServerDoesNotExist(t *testing.T) {
	kubeDNS := func(x *index.Index) *index.Index {
		x.SetService(clusterIP("kube-system/dns", addrs("10.96.0.53")), 1)
		x.SetEndpointSlice(slice("kube-system/dns", "dns-1", nil, "10.0.4.1"), 1)
		return x
	}
	local := func(o *answer.Options) { o.Local = addrs("10.0.4.1") }
	tests := map[string]struct {
		in string
		x  *index.Index
		o  answer.Options
	}{
		"NS of a reverse zone without a Service": {"in-addr.arpa. NS", demo(), with(local)},
		"SOA of a reverse zone":                  {"in-addr.arpa. SOA", kubeDNS(demo()), with(local)},
		"NS in a namespace that is not exposed": {"@ NS", kubeDNS(demo()), with(func(o *answer.Options) {
			local(o)
			o.Namespaces = map[string]struct{}{"demo": {}}
		})},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := ask(t, tc.x, tc.o, tc.in)
			if len(got.Answer) == 0 {
				t.Fatalf("%s = %v", tc.in, got)
			}
			for _, rr := range got.Answer {
				target := strings.Fields(rr)[2]
				if there := ask(t, tc.x, tc.o, target+" A"); there.Result != "SUCCESS" {
					t.Errorf("%s says %s, which is %s", tc.in, target, there.Result)
				}
			}
		})
	}
}

// TestBugNameTooLong: a hostname, a Service and a namespace of 63 octets each
// make a name of more than 255 in a long zone. Such a record makes the whole
// message one that nobody can read, with all that is good in it.
func TestBugNameTooLong(t *testing.T) {
	long := strings.Repeat("x", 63)
	name := long + "/" + long
	x := newIndex(long, headless(name), slice(name, "s", ports("http/tcp/80"), "10.0.0.1 "+long, "10.0.0.2 short"))
	o := with(func(o *answer.Options) {
		o.PrimaryZone = "production.europe-west-1.kubernetes.platform.internal.example.org."
	})
	for _, in := range []string{
		"_http._tcp." + long + "." + long + ".svc." + o.PrimaryZone + " SRV",
		"1.0.0.10.in-addr.arpa. PTR", "2.0.0.10.in-addr.arpa. PTR",
	} {
		ask(t, x, o, in, o.PrimaryZone, "in-addr.arpa.")
	}
}
