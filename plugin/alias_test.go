// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/rewrite"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
	"k8s.io/apimachinery/pkg/runtime"
)

// An upstreamServer is a DNS server on 127.0.0.1 that answers names as its answers say.
type upstreamServer map[string]func(w dns.ResponseWriter, m *dns.Msg)

// start starts the server, UDP and TCP on one port, and returns its address.
func (u upstreamServer) start(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{Listener: l, Handler: u}, {PacketConn: p, Handler: u}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return l.Addr().String()
}

// ServeDNS implements [dns.Handler].
func (u upstreamServer) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(r)
	m.RecursionAvailable = true
	answer, ok := u[strings.ToLower(r.Question[0].Name)]
	if !ok {
		m.Rcode = dns.RcodeNameError
		_ = w.WriteMsg(m)
		return
	}
	answer(w, m)
}

// records answers with the records that are of the type asked for, or CNAME.
func records(texts ...string) func(dns.ResponseWriter, *dns.Msg) {
	return func(w dns.ResponseWriter, m *dns.Msg) {
		for _, text := range texts {
			r := rr(text)
			if t := r.Header().Rrtype; t == m.Question[0].Qtype || t == dns.TypeCNAME {
				m.Answer = append(m.Answer, r)
			}
		}
		_ = w.WriteMsg(m)
	}
}

// all answers with every one of the records, wanted or not.
func all(texts ...string) func(dns.ResponseWriter, *dns.Msg) {
	return func(w dns.ResponseWriter, m *dns.Msg) {
		for _, text := range texts {
			m.Answer = append(m.Answer, rr(text))
		}
		_ = w.WriteMsg(m)
	}
}

func rcode(code int, authority ...string) func(dns.ResponseWriter, *dns.Msg) {
	return func(w dns.ResponseWriter, m *dns.Msg) {
		m.Rcode = code
		for _, text := range authority {
			m.Ns = append(m.Ns, rr(text))
		}
		_ = w.WriteMsg(m)
	}
}

func silence(dns.ResponseWriter, *dns.Msg) {}

// overTCP answers in full over TCP and truncated over UDP.
func overTCP(texts ...string) func(dns.ResponseWriter, *dns.Msg) {
	return func(w dns.ResponseWriter, m *dns.Msg) {
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			m.Truncated = true
			_ = w.WriteMsg(m)
			return
		}
		records(texts...)(w, m)
	}
}

const svc = ".default.svc.cluster.local"

// exampleSOA is the SOA record of the upstream's zone.
const exampleSOA = "example.org. 60 IN SOA ns.example.org. hostmaster.example.org. 1 2 3 4 60"

// aliases are a Service for each target.
func aliases(targets map[string]string) []runtime.Object {
	objects := []runtime.Object{namespace("default"), service("web", clusterIP("10.0.0.1", "fd00::1"))}
	for name, target := range targets {
		objects = append(objects, service(name, externalName(target)))
	}
	return objects
}

