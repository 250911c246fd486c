// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"crypto/tls"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// example has one zone and one name.
var example = Config{Zones: []string{"example.org"}, Records: []string{
	"a.b.example.org. 60 IN A 192.0.2.1",
}}

func start(t *testing.T, c Config) *Server {
	t.Helper()
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dig asks over UDP, TCP or TLS and returns the response code and its records.
func dig(t *testing.T, s *Server, over Transport, name string, qtype uint16) []string {
	t.Helper()
	network := map[Transport]string{UDP: "udp", TCP: "tcp", TLS: "tcp-tls"}[over]
	c := dns.Client{Net: network, TLSConfig: &tls.Config{ServerName: ServerName, RootCAs: s.CA().Pool()}}
	r, _, err := c.ExchangeContext(t.Context(), new(dns.Msg).SetQuestion(name, qtype), s.Address(over).String())
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{dns.RcodeToString[r.Rcode]}
	for _, rr := range append(r.Answer, r.Ns...) {
		lines = append(lines, rr.String())
	}
	return lines
}

const (
	rootSOA    = ".\t60\tIN\tSOA\tns.example.org. hostmaster.example.org. 1 7200 1800 86400 60"
	exampleSOA = "example.org.\t60\tIN\tSOA\tns.example.org. hostmaster.example.org. 1 7200 1800 86400 60"
	exampleNS  = "example.org.\t60\tIN\tNS\tns.example.org."
)

func TestHonest(t *testing.T) {
	s := start(t, example)
	for _, c := range []struct {
		name  string
		qtype uint16
		want  []string
	}{
		{"a.b.example.org.", dns.TypeA, []string{"NOERROR", "a.b.example.org.\t60\tIN\tA\t192.0.2.1"}},
		{"A.b.example.ORG.", dns.TypeA, []string{"NOERROR", "a.b.example.org.\t60\tIN\tA\t192.0.2.1"}},
		{"a.b.example.org.", dns.TypeAAAA, []string{"NOERROR", exampleSOA}},
		{"b.example.org.", dns.TypeA, []string{"NOERROR", exampleSOA}},
		{"c.example.org.", dns.TypeA, []string{"NXDOMAIN", exampleSOA}},
		{"example.org.", dns.TypeSOA, []string{"NOERROR", exampleSOA}},
		{"example.org.", dns.TypeNS, []string{"NOERROR", exampleNS}},
		{"example.net.", dns.TypeA, []string{"NXDOMAIN", rootSOA}},
	} {
		for _, over := range []Transport{UDP, TCP, TLS} {
			if diff := cmp.Diff(c.want, dig(t, s, over, c.name, c.qtype)); diff != "" {
				t.Errorf("%s %s over %s: -want +got\n%s", c.name, dns.Type(c.qtype), over, diff)
			}
		}
	}
}

func TestModes(t *testing.T) {
	s := start(t, example)
	for _, c := range []struct {
		name string
		mode Mode
		want []string
	}{
		{"lying", Lying, []string{"NOERROR", "a.b.example.org.\t60\tIN\tA\t203.0.113.66"}},
		{"refusing", Refusing, []string{"REFUSED"}},
		{"failing", ServFail, []string{"SERVFAIL"}},
		{"slow", Slow(time.Millisecond), []string{"NOERROR", "a.b.example.org.\t60\tIN\tA\t192.0.2.1"}},
		{"truncating", Truncating, []string{"NOERROR"}},
		{"honest again", Honest, []string{"NOERROR", "a.b.example.org.\t60\tIN\tA\t192.0.2.1"}},
	} {
		s.Set(c.mode)
		if diff := cmp.Diff(c.want, dig(t, s, UDP, "a.b.example.org.", dns.TypeA)); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
}

func TestParseMode(t *testing.T) {
	for text, want := range map[string]Mode{
		"honest": Honest, "silent": Silent, "servfail": ServFail,
		"slow=20ms": Slow(20 * time.Millisecond), "losing=3": Losing(3),
	} {
		if got, err := ParseMode(text); got != want || err != nil {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "slow", "slow=x", "losing=-1", "honest=1", "dead"} {
		if got, err := ParseMode(text); err == nil {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

// TestOpen listens for others only if that is said.
func TestOpen(t *testing.T) {
	s := start(t, Config{Address: netip.IPv4Unspecified(), Open: true})
	if got := s.Address(UDP).Addr(); !got.IsUnspecified() {
		t.Errorf("it listens on %s", got)
	}
}

func TestSeen(t *testing.T) {
	s := start(t, example)
	dig(t, s, UDP, "a.example.org.", dns.TypeA)
	dig(t, s, TCP, "b.example.org.", dns.TypeSOA)
	if err := s.Await(t.Context(), 2); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(map[Transport]int{UDP: 1, TCP: 1}, s.Counts()); diff != "" {
		t.Errorf("counts: -want +got\n%s", diff)
	}
	got := s.Queries()
	for i := range got {
		got[i].ID = 0
	}
	want := []Query{
		{Transport: UDP, Name: "a.example.org.", Type: dns.TypeA, RecursionDesired: true},
		{Transport: TCP, Name: "b.example.org.", Type: dns.TypeSOA, RecursionDesired: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queries: -want +got\n%s", diff)
	}
	s.Forget()
	if n := len(s.Queries()) + len(s.Counts()); n != 0 {
		t.Errorf("%d are remembered after Forget", n)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Await(ended, 1); err == nil {
		t.Error("Await is content with no question")
	}
}

// TestGivenPorts starts a server again where it was.
func TestGivenPorts(t *testing.T) {
	first, err := Start(Config{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[Transport]netip.AddrPort{}
	for _, over := range Transports {
		want[over] = first.Address(over)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	second := start(t, Config{CA: first.CA(), Ports: Ports{
		DNS: want[UDP].Port(), TLS: want[TLS].Port(), HTTPS: want[HTTPS].Port(), QUIC: want[QUIC].Port(),
	}})
	for _, over := range Transports {
		if got := second.Address(over); got != want[over] {
			t.Errorf("%s is served on %s, want %s", over, got, want[over])
		}
	}
}

func TestStartFails(t *testing.T) {
	taken := start(t, Config{})
	for _, c := range []struct {
		name   string
		config Config
	}{
		{"not of this machine", Config{Address: netip.MustParseAddr("192.0.2.1")}},
		{"no record", Config{Records: []string{"; nothing"}}},
		{"bad record", Config{Records: []string{"a.example.org. IN A example"}}},
		{"bad zone", Config{Zones: []string{"a..b"}}},
		{"DNS taken", Config{Ports: Ports{DNS: taken.Address(UDP).Port()}}},
		{"QUIC taken", Config{Ports: Ports{QUIC: taken.Address(QUIC).Port()}}},
	} {
		if s, err := Start(c.config); err == nil {
			t.Errorf("%s: it starts", c.name)
			_ = s.Stop()
		}
	}
}

// TestStopEndsWaits stops a server that owes answers.
func TestStopEndsWaits(t *testing.T) {
	s, err := Start(Config{})
	if err != nil {
		t.Fatal(err)
	}
	s.Set(Slow(time.Hour))
	asked := make(chan error)
	go func() {
		c := dns.Client{Net: "tcp", Timeout: time.Hour}
		_, _, err := c.Exchange(new(dns.Msg).SetQuestion("example.org.", dns.TypeA), s.Address(TCP).String())
		asked <- err
	}()
	if err := s.Await(t.Context(), 1); err != nil {
		t.Error(err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if err := <-asked; err == nil {
		t.Error("there is an answer within an hour")
	}
}

func TestPEM(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	client, err := ca.Client()
	if err != nil {
		t.Fatal(err)
	}
	certificate, key, err := EncodePEM(client)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(certificate, key); err != nil {
		t.Error(err)
	}
	if !ca.Pool().AppendCertsFromPEM(ca.PEM()) {
		t.Error("the PEM of the CA has no certificate")
	}
}
