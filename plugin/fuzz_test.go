// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin/pkg/nonwriter"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// hostile are names on which parsers stumble.
var hostile = []string{
	".", "cluster.local.", "CLUSTER.local.", "local.", `\.cluster.local.`, `a\.cluster.local.`, `\\.cluster.local.`,
	"svc.cluster.local.", "_tcp.web.default.svc.cluster.local.", "_._.web.default.svc.cluster.local.",
	"_http._tcp.web.default.svc.cluster.local.", `\000.default.svc.cluster.local.`, `\255\255.default.svc.cluster.local.`,
	"*.default.svc.cluster.local.", "any.default.svc.cluster.local.", "-.default.svc.cluster.local.",
	"1-2-3-4.default.pod.cluster.local.", "fd00--1.default.pod.cluster.local.", "--1.default.pod.cluster.local.",
	"256-0-0-1.default.pod.cluster.local.", "1-2-3.default.pod.cluster.local.",
	"10-1-0-0.headless-10.default.svc.cluster.local.", "external.default.svc.cluster.local.",
	"_http._tcp.external.default.svc.cluster.local.", "loop.default.svc.cluster.local.", "out.default.svc.cluster.local.",
	"in-addr.arpa.", "1.0.0.10.in-addr.arpa.", "001.0.0.10.in-addr.arpa.", "1.1.0.0.10.in-addr.arpa.", "0.0.1.10.in-addr.arpa.",
	"x.0.0.10.in-addr.arpa.", `1\.0.0.10.in-addr.arpa.`, "ip6.arpa.",
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.", "g.d.f.ip6.arpa.",
	"ns.dns.cluster.local.", "dns-version.cluster.local.", "example.org.default.svc.cluster.local.", "example.org.",
	strings.Repeat("a.", 100) + "svc.cluster.local.", strings.Repeat("a", 63) + ".default.svc.cluster.local.",
}

// FuzzServeDNS sends whatever the server would hand us through the handler, over
// an index that has one of everything: it never panics, and what it answers is
// a response to the query that can be sent.
func FuzzServeDNS(f *testing.F) {
	for i, name := range hostile {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypePTR, dns.TypeTXT, dns.TypeANY} {
			wire, err := query(name, qtype, uint16(i%3)*600).Pack()
			if err != nil {
				f.Fatalf("%s: %v", name, err)
			}
			f.Add(wire, i%2 == 0)
		}
	}
	f.Add([]byte{}, false)

	objects := append(population(), service("loop", externalName("loop"+svc)), service("out", externalName("out.example.org")))
	c := newSynced(f, "clusterdns cluster.local in-addr.arpa ip6.arpa {\npods verified\nfallthrough example.org\n}", objects...)
	c.upstream = upstreamFunc(func(ctx context.Context, state request.Request, name string, qtype uint16) (*dns.Msg, error) {
		w := nonwriter.New(state.W)
		_, err := c.ServeDNS(ctx, w, state.NewWithQuestion(name, qtype).Req) // the server itself
		return w.Msg, err
	})
	f.Fuzz(func(t *testing.T, wire []byte, tcp bool) {
		r := new(dns.Msg)
		if r.Unpack(wire) != nil || len(r.Question) == 0 { // the server keeps those from us
			return
		}
		w := &recorder{remote: net.Addr(udpClient)}
		if tcp {
			w.remote = tcpClient
		}
		q := r.Question[0]
		code, err := c.ServeDNS(t.Context(), w, r)
		if err != nil {
			t.Fatalf("%s: %v", q.String(), err)
		}
		if r.Question[0] != q {
			t.Errorf("%s: the query was changed to %s", q.String(), r.Question[0].String())
		}
		checkResponse(t, r, code, w)
	})
}

// checkResponse checks that what was answered to r is a response that can be sent.
func checkResponse(t *testing.T, r *dns.Msg, code int, w *recorder) {
	t.Helper()
	q, m := r.Question[0], w.msg
	if m == nil {
		if code != dns.RcodeRefused {
			t.Errorf("%s: nothing written and %s", q.String(), dns.RcodeToString[code])
		}
		return
	}
	if code != dns.RcodeSuccess {
		t.Errorf("%s: a response was written, and %s returned", q.String(), dns.RcodeToString[code])
	}
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError, dns.RcodeServerFailure:
	default:
		t.Errorf("%s: got %s", q.String(), dns.RcodeToString[m.Rcode])
	}
	if !m.Response || m.Id != r.Id || m.Opcode != r.Opcode || len(m.Question) == 0 || m.Question[0] != q {
		t.Errorf("%s: the head does not match:\n%s", q.String(), m)
	}
	if fromNext(m) {
		return
	}
	owner := q.Name
	for _, rr := range m.Answer {
		if !strings.EqualFold(rr.Header().Name, owner) {
			t.Errorf("%s: the answer is off the chain: %s", q.String(), rr)
		}
		if cname, ok := rr.(*dns.CNAME); ok && q.Qtype != dns.TypeCNAME {
			owner = cname.Target
		}
	}
	m.Compress = true
	state := request.Request{W: w, Req: r}
	m.Truncate(state.Size()) // as the server does
	packed, err := m.Pack()
	if err != nil {
		t.Fatalf("%s: packing the response: %v\n%s", q.String(), err, m)
	}
	if err := new(dns.Msg).Unpack(packed); err != nil {
		t.Errorf("%s: unpacking the response: %v", q.String(), err)
	}
}