func TestAliases(t *testing.T) {
	upstream := upstreamServer{
		"host.example.org.":      records("host.example.org. 60 IN A 192.0.2.1", "host.example.org. 60 IN TXT words"),
		"www.example.org.":       records("www.example.org. 60 IN CNAME host.example.org.", "host.example.org. 60 IN A 192.0.2.1"),
		"empty.example.org.":     rcode(dns.RcodeSuccess, exampleSOA),
		"missing.example.org.":   rcode(dns.RcodeNameError, exampleSOA),
		"broken.example.org.":    rcode(dns.RcodeServerFailure),
		"refused.example.org.":   rcode(dns.RcodeRefused),
		"truncated.example.org.": overTCP("truncated.example.org. 60 IN A 192.0.2.1"),
		// Records that nobody asked for, to be believed under our names.
		"lying.example.org.": all(
			"lying.example.org. 60 IN A 192.0.2.1",
			"web.default.svc.cluster.local. 60 IN A 192.0.2.66",
			"other.example.org. 60 IN A 192.0.2.66",
			"lying.example.org. 60 IN TXT lie",
		),
		"detour.example.org.": all(
			"other.example.org. 60 IN A 192.0.2.66",
			"host.example.org. 60 IN A 192.0.2.1", // after what leads to it
			"elsewhere.example.org. 60 IN CNAME other.example.org.",
			"detour.example.org. 60 IN CNAME host.example.org.",
		),
		"circle.example.org.": all(
			"circle.example.org. 60 IN CNAME circus.example.org.",
			"circus.example.org. 60 IN CNAME circle.example.org.",
		),
	}
	api := newAPI(t, aliases(map[string]string{
		"one": "two" + svc, "two": "three" + svc, "three": "web" + svc,
		"trailing": "web" + svc + ".", "case": "Web.Default.SVC.cluster.local",
		"nowhere": "missing" + svc, "namespace": "default.svc.cluster.local",
		"across": "hop.default.svc.other.example", "hop": "web" + svc,
		"rewritten": "old.example.net", "rewritten-suffix": "web.legacy.example.net",
		"host": "host.example.org", "www": "www.example.org", "empty": "empty.example.org",
		"gone": "missing.example.org", "broken": "broken.example.org", "refused": "refused.example.org",
		"truncated": "truncated.example.org", "lying": "lying.example.org", "detour": "detour.example.org", "circle": "circle.example.org",
	})...)
	s := startServer(t, fmt.Sprintf(`
cluster.local {
	clusterdns {
		endpoint %[1]s
	}
}
other.example {
	clusterdns {
		endpoint %[1]s
	}
}
. {
	rewrite name exact old.example.net host.example.org
	rewrite name suffix .legacy.example.net .default.svc.cluster.local answer auto
	clusterdns cluster.local {
		endpoint %[1]s
	}
	forward . %[2]s
}`, api.URL(), upstream.start(t)))

	for _, tc := range []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"one", dns.TypeA, "NOERROR, CNAME two" + svc + "., CNAME three" + svc + "., CNAME web" + svc + "., A 10.0.0.1"},
		{"one", dns.TypeAAAA, "NOERROR, CNAME two" + svc + "., CNAME three" + svc + "., CNAME web" + svc + "., AAAA fd00::1"},
		{"three", dns.TypeSRV, "NOERROR, CNAME web" + svc + "., SRV 0 100 80 web" + svc + "."},
		{"three", dns.TypeMX, "NOERROR, CNAME web" + svc + "."},
		{"one", dns.TypeCNAME, "NOERROR, CNAME two" + svc + "."},
		{"trailing", dns.TypeA, "NOERROR, CNAME web" + svc + "., A 10.0.0.1"},
		{"case", dns.TypeA, "NOERROR, CNAME Web.Default.SVC.cluster.local., A 10.0.0.1"},
		{"nowhere", dns.TypeA, "NXDOMAIN, CNAME missing" + svc + "."},
		{"namespace", dns.TypeA, "NOERROR, CNAME default.svc.cluster.local."},

		{"across", dns.TypeA, "NOERROR, CNAME hop.default.svc.other.example., CNAME web" + svc + "., A 10.0.0.1"},

		{"host", dns.TypeA, "NOERROR, CNAME host.example.org., A 192.0.2.1"},
		{"host", dns.TypeTXT, `NOERROR, CNAME host.example.org., TXT "words"`},
		{"host", dns.TypeAAAA, "NOERROR, CNAME host.example.org."},
		{"host", dns.TypeCNAME, "NOERROR, CNAME host.example.org."},
		{"www", dns.TypeA, "NOERROR, CNAME www.example.org., CNAME host.example.org., A 192.0.2.1"},
		{"empty", dns.TypeA, "NOERROR, CNAME empty.example.org."},
		{"gone", dns.TypeA, "NXDOMAIN, CNAME missing.example.org."},
		{"broken", dns.TypeA, "SERVFAIL, CNAME broken.example.org."},
		{"refused", dns.TypeA, "NOERROR, CNAME refused.example.org."},
		{"lying", dns.TypeA, "NOERROR, CNAME lying.example.org., A 192.0.2.1"},
		{"detour", dns.TypeA, "NOERROR, CNAME detour.example.org., CNAME host.example.org., A 192.0.2.1"},
		{"circle", dns.TypeA, "NOERROR, CNAME circle.example.org., CNAME circus.example.org., CNAME circle.example.org."},
	} {
		t.Run(tc.name+" "+dns.TypeToString[tc.qtype], func(t *testing.T) {
			for _, proto := range []string{"udp", "tcp"} {
				got := exchange(t, s, proto, query(tc.name+svc, tc.qtype, 1232))
				if text := summary(got); text != tc.want {
					t.Errorf("%s: got %s, want %s", proto, text, tc.want)
				}
				for _, rr := range slices.Concat(got.Answer, got.Ns, got.Extra) {
					if strings.Contains(rr.String(), "192.0.2.66") {
						t.Errorf("%s: a record off the chain: %s", proto, rr)
					}
				}
			}
		})
	}

	t.Run("truncated", func(t *testing.T) {
		for proto, want := range map[string]string{
			"udp": "NOERROR, tc, CNAME truncated.example.org.",
			"tcp": "NOERROR, CNAME truncated.example.org., A 192.0.2.1",
		} {
			if got := summary(exchange(t, s, proto, query("truncated"+svc, dns.TypeA, 1232))); got != want {
				t.Errorf("%s: got %s, want %s", proto, got, want)
			}
		}
	})

	// A denial of the last name comes with the SOA record that says for how long (RFC 2308).
	t.Run("denials", func(t *testing.T) {
		for name, want := range map[string]string{
			"gone": "example.org.", "empty": "example.org.", "nowhere": "cluster.local.", "namespace": "cluster.local.",
		} {
			got := exchange(t, s, "udp", query(name+svc, dns.TypeA, 0))
			if len(got.Ns) != 1 || got.Ns[0].Header().Rrtype != dns.TypeSOA || got.Ns[0].Header().Name != want {
				t.Errorf("%s: authority: got %v, want the SOA of %s", name, got.Ns, want)
			}
		}
	})

	// Names that are rewritten on the way, for clients of the block that does so.
	t.Run("rewrites", func(t *testing.T) {
		for _, tc := range []struct{ name, want string }{
			{"rewritten", "NOERROR, CNAME old.example.net., A 192.0.2.1"},
			{"rewritten-suffix", "NOERROR, CNAME web.legacy.example.net., A 10.0.0.1"},
		} {
			if got := summary(exchange(t, s, "udp", query(tc.name+svc, dns.TypeA, 0))); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
			}
		}
	})
}

