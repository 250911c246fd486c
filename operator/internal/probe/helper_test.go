// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/clusterdns/clusterdns/test/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is the deadline of questions that get no answer.
const soon = 100 * time.Millisecond

var (
	transports = []Transport{UDP, TCP, TLS, HTTPS, QUIC}
	secure     = transports[2:]
	question   = Question{Name: "a.example.org", Type: dns.TypeA}
)

// start starts a server that knows the answer to question.
func start(t *testing.T, c upstream.Config) *upstream.Server {
	t.Helper()
	c.Zones = []string{"example.org"}
	c.Records = []string{"a.example.org. 60 IN A 192.0.2.1"}
	s, err := upstream.Start(c)
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

// target is s over one transport, trusted.
func target(s *upstream.Server, over Transport) Target {
	return Target{
		Address:    s.Address(upstream.Transport(over)),
		Transport:  over,
		ServerName: upstream.ServerName,
		Roots:      s.CA().Pool(),
	}
}

// within is a context that ends after d, or with the test.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// wantErr checks that there is no answer but an error that ends with want.
func wantErr(t *testing.T, r Report, want string) {
	t.Helper()
	if r.Err == nil || !strings.HasSuffix(r.Err.Error(), ": "+want) {
		t.Errorf("got error  %v\nwant it to end with  %s", r.Err, want)
	}
	if r.Answer != nil || r.Rcode != -1 || r.RTT != 0 {
		t.Errorf("got answer %v, rcode %d, RTT %s beside the error %v", r.Answer, r.Rcode, r.RTT, r.Err)
	}
}

// wantTimeout checks that there is no answer because time was up, and that the
// error ends with aside.
func wantTimeout(t *testing.T, r Report, aside string) {
	t.Helper()
	if r.Err == nil || !errors.Is(r.Err, context.DeadlineExceeded) || !timeout.MatchString(r.Err.Error()) || !strings.HasSuffix(r.Err.Error(), aside) {
		t.Errorf("got error %v, want no answer in time%s", r.Err, aside)
	}
	if r.Answer != nil || r.Rcode != -1 || r.RTT != 0 {
		t.Errorf("got answer %v, rcode %d, RTT %s beside the error %v", r.Answer, r.Rcode, r.RTT, r.Err)
	}
}

var timeout = regexp.MustCompile(`: no answer within \d+m?s(, but .*)?$`)

// addresses returns the addresses of the answer.
func addresses(r Report) string {
	if r.Answer == nil {
		return ""
	}
	var all []string
	for _, rr := range r.Answer.Answer {
		if a, ok := rr.(*dns.A); ok {
			all = append(all, a.A.String())
		}
	}
	return strings.Join(all, " ")
}

// listen returns a TCP listener that the test serves itself.
func listen(t *testing.T) (net.Listener, netip.AddrPort) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, netip.MustParseAddrPort(l.Addr().String())
}
