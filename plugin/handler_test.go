// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	_ "github.com/coredns/coredns/plugin/cache"
	"github.com/miekg/dns"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// What the handler itself decides, before and after the answer.
func TestServeDNS(t *testing.T) {
	c := newSynced(t, "clusterdns cluster.local sub.cluster.local 10.0.0.0/8 {\nfallthrough 10.in-addr.arpa\n}",
		namespace("default"), service("web"))
	for _, tc := range []struct {
		name  string
		query *dns.Msg
		want  string // summary, or "next" for the next plugin
		aa    bool
	}{
		{"known", query("web.default.svc.cluster.local", dns.TypeA, 0), "NOERROR, A 10.0.0.1", true},
		{"letter case", query("WEB.default.SVC.cluster.LOCAL", dns.TypeA, 0), "NOERROR, A 10.0.0.1", true},
		{"unknown", query("missing.default.svc.cluster.local", dns.TypeA, 0), "NXDOMAIN", true},
		{"no such type", query("web.default.svc.cluster.local", dns.TypeMX, 0), "NOERROR", true},
		{"longest zone", query("web.default.svc.sub.cluster.local", dns.TypeA, 0), "NOERROR, A 10.0.0.1", true},
		{"not in a zone", query("example.org", dns.TypeA, 0), "next", false},
		{"looks like a zone", query("notcluster.local", dns.TypeA, 0), "next", false},
		{"escaped dot", query(`web.default.svc\.cluster.local`, dns.TypeA, 0), "next", false},
		{"reverse", query("1.0.0.10.in-addr.arpa", dns.TypePTR, 0), "NOERROR, PTR web.default.svc.cluster.local.", true},
		{"reverse, falls through", query("2.0.0.10.in-addr.arpa", dns.TypePTR, 0), "next", false},
		{"does not fall through", query("missing.cluster.local", dns.TypeA, 0), "NXDOMAIN", true},
		{"transfer", query("cluster.local", dns.TypeAXFR, 0), "REFUSED", false},
		{"incremental transfer", query("cluster.local", dns.TypeIXFR, 0), "REFUSED", false},
		{"other class", inClass(query("web.default.svc.cluster.local", dns.TypeA, 0), dns.ClassCHAOS), "REFUSED", false},
		{"any class", inClass(query("web.default.svc.cluster.local", dns.TypeA, 0), dns.ClassANY), "NOERROR, A 10.0.0.1", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ask(t, c, tc.query)
			if tc.want == "next" {
				if !fromNext(got) {
					t.Errorf("got %s, want the next plugin", summary(got))
				}
				return
			}
			if s := summary(got); s != tc.want {
				t.Errorf("got %s, want %s", s, tc.want)
			}
			if got.Authoritative != tc.aa {
				t.Errorf("authoritative: got %v, want %v", got.Authoritative, tc.aa)
			}
			q := tc.query
			if got.Id != q.Id || !got.Response || got.Opcode != q.Opcode || got.RecursionDesired != q.RecursionDesired || got.Question[0] != q.Question[0] {
				t.Errorf("the head does not match the query's:\n%s\n%s", got, q)
			}
			denied := got.Authoritative && len(got.Answer) == 0
			if soa := len(got.Ns) == 1 && got.Ns[0].Header().Rrtype == dns.TypeSOA; soa != denied {
				t.Errorf("SOA in the authority section: got %v, want %v", soa, denied)
			}
		})
	}
}

func inClass(m *dns.Msg, class uint16) *dns.Msg {
	m.Question[0].Qclass = class
	return m
}

