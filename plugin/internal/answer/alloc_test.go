// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// perSlice is how many endpoints the controller puts into an EndpointSlice.
const perSlice = 100

// big returns an index with the headless Services demo/n10, demo/n1000 and
// demo/n5000, called after the number of their endpoints. Those of demo/h... have
// hostnames h-0 and so on; those of demo/s... share the hostname "all".
func big() *index.Index {
	x := demo()
	ps := ports("http/tcp/80", "admin/tcp/9000")
	for _, n := range []int{10, 1000, 5000} {
		for kind, hostname := range map[string]func(i int) string{
			"n": func(int) string { return "" },
			"h": func(i int) string { return fmt.Sprintf("h-%d", i) },
			"s": func(int) string { return "all" },
		} {
			name := fmt.Sprintf("demo/%s%d", kind, n)
			x.SetService(headless(name), 1)
			for first := 0; first < n; first += perSlice {
				s := slice(name, fmt.Sprintf("%s%d-%d", kind, n, first), ps)
				for i := first; i < min(n, first+perSlice); i++ {
					a := netip.AddrFrom4([4]byte{10, 200, byte(i >> 8), byte(i)})
					s.Endpoints = append(s.Endpoints, object.Endpoint{Addr: a, Hostname: hostname(i), Pod: fmt.Sprintf("p-%d", i)})
				}
				x.SetEndpointSlice(s, 1)
			}
		}
	}
	return x
}

// A load is a question that is asked often, or that is expensive.
type load struct {
	name, in string
	limit    int
}

// loads are in the order in which they are reported.
var loads = []load{
	{"A", "web.demo.svc A", 0},
	{"AAAA NODATA", "web.demo.svc AAAA", 0},
	{"AAAA dual stack", "dual.demo.svc AAAA", 0},
	{"PTR", "1.0.96.10.in-addr.arpa. PTR", 0},
	{"CNAME", "ext.demo.svc A", 0},
	{"TXT", "dns-version TXT", 0},
	{"NXDOMAIN service", "nothing.demo.svc A", 0},
	{"NXDOMAIN namespace", "web.nothing.svc A", 0},
	{"NXDOMAIN search path", "www.example.org.demo.svc AAAA", 0},
	{"NXDOMAIN short", "www A", 0},
	{"NXDOMAIN port", "_nothing._tcp.web.demo.svc SRV", 0},
	{"NXDOMAIN PTR", "9.9.9.9.in-addr.arpa. PTR", 0},
	{"NODATA namespace", "demo.svc A", 0},
	{"NODATA apex", "@ A", 0},
	{"NODATA protocol", "_tcp.web.demo.svc A", 0},
	{"NODATA network", "10.in-addr.arpa. PTR", 0},
	{"10 A", "n10.demo.svc A", 0},
	{"1000 A", "n1000.demo.svc A", 0},
	{"5000 A", "n5000.demo.svc A", 0},
	{"1000 A, limit 83", "n1000.demo.svc A", 83},
	{"5000 A, limit 83", "n5000.demo.svc A", 83},
	{"5000 A, limit 4370", "n5000.demo.svc A", 4370},
	{"5000 AAAA NODATA", "n5000.demo.svc AAAA", 83},
}

// named are questions that take the name of an endpoint apart, or make one.
var named = []load{
	{"SRV", "_http._tcp.web.demo.svc SRV", 0},
	{"SRV of all ports", "web.demo.svc SRV", 0},
	{"PTR of endpoint", "1.1.0.10.in-addr.arpa. PTR", 0},
	{"A of endpoint", "10-0-0-1.web.demo.svc A", 0},
	{"one of 5000 by address", "10-200-19-135.n5000.demo.svc A", 83},
	{"one of 5000 by hostname", "h-4999.h5000.demo.svc A", 83},
	{"5000 of one hostname", "all.s5000.demo.svc A", 4370},
	{"none of 5000", "nothing.h5000.demo.svc A", 83},
	{"10 SRV", "_http._tcp.n10.demo.svc SRV", 0},
	{"1000 SRV", "_http._tcp.n1000.demo.svc SRV", 0},
	{"5000 SRV, limit 83", "_http._tcp.n5000.demo.svc SRV", 83},
	{"5000 SRV, limit 4370", "_http._tcp.n5000.demo.svc SRV", 4370},
	{"10 SRV of hostnames", "_http._tcp.h10.demo.svc SRV", 0},
	{"1000 SRV of hostnames", "_http._tcp.h1000.demo.svc SRV", 0},
	{"5000 SRV of hostnames, limit 83", "_http._tcp.h5000.demo.svc SRV", 83},
	{"5000 SRV of hostnames, limit 4370", "_http._tcp.h5000.demo.svc SRV", 4370},
	{"SRV of one of 5000", "h-4999.h5000.demo.svc SRV", 83},
	{"SRV of 5000 of one hostname", "_http._tcp.s5000.demo.svc SRV", 4370},
}

// maxAllocs is how often Lookup may allocate, whatever it answers. The handler
// adds one for the message.
const maxAllocs = 3

// raceEnabled says that the race detector is on, which allocates by itself.
var raceEnabled bool

func TestAllocations(t *testing.T) { testAllocations(t, loads) }

// TestBugAllocationsPerEndpoint: the label of an endpoint is parsed as an
// address anew, with an allocation, for every EndpointSlice (three times), and
// for SRV records of endpoints that have hostnames for every endpoint and every
// EndpointSlice before it: an answer over TCP for 5000 endpoints takes some
// 390,000 allocations. The SRV answers of a cluster IP take 4 in any case.
func TestBugAllocationsPerEndpoint(t *testing.T) { testAllocations(t, named) }

func testAllocations(t *testing.T, loads []load) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	x, o := big(), defaults()
	for _, l := range loads {
		t.Run(l.name, func(t *testing.T) {
			q := question(t, l.in)
			q.Limit, q.Start = l.limit, 777
			if got := testing.AllocsPerRun(2, func() { sink = answer.Lookup(x, o.Kinds, &o, q) }); got > maxAllocs {
				t.Errorf("%s %s allocates %v times, want at most %d", q.Name, dns.Type(q.Type), got, maxAllocs)
			}
		})
	}
}

var sink answer.Answer

func BenchmarkLookup(b *testing.B) {
	x, o := big(), defaults()
	for _, l := range slices.Concat(loads, named) {
		b.Run(l.name, func(b *testing.B) {
			q := question(b, l.in)
			q.Limit = l.limit
			b.ReportAllocs()
			for b.Loop() {
				q.Start++
				sink = answer.Lookup(x, o.Kinds, &o, q)
			}
		})
	}
}