// A target that nobody in this server answers for is left to the client: the
// alias alone is complete.
func TestAliasNobodyFollows(t *testing.T) {
	api := newAPI(t, aliases(map[string]string{"host": "host.example.org"})...)
	s := startServer(t, "cluster.local {\nclusterdns {\nendpoint "+api.URL()+"\n}\n}")
	got := exchange(t, s, "udp", query("host"+svc, dns.TypeA, 0))
	if want := "NOERROR, CNAME host.example.org."; summary(got) != want {
		t.Errorf("got %s, want %s", summary(got), want)
	}
}

// Chains that never end, or are too long, are a failure, told soon.
func TestAliasLoops(t *testing.T) {
	targets := map[string]string{
		"self":    "self" + svc,
		"ping":    "pong" + svc,
		"pong":    "ping" + svc,
		"case":    "CASE.default.svc.cluster.local",
		"zones":   "zones2.default.svc.other.example", // two zones, two server blocks
		"zones2":  "zones.default.svc.cluster.local",
		"mirror":  "mirror.default.svc.other.example", // is the same Service
		"renamed": "renamed.example.net",              // is rewritten to itself
	}
	const long = 15
	for i := range long {
		targets[fmt.Sprintf("c%d", i)] = fmt.Sprintf("c%d%s", i+1, svc)
	}
	targets[fmt.Sprintf("c%d", long)] = "web" + svc
	api := newAPI(t, aliases(targets)...)
	s := startServer(t, fmt.Sprintf(`
cluster.local {
	clusterdns {
		endpoint %[1]s
	}
}
other.example {
	clusterdns {
		endpoint %[1]s
	}
}
. {
	rewrite name suffix .example.net .default.svc.cluster.local answer auto
	clusterdns cluster.local {
		endpoint %[1]s
	}
}`, api.URL()))
	for _, name := range []string{"self", "ping", "case", "zones", "mirror", "renamed", "c0"} {
		t.Run(name, func(t *testing.T) {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeTXT} {
				began := time.Now()
				got := exchange(t, s, "tcp", query(name+svc, qtype, 1232))
				if got.Rcode != dns.RcodeServerFailure {
					t.Errorf("%s: got %s, want SERVFAIL", dns.TypeToString[qtype], summary(got))
				}
				if took := time.Since(began); took > followTime/2 {
					t.Errorf("%s: took %s", dns.TypeToString[qtype], took)
				}
				if len(got.Answer) > maxAliases+1 {
					t.Errorf("%s: got %d records", dns.TypeToString[qtype], len(got.Answer))
				}
			}
		})
	}
	// As many aliases as are allowed, the last of which is web.
	last := fmt.Sprintf("c%d%s", long-maxAliases+1, svc)
	got := exchange(t, s, "udp", query(last, dns.TypeA, 4096))
	if got.Rcode != dns.RcodeSuccess || len(got.Answer) != maxAliases+1 {
		t.Errorf("%d aliases: got %s, want an address at the end", maxAliases, summary(got))
	}
}