// Defect B6 of the kubernetes plugin: until everything that a name needs is
// there, nothing falls through: another plugin's denial of a name that exists
// would be cached. What is there is answered, and what can never be is denied.
func TestB6NotSynced(t *testing.T) {
	const text = "clusterdns cluster.local in-addr.arpa {\npods verified\nstartup_timeout 0\nfallthrough\n}"
	objects := append(population(), service("absent", headless))
	type want struct {
		name  string
		qtype uint16
		want  string // summary, or "next"
	}
	for _, tc := range []struct {
		missing object.Kind
		wants   []want
	}{
		{object.Namespaces, []want{
			{"web.default.svc.cluster.local", dns.TypeA, "SERVFAIL"},
			{"missing.default.svc.cluster.local", dns.TypeA, "SERVFAIL"},
			{"headless-1.default.svc.cluster.local", dns.TypeA, "SERVFAIL"},
			{"default.svc.cluster.local", dns.TypeA, "SERVFAIL"},
			{"10-1-0-0.default.pod.cluster.local", dns.TypeA, "SERVFAIL"},
			{"1.0.0.10.in-addr.arpa", dns.TypePTR, "SERVFAIL"},
			{"1.2.0.192.in-addr.arpa", dns.TypePTR, "SERVFAIL"},
			{"cluster.local", dns.TypeSOA, "SERVFAIL"},
			{"missing.cluster.local", dns.TypeA, "next"},
			{"dns-version.cluster.local", dns.TypeTXT, "NOERROR, TXT \"1.1.0\""},
		}},
		{object.Services, []want{
			{"web.default.svc.cluster.local", dns.TypeA, "SERVFAIL"},
			{"web.default.svc.cluster.local", dns.TypeAAAA, "SERVFAIL"},
			{"_http._tcp.web.default.svc.cluster.local", dns.TypeSRV, "SERVFAIL"},
			{"external.default.svc.cluster.local", dns.TypeCNAME, "SERVFAIL"},
			{"missing.other.svc.cluster.local", dns.TypeA, "SERVFAIL"},
			{"1.0.0.10.in-addr.arpa", dns.TypePTR, "SERVFAIL"},
			{"10.in-addr.arpa", dns.TypePTR, "SERVFAIL"},
			{"cluster.local", dns.TypeNS, "SERVFAIL"},
			{"default.svc.cluster.local", dns.TypeA, "NOERROR"},
			{"other.svc.cluster.local", dns.TypeA, "next"},
			{"10-1-0-0.default.pod.cluster.local", dns.TypeA, "NOERROR, A 10.1.0.0"},
		}},
		{object.EndpointSlices, []want{
			{"headless-1.default.svc.cluster.local", dns.TypeA, "SERVFAIL"},
			{"headless-1.default.svc.cluster.local", dns.TypeAAAA, "SERVFAIL"},
			{"_http._tcp.headless-1.default.svc.cluster.local", dns.TypeSRV, "SERVFAIL"},
			{"absent.default.svc.cluster.local", dns.TypeA, "SERVFAIL"},
			{"10-1-0-0.headless-1.default.svc.cluster.local", dns.TypeA, "SERVFAIL"},
			{"10-1-0-0.web.default.svc.cluster.local", dns.TypeA, "SERVFAIL"},
			{"0.0.1.10.in-addr.arpa", dns.TypePTR, "SERVFAIL"},
			{"1.2.0.192.in-addr.arpa", dns.TypePTR, "SERVFAIL"},
			{"web.default.svc.cluster.local", dns.TypeA, "NOERROR, A 10.0.0.1"},
			{"v4.default.svc.cluster.local", dns.TypeAAAA, "NOERROR"},
			{"missing.default.svc.cluster.local", dns.TypeA, "next"},
			{"1.0.0.10.in-addr.arpa", dns.TypePTR, "NOERROR, PTR web.default.svc.cluster.local."},
		}},
		{object.Pods, []want{
			{"10-1-0-0.default.pod.cluster.local", dns.TypeA, "SERVFAIL"},
			{"10-9-9-9.default.pod.cluster.local", dns.TypeA, "SERVFAIL"},
			{"10-1-0-0.other.pod.cluster.local", dns.TypeA, "next"},
			{"headless-1.default.svc.cluster.local", dns.TypeA, "NOERROR, A 10.1.0.0"},
			{"web.default.svc.cluster.local", dns.TypeA, "NOERROR, A 10.0.0.1"},
		}},
	} {
		t.Run(tc.missing.String(), func(t *testing.T) {
			api := newAPI(t, objects...)
			api.Deny(tc.missing.String(), http.StatusForbidden)
			c := newHandler(t, api, text)
			eventually(t, "the other kinds are synced", func() bool { return c.lease.Synced() == c.opts.Kinds&^object.Set(tc.missing) })
			if c.Ready() {
				t.Error("it is ready")
			}
			for _, q := range tc.wants {
				for _, size := range []uint16{0, 1232} {
					got := ask(t, c, query(q.name, q.qtype, size))
					s := summary(got)
					if fromNext(got) {
						s = "next"
					}
					if s != q.want {
						t.Errorf("%s %s: got %s, want %s", q.name, dns.TypeToString[q.qtype], s, q.want)
					}
					checkEDE(t, got, q.want == "SERVFAIL", size > 0)
				}
			}

			api.Deny(tc.missing.String(), 0)
			eventually(t, "it is ready", c.Ready)
			for _, q := range tc.wants {
				if got := ask(t, c, query(q.name, q.qtype, 1232)); got.Rcode == dns.RcodeServerFailure {
					t.Errorf("%s %s when all is there: got %s", q.name, dns.TypeToString[q.qtype], summary(got))
				}
			}
		})
	}
}

