// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
)

// edeCode is the code of the Extended DNS Error of m, or -1.
func edeCode(m *dns.Msg) int {
	if e := ede(m); e != nil {
		return int(e.InfoCode)
	}
	return -1
}

// An answer is stale if it needed what is, and no other.
func TestStaleAnswersNeedWhatIsStale(t *testing.T) {
	api := newAPI(t, population()...)
	api.Apply(service("alias", externalName("headless-10.default.svc.cluster.local")))
	s := startServer(t, fmt.Sprintf(".:0 {\nclusterdns cluster.local in-addr.arpa {\nendpoint %s\nstale_after 1s\nstale_ttl 2\n}\n}", api.URL()))
	api.Deny("endpointslices", http.StatusServiceUnavailable)
	api.DisconnectWatches()
	eventually(t, "EndpointSlices are stale", func() bool { return watch.All()[0].Stale() == object.Set(object.EndpointSlices) })
	for _, tc := range []struct {
		name  string
		qtype uint16
		code  int
		ttl   uint32 // of the first record, or the SOA record of a denial
	}{
		{"web.default.svc.cluster.local.", dns.TypeA, -1, 5},
		{"web.default.svc.cluster.local.", dns.TypeMX, -1, 5},
		{"1.0.0.10.in-addr.arpa.", dns.TypePTR, -1, 5},
		{"missing.default.svc.cluster.local.", dns.TypeA, -1, 5},
		{"default.svc.cluster.local.", dns.TypeA, -1, 5},
		{"dns-version.cluster.local.", dns.TypeTXT, -1, 28800},
		{"headless-10.default.svc.cluster.local.", dns.TypeA, 3, 2},
		{"headless-10.default.svc.cluster.local.", dns.TypeAAAA, 3, 2},
		{"headless-10.default.svc.cluster.local.", dns.TypeSRV, 3, 2},
		{"nobody.headless-10.default.svc.cluster.local.", dns.TypeA, 19, 2},
		{"0.0.1.10.in-addr.arpa.", dns.TypePTR, 3, 2},
		{"9.9.9.9.in-addr.arpa.", dns.TypePTR, 19, 2},
		{"cluster.local.", dns.TypeSOA, 3, 2},
		{"alias.default.svc.cluster.local.", dns.TypeA, 3, 2}, // the alias is not stale, its target is
		{"alias.default.svc.cluster.local.", dns.TypeCNAME, -1, 5},
	} {
		t.Run(tc.name+" "+dns.TypeToString[tc.qtype], func(t *testing.T) {
			m := exchange(t, s, "udp", query(tc.name, tc.qtype, 4096))
			if got := edeCode(m); got != tc.code {
				t.Errorf("Extended DNS Error: got %d, want %d", got, tc.code)
			}
			var rrs []dns.RR
			rrs = append(append(rrs, m.Answer...), m.Ns...)
			if len(rrs) == 0 || rrs[0].Header().Ttl != tc.ttl {
				t.Errorf("got %v, want a TTL of %d", rrs, tc.ttl)
			}
			if soa, ok := rrs[0].(*dns.SOA); ok && soa.Minttl != tc.ttl {
				t.Errorf("the denial holds for %d, want %d", soa.Minttl, tc.ttl)
			}
			if m = exchange(t, s, "udp", query(tc.name, tc.qtype, 0)); m.IsEdns0() != nil {
				t.Errorf("a client without EDNS got %v", m)
			}
		})
	}
	m := exchange(t, s, "udp", query("alias.default.svc.cluster.local.", dns.TypeA, 4096))
	if got := m.Answer[len(m.Answer)-1].Header().Ttl; got != 2 {
		t.Errorf("TTL of the target of an alias: got %d, want 2", got)
	}
}

// What the API server does not say for an hour is answered for an hour: it costs
// no more than one allocation to say so.
func TestAllocationsOfStaleAnswers(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	api := newAPI(t, population()...)
	c := newHandler(t, api, "clusterdns cluster.local in-addr.arpa {\nstale_after 1s\nstale_ttl 2\n}")
	eventually(t, "it is ready", c.Ready)
	api.Stop()
	eventually(t, "all is stale", func() bool { return c.lease.Stale() == c.opts.Kinds })
	for _, name := range []string{"web.default.svc.cluster.local.", "headless-100.default.svc.cluster.local.", "missing.default.svc.cluster.local."} {
		for size, most := range map[uint16]float64{0: maxAllocs, 1232: maxAllocs + 1} {
			r := query(name, dns.TypeA, size)
			w := &recorder{remote: udpClient}
			got := testing.AllocsPerRun(20, func() { _, _ = c.ServeDNS(context.Background(), w, r) })
			if got > most {
				t.Errorf("%s with EDNS size %d: allocations: got %v, want at most %v", name, size, got, most)
			}
			if size > 0 && edeCode(w.msg) < 0 {
				t.Errorf("%s: got %v, want an Extended DNS Error", name, w.msg)
			}
		}
	}
}
