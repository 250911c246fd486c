// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/upstream"
)

// TestHonest asks a server that is well over each transport, and looks at what
// it got.
func TestHonest(t *testing.T) {
	s := start(t, upstream.Config{})
	for _, over := range transports {
		t.Run(string(over), func(t *testing.T) {
			s.Forget()
			r := Ask(t.Context(), target(s, over), question)
			if r.Err != nil || r.Rcode != dns.RcodeSuccess || addresses(r) != "192.0.2.1" || r.RTT <= 0 {
				t.Errorf("got %v", r)
			}
			if want := expires(s, over); !r.CertificateExpires.Equal(want) {
				t.Errorf("certificate expires %v, want %v", r.CertificateExpires, want)
			}
			got := s.Queries()
			random := over != HTTPS && over != QUIC
			if len(got) == 1 && (got[0].ID != 0) == random {
				got[0].ID = 0
			}
			want := []upstream.Query{{
				Transport: upstream.Transport(over), Name: "a.example.org.", Type: dns.TypeA, RecursionDesired: true, UDPSize: 1232,
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the server was asked -want +got\n%s", diff)
			}
		})
	}
}

// expires is what a report on an honest server says of its certificate.
func expires(s *upstream.Server, over Transport) time.Time {
	if over == UDP || over == TCP {
		return time.Time{}
	}
	return s.Expires()
}

func TestIPv6(t *testing.T) {
	s, err := upstream.Start(upstream.Config{Address: loopback6})
	if err != nil {
		t.Skipf("no IPv6: %v", err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	for _, over := range transports {
		nameless := target(s, over)
		nameless.ServerName = "" // its certificate is for the address
		if r := Ask(t.Context(), nameless, question); r.Rcode != dns.RcodeNameError {
			t.Errorf("%s: got %v", over, r)
		}
	}
}

func TestNoRecursion(t *testing.T) {
	s := start(t, upstream.Config{})
	if r := Ask(t.Context(), target(s, UDP), Question{Name: ".", Type: dns.TypeNS, NoRecursion: true}); r.Err != nil {
		t.Error(r.Err)
	}
	if got := s.Queries(); len(got) != 1 || got[0].RecursionDesired || got[0].Name != "." {
		t.Errorf("the server was asked %v", got)
	}
}

// TestModes asks a server that is up to something, over each transport.
func TestModes(t *testing.T) {
	s := start(t, upstream.Config{})
	for _, c := range []struct {
		name      string
		mode      upstream.Mode
		rcode     int
		addresses string
	}{
		{"lying", upstream.Lying, dns.RcodeSuccess, upstream.LieV4.String()},
		{"slow", upstream.Slow(time.Millisecond), dns.RcodeSuccess, "192.0.2.1"},
		{"refusing", upstream.Refusing, dns.RcodeRefused, ""},
		{"failing", upstream.ServFail, dns.RcodeServerFailure, ""},
	} {
		for _, over := range transports {
			s.Set(c.mode)
			r := Ask(t.Context(), target(s, over), question)
			if r.Err != nil || r.Rcode != c.rcode || addresses(r) != c.addresses {
				t.Errorf("%s over %s: got rcode %d, %q, error %v", c.name, over, r.Rcode, addresses(r), r.Err)
			}
		}
	}
}

func TestNoAnswer(t *testing.T) {
	s := start(t, upstream.Config{})
	for _, c := range []struct {
		name string
		mode upstream.Mode
	}{
		{"silent", upstream.Silent},
		{"slow", upstream.Slow(time.Hour)},
	} {
		for _, over := range transports {
			t.Run(c.name+" "+string(over), func(t *testing.T) {
				s.Set(c.mode)
				wantTimeout(t, Ask(within(t, soon), target(s, over), question), "")
			})
		}
	}
}

// TestAnotherQuestion has a server answer what it was not asked. Over UDP that
// can be from anyone, and the answer may still come.
func TestAnotherQuestion(t *testing.T) {
	s := start(t, upstream.Config{})
	s.Set(upstream.Confused)
	const what = "malformed answer: it is to another question: confused.example.org. A"
	for _, over := range transports[1:] {
		wantErr(t, Ask(t.Context(), target(s, over), question), what)
	}
	wantTimeout(t, Ask(within(t, 10*soon), target(s, UDP), question), ", but a "+what)
}

func TestTruncated(t *testing.T) {
	s := start(t, upstream.Config{})
	s.Set(upstream.Truncating)
	if r := Ask(t.Context(), target(s, UDP), question); r.Err != nil || !r.Answer.Truncated || addresses(r) != "" {
		t.Errorf("UDP: got %v", r)
	}
	if r := Ask(t.Context(), target(s, TCP), question); r.Err != nil || r.Answer.Truncated || addresses(r) != "192.0.2.1" {
		t.Errorf("TCP: got %v", r)
	}
}

// TestLoss has a question over UDP get lost, or two.
func TestLoss(t *testing.T) {
	s := start(t, upstream.Config{})
	s.Set(upstream.Losing(1))
	if r := Ask(t.Context(), target(s, UDP), question); r.Err != nil || addresses(r) != "192.0.2.1" {
		t.Errorf("got %v", r)
	}
	got := s.Queries()
	if len(got) != 2 || got[0].ID == got[1].ID {
		t.Errorf("the server was asked %v, want 2 questions with their own IDs", got)
	}
	s.Set(upstream.Losing(2))
	wantTimeout(t, Ask(within(t, soon), target(s, UDP), question), "")
	if err := s.Await(within(t, time.Minute), 4); err != nil {
		t.Error(err)
	}
}

func TestNobodyListens(t *testing.T) {
	s := start(t, upstream.Config{})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, over := range transports {
		wantErr(t, Ask(t.Context(), target(s, over), question),
			"connection refused, nobody listens there: check transport, address and port")
	}
}

// TestCancelled gives up before the question, and when the server has it.
func TestCancelled(t *testing.T) {
	s := start(t, upstream.Config{})
	s.Set(upstream.Silent)
	for _, over := range transports {
		t.Run(string(over), func(t *testing.T) {
			s.Forget()
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			go func() {
				_ = s.Await(t.Context(), 1)
				cancel()
			}()
			for range 2 {
				r := Ask(ctx, target(s, over), question)
				wantErr(t, r, "given up before an answer came")
				if !errors.Is(r.Err, context.Canceled) {
					t.Errorf("%v is not %v", r.Err, context.Canceled)
				}
			}
			if n := len(s.Queries()); n != 1 {
				t.Errorf("the server was asked %d times, want once", n)
			}
		})
	}
}

// TestNonsense asks what cannot be asked.
func TestNonsense(t *testing.T) {
	s := start(t, upstream.Config{})
	good := target(s, UDP)
	for _, c := range []struct {
		name     string
		target   Target
		question Question
		want     string
	}{
		{"no address", Target{Transport: UDP}, question, "the address is missing"},
		{"no transport", Target{Address: good.Address}, question, `transport "" is none of UDP, TCP, TLS, HTTPS, QUIC`},
		{"no name", good, Question{Type: dns.TypeA}, `"" is no domain name`},
		{"bad name", good, Question{Name: "a..b", Type: dns.TypeA}, `"a..b" is no domain name`},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantErr(t, Ask(t.Context(), c.target, c.question), c.want)
		})
	}
}

// TestErrorNames checks one error in full: whom, what, why.
func TestErrorNames(t *testing.T) {
	r := Ask(t.Context(), Target{Address: dead, Transport: "TELNET", ServerName: "dns.example.org"}, question)
	const want = `asking telnet://127.0.0.1:1 (dns.example.org) for a.example.org. A: ` +
		`transport "TELNET" is none of UDP, TCP, TLS, HTTPS, QUIC`
	if r.Err == nil || r.Err.Error() != want {
		t.Errorf("got  %v\nwant %s", r.Err, want)
	}
}

// TestNothingLeft counts the open files before and after questions that go well
// and questions that do not. TestMain counts the goroutines.
func TestNothingLeft(t *testing.T) {
	before := openSockets(t)
	s := start(t, upstream.Config{})
	for _, mode := range []upstream.Mode{upstream.Honest, upstream.Silent, upstream.Expired, upstream.Confused} {
		s.Set(mode)
		for _, over := range transports {
			Ask(within(t, soon), target(s, over), question)
		}
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if after := openSockets(t); after > before {
		t.Errorf("%d sockets were open, and now %d", before, after)
	}
}

func openSockets(t *testing.T) int {
	t.Helper()
	const dir = "/proc/self/fd/"
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Skipf("counting open files needs Linux: %v", err)
	}
	sockets := 0
	for _, f := range files {
		if to, err := os.Readlink(dir + f.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			sockets++
		}
	}
	return sockets
}