// checkEDE checks that m explains itself if it is a failure and the client
// understands it: a client that sent no EDNS may not be sent an OPT record
// (RFC 6891 section 7).
func checkEDE(t *testing.T, m *dns.Msg, failure, edns bool) {
	t.Helper()
	name := m.Question[0].Name
	e := ede(m)
	if got, want := e != nil, failure && edns; got != want {
		t.Errorf("%s: Extended DNS Error: got %v, want %v", name, got, want)
	}
	if e != nil && e.InfoCode != dns.ExtendedErrorCodeNotReady {
		t.Errorf("%s: Extended DNS Error: got %d, want %d", name, e.InfoCode, dns.ExtendedErrorCodeNotReady)
	}
	if !edns && m.IsEdns0() != nil {
		t.Errorf("%s: an OPT record for a client without EDNS", name)
	}
	if failure && m.Authoritative {
		t.Errorf("%s: a failure is authoritative", name)
	}
}

// An RRset that does not fit is cut, says so, and comes whole over TCP.
func TestTruncation(t *testing.T) {
	api := newAPI(t, population()...)
	s := startServer(t, "cluster.local {\nclusterdns {\nendpoint "+api.URL()+"\n}\n}")
	for _, tc := range []struct {
		proto string
		size  uint16 // of the OPT record; 0 is none
		max   int    // octets of the response
	}{
		{"udp", 0, 512}, {"udp", 512, 512}, {"udp", 1232, 1232}, {"udp", 4096, 4096},
		{"tcp", 0, dns.MaxMsgSize}, {"tcp", 1232, dns.MaxMsgSize},
	} {
		for _, n := range headlessSizes {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeSRV} {
				name := fmt.Sprintf("headless-%d.default.svc.cluster.local", n)
				t.Run(fmt.Sprintf("%s %d %d %s", tc.proto, tc.size, n, dns.TypeToString[qtype]), func(t *testing.T) {
					m := exchange(t, s, tc.proto, query(name, qtype, tc.size))
					m.Compress = true
					if got := m.Len(); got > tc.max {
						t.Errorf("octets: got %d, want at most %d", got, tc.max)
					}
					if m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 {
						t.Errorf("got %.200s, want records", summary(m))
					}
					if got, want := m.Truncated, len(m.Answer) < n; got != want {
						t.Errorf("truncated: got %v with %d of %d records", got, len(m.Answer), n)
					}
					fits := n <= 100 || n <= 1000 && qtype == dns.TypeA // into the 64 KB of a message over TCP
					if tc.proto == "tcp" && fits && len(m.Answer) != n {
						t.Errorf("records: got %d, want all %d", len(m.Answer), n)
					}
					checkDistinct(t, m)
				})
			}
		}
	}
}

// checkDistinct checks that no record comes twice.
func checkDistinct(t *testing.T, m *dns.Msg) {
	t.Helper()
	seen := map[string]bool{}
	for _, rr := range m.Answer {
		text := rr.String()
		if seen[text] {
			t.Errorf("twice in the answer: %s", text)
		}
		seen[text] = true
	}
}

// Of an RRset that is cut, each query shows another part: all endpoints get their share.
func TestTruncationSpreads(t *testing.T) {
	c := newSynced(t, "clusterdns {\n}", population()...)
	seen := map[string]bool{}
	for range 200 {
		for _, rr := range ask(t, c, query("headless-1000.default.svc.cluster.local", dns.TypeA, 1232)).Answer {
			seen[rr.(*dns.A).A.String()] = true
		}
	}
	if len(seen) < 990 { // all but with a probability of 10^-5
		t.Errorf("of 1000 endpoints %d were answered in 200 queries", len(seen))
	}
}

func TestCacheBypassZones(t *testing.T) {
	for _, tc := range []struct {
		text string
		want []string
	}{
		{"clusterdns {\n}", []string{"cluster.local."}},
		{"clusterdns Cluster.Local 10.0.0.0/8 {\n}", []string{"cluster.local.", "10.in-addr.arpa."}},
		{"clusterdns cluster.local in-addr.arpa ip6.arpa {\nfallthrough in-addr.arpa ip6.arpa\n}", []string{"cluster.local."}},
		{"clusterdns cluster.local 10.0.0.0/8 {\nfallthrough in-addr.arpa\n}", []string{"cluster.local."}},
		{"clusterdns cluster.local in-addr.arpa {\nfallthrough 10.in-addr.arpa\n}", []string{"cluster.local."}},
		{"clusterdns cluster.local {\nfallthrough\n}", nil},
		{"clusterdns cluster.local in-addr.arpa {\nfallthrough\ntopology prefer\n}", []string{"cluster.local."}}, // what one client is told is not for others
	} {
		c, err := parseText(strings.Replace(tc.text, "{", "{\nendpoint http://127.0.0.1:1", 1))
		if err != nil {
			t.Errorf("%s: %v", tc.text, err)
			continue
		}
		if got := c.CacheBypassZones(); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.text, got, tc.want)
		}
	}
}

