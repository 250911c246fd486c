// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/miekg/dns"
)

// raceEnabled says that the race detector is on, which allocates by itself.
var raceEnabled bool

// maxAllocs is how many allocations the handler may do for one query, whatever
// the number of records in the answer.
const maxAllocs = 4

// A question and what it is answered.
type question struct {
	name  string
	qtype uint16
	rcode int
	some  bool // records in the answer
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	c := newSynced(t, "clusterdns cluster.local in-addr.arpa ip6.arpa {\npods verified\n}", population()...)
	questions := []question{
		{"web.default.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, true},
		{"web.default.svc.cluster.local.", dns.TypeAAAA, dns.RcodeSuccess, true},
		{"WEB.Default.svc.Cluster.local.", dns.TypeA, dns.RcodeSuccess, true},
		{"v4.default.svc.cluster.local.", dns.TypeAAAA, dns.RcodeSuccess, false},
		{"v4.default.svc.cluster.local.", dns.TypeHTTPS, dns.RcodeSuccess, false},
		{"_http._tcp.web.default.svc.cluster.local.", dns.TypeSRV, dns.RcodeSuccess, true},
		{"web.default.svc.cluster.local.", dns.TypeSRV, dns.RcodeSuccess, true},
		{"1.0.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, true},
		{"135.19.1.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, true}, // endpoint 4999, of one Service
		{"0.0.1.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, true},    // endpoint 0, of five
		{"1.0.0.192.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, false},
		{"missing.default.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, false},
		{"example.org.default.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, false},
		{"default.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, false},
		{"10-1-0-0.default.pod.cluster.local.", dns.TypeA, dns.RcodeSuccess, true},
		{"dns-version.cluster.local.", dns.TypeTXT, dns.RcodeSuccess, true},
		{"cluster.local.", dns.TypeSOA, dns.RcodeSuccess, true},
	}
	for _, n := range headlessSizes {
		name := fmt.Sprintf("headless-%d.default.svc.cluster.local.", n)
		questions = append(questions,
			question{name, dns.TypeA, dns.RcodeSuccess, true},
			question{name, dns.TypeAAAA, dns.RcodeSuccess, false},
			question{"_http._tcp." + name, dns.TypeSRV, dns.RcodeSuccess, true},
			question{"10-1-0-0." + name, dns.TypeA, dns.RcodeSuccess, true},
			question{"10-9-9-9." + name, dns.TypeA, dns.RcodeNameError, false},
		)
	}
	testAllocations(t, c, questions)

	optional := newSynced(t, "clusterdns cluster.local in-addr.arpa ip6.arpa {\npods verified\npod_names\nptr single\n}", population()...)
	testAllocations(t, optional, append(questions,
		question{"web-1.default.pod.cluster.local.", dns.TypeA, dns.RcodeSuccess, true},
		question{"web-1.default.pod.cluster.local.", dns.TypeAAAA, dns.RcodeSuccess, false},
		question{"none.default.pod.cluster.local.", dns.TypeA, dns.RcodeNameError, false},
	))
}

func testAllocations(t *testing.T, c *ClusterDNS, questions []question) {
	t.Helper()
	clients := []struct {
		name   string
		remote net.Addr
		size   uint16
	}{{"udp", udpClient, 0}, {"edns", udpClient, 1232}, {"tcp", tcpClient, 0}}
	for _, q := range questions {
		for _, client := range clients {
			t.Run(fmt.Sprintf("%s %s %s", q.name, dns.TypeToString[q.qtype], client.name), func(t *testing.T) {
				r := query(q.name, q.qtype, client.size)
				w := &recorder{remote: client.remote}
				ctx := context.Background()
				got := testing.AllocsPerRun(20, func() { _, _ = c.ServeDNS(ctx, w, r) })
				if got > maxAllocs {
					t.Errorf("%s %s: allocations: got %v, want at most %d", q.name, dns.TypeToString[q.qtype], got, maxAllocs)
				}
				if w.msg.Rcode != q.rcode || len(w.msg.Answer) > 0 != q.some {
					t.Errorf("got %.200s, want %s and records: %v", summary(w.msg), dns.RcodeToString[q.rcode], q.some)
				}
			})
		}
	}
}