// An upstream that says nothing takes no longer than a client waits.
func TestAliasToSilence(t *testing.T) {
	addr := upstreamServer{"silent.example.org.": silence}.start(t)
	api := newAPI(t, aliases(map[string]string{"silent": "silent.example.org", "far": "silent" + svc})...)
	s := startServer(t, fmt.Sprintf(". {\nclusterdns cluster.local {\nendpoint %s\n}\nforward . %s\n}", api.URL(), addr))
	began := time.Now()
	got := exchange(t, s, "udp", query("far"+svc, dns.TypeA, 0))
	if got.Rcode != dns.RcodeServerFailure {
		t.Errorf("got %s, want SERVFAIL", summary(got))
	}
	if took := time.Since(began); took > 2*followTime {
		t.Errorf("took %s, want about %s", took, followTime)
	}
}

// An upstreamFunc resolves names for a test.
type upstreamFunc func(ctx context.Context, state request.Request, name string, qtype uint16) (*dns.Msg, error)

func (f upstreamFunc) Lookup(ctx context.Context, state request.Request, name string, qtype uint16) (*dns.Msg, error) {
	return f(ctx, state, name, qtype)
}

// What a plugin answers need not have a question, or anything else: it is no
// reason to panic.
func TestAliasToOddResponse(t *testing.T) {
	for name, resp := range map[string]*dns.Msg{
		"none":             nil,
		"empty":            {},
		"no question":      {MsgHdr: dns.MsgHdr{Rcode: dns.RcodeSuccess}, Answer: []dns.RR{rr("other.example.org. 60 IN A 192.0.2.66")}},
		"no question, SOA": {Ns: []dns.RR{rr(exampleSOA)}},
		"nothing":          {Question: []dns.Question{{Name: "host.example.org.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newSynced(t, "clusterdns {\n}", aliases(map[string]string{"host": "host.example.org"})...)
			c.upstream = upstreamFunc(func(context.Context, request.Request, string, uint16) (*dns.Msg, error) { return resp, nil })
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("panic: %v", p)
				}
			}()
			got := ask(t, c, query("host"+svc, dns.TypeA, 0))
			if len(got.Answer) != 1 {
				t.Errorf("got %s, want the alias alone", summary(got))
			}
		})
	}
}