// The cache plugin keeps off our zones: a change is answered at once although
// "cache 30" stands before us. Zones that fall through stay with it, which
// shows that it is there at all.
func TestCacheIsBypassed(t *testing.T) {
	const web, late = "web.default.svc.cluster.local", "late.default.svc.cluster.local"
	for _, tc := range []struct {
		name, option      string
		web, late, target string // after the change
	}{
		{"bypassed", "", "NOERROR, A 10.0.0.2", "NOERROR, A 10.0.0.3", "NOERROR, CNAME web.default.svc.cluster.local., A 10.0.0.2"},
		{"falls through", "fallthrough", "NOERROR, A 10.0.0.1", "NXDOMAIN", "NOERROR, CNAME web.default.svc.cluster.local., A 10.0.0.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			api := newAPI(t, namespace("default"), service("web"), service("alias", externalName(web)))
			s := startServer(t, fmt.Sprintf(". {\ncache 30\nclusterdns cluster.local {\nendpoint %s\nttl 30\n%s\n}\n}", api.URL(), tc.option))
			answers := func() [3]string {
				return [3]string{
					summary(exchange(t, s, "udp", query(web, dns.TypeA, 0))),
					strings.Replace(summary(exchange(t, s, "udp", query(late, dns.TypeA, 0))), "SERVFAIL", "NXDOMAIN", 1), // there is no next plugin
					summary(exchange(t, s, "udp", query("alias.default.svc.cluster.local", dns.TypeA, 0))),
				}
			}
			if got, want := answers(), [3]string{"NOERROR, A 10.0.0.1", "NXDOMAIN", "NOERROR, CNAME web.default.svc.cluster.local., A 10.0.0.1"}; got != want {
				t.Errorf("before: got %q, want %q", got, want)
			}
			told(t, object.Services, api.Apply(service("web", clusterIP("10.0.0.2")), service("late", clusterIP("10.0.0.3"))))
			if got, want := answers(), [3]string{tc.web, tc.late, tc.target}; got != want {
				t.Errorf("after the change: got %q, want %q", got, want)
			}
		})
	}
}

// In a zone with a long name some names that objects stand for are longer than
// the 255 octets of a name (RFC 1035 section 2.3.4). They do not exist: no
// client can read a response that has one of them.
func TestNamesLongerThanDNSAllows(t *testing.T) {
	label := strings.Repeat("a", 63)
	zone := strings.Join([]string{label, label, label[:60], ""}, ".") // 189 octets
	long := service(label, headless)
	long.Namespace = label
	slice := endpointSlices(label, 1)[0].(*discoveryv1.EndpointSlice)
	slice.Namespace, slice.Endpoints[0].Hostname = label, &label
	named := endpointSlices("db", 1)[0].(*discoveryv1.EndpointSlice)
	named.Endpoints[0].Addresses[0], named.Endpoints[0].Hostname = "10.1.0.9", &label
	c := newSynced(t, "clusterdns "+zone+" in-addr.arpa {\n}", namespace("default"), namespace(label),
		long, slice, service("db", headless), named)
	for _, q := range []*dns.Msg{
		query("0.0.1.10.in-addr.arpa", dns.TypePTR, 1232),
		query("9.0.1.10.in-addr.arpa", dns.TypePTR, 1232),
		query("db.default.svc."+zone, dns.TypeA, 1232),
		query("db.default.svc."+zone, dns.TypeSRV, 1232),
		query("_http._tcp.db.default.svc."+zone, dns.TypeSRV, 1232),
	} {
		wire, err := ask(t, c, q).Pack()
		if err == nil {
			err = new(dns.Msg).Unpack(wire) // packing lets long names pass
		}
		if err != nil {
			t.Errorf("%.40s %s: nobody can read the response: %v", q.Question[0].Name, dns.TypeToString[q.Question[0].Qtype], err)
		}
	}
}

// TestTwoExplanations: a response has one OPT record, however much it explains (RFC 6891 section 6.1.1).
func TestTwoExplanations(t *testing.T) {
	r := query("web.default.svc.cluster.local", dns.TypeA, 1232)
	m := newReply(r)
	m.explain(r, dns.ExtendedErrorCodeStaleAnswer, "one")
	m.explain(r, dns.ExtendedErrorCodeOther, "two")
	if len(m.Extra) != 1 || len(m.IsEdns0().Option) != 2 {
		t.Errorf("got %v, want one OPT record with two options", m.Extra)
	}
}
