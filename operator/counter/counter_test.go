// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/clusterdns/clusterdns/test/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var records = []string{"a.example.org. 60 IN A 192.0.2.1", "a.example.org. 60 IN A 192.0.2.2"}

func server(t *testing.T, m upstream.Mode) *upstream.Server {
	t.Helper()
	s, err := upstream.Start(upstream.Config{Records: records})
	if err != nil {
		t.Fatal(err)
	}
	s.Set(m)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func ask(s *upstream.Server, t Transport) Config {
	return Config{
		Server: s.Address(upstream.UDP), Transports: []Transport{t}, Name: "a.example.org",
		Want: []string{"192.0.2.2", "192.0.2.1"}, QPS: 1000, Count: 20, Timeout: time.Minute,
	}
}

// counts runs a counter and returns what it counts over one transport.
func counts(t *testing.T, c Config) Count {
	t.Helper()
	r, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	report := r.Wait()
	if !report.Final || len(report.Counts) != 1 {
		t.Fatalf("the last report is %+v", report)
	}
	return report.Counts[0]
}

// untimed are the fields that are the same in each run.
var untimed = cmp.Options{
	cmpopts.IgnoreFields(Count{}, "LongestGap", "P50", "P99", "LastFailure"),
	cmpopts.IgnoreFields(Failure{}, "At"),
}

func TestAnswered(t *testing.T) {
	for _, transport := range Transports {
		t.Run(string(transport), func(t *testing.T) {
			s := server(t, upstream.Honest)
			got := counts(t, ask(s, transport))
			if diff := cmp.Diff(Count{Transport: transport, Sent: 20, Answered: 20}, got, untimed); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			over := upstream.UDP
			if transport == TCP {
				over = upstream.TCP
			}
			if seen := s.Counts(); seen[over] != 20 {
				t.Errorf("the server has seen %v", seen)
			}
			if got.P50 <= 0 || got.P99 < got.P50 || got.LongestGap <= 0 {
				t.Errorf("p50 %g, p99 %g, longest gap %g", got.P50, got.P99, got.LongestGap)
			}
		})
	}
}

// TestLost has the server not answer the first three.
func TestLost(t *testing.T) {
	for _, transport := range Transports {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			c := ask(server(t, upstream.Losing(3)), transport)
			c.Timeout = 3 * time.Second // what else there is takes microseconds
			got := counts(t, c)
			if got.Sent != 20 || got.Answered != 17 || got.Lost != 3 || got.Wrong != 0 || len(got.Failures) != 3 {
				t.Errorf("got %+v", got)
			}
			for _, f := range got.Failures {
				if f.What != "lost: timeout" || f.Number < 1 || f.Number > 20 {
					t.Errorf("got %+v", f)
				}
			}
			if got.LongestGap < 2 {
				t.Errorf("the end is three seconds after the last answer, and the longest gap %g", got.LongestGap)
			}
		})
	}
}

func TestWrong(t *testing.T) {
	for _, c := range []struct {
		name  string
		mode  upstream.Mode
		qname string
		qtype uint16
		want  string
	}{
		{"lies", upstream.Lying, "a.example.org", dns.TypeA, "wrong: [203.0.113.66]"},
		{"SERVFAIL", upstream.ServFail, "a.example.org", dns.TypeA, "wrong: SERVFAIL"},
		{"NXDOMAIN", upstream.Honest, "b.example.org", dns.TypeA, "wrong: NXDOMAIN"},
		{"NODATA", upstream.Honest, "a.example.org", dns.TypeAAAA, "wrong: no records"},
		{"truncated", upstream.Truncating, "a.example.org", dns.TypeA, "wrong: truncated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := ask(server(t, c.mode), UDP)
			config.Name, config.Type, config.Count = c.qname, c.qtype, 2
			want := Count{Transport: UDP, Sent: 2, Wrong: 2, Failures: []Failure{{Number: 1, What: c.want}, {Number: 2, What: c.want}}}
			if diff := cmp.Diff(want, counts(t, config), untimed); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestConfused gets answers to another question: they answer nothing.
func TestConfused(t *testing.T) {
	for _, transport := range Transports {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			c := ask(server(t, upstream.Confused), transport)
			c.Timeout, c.Count = 100*time.Millisecond, 2
			if got := counts(t, c); got.Lost != 2 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestSlow(t *testing.T) {
	const slow = 50 * time.Millisecond
	got := counts(t, ask(server(t, upstream.Slow(slow)), Sticky))
	if got.Answered != 20 || got.P50 < slow.Seconds() {
		t.Errorf("got %+v", got)
	}
}

// TestNobody asks where nobody listens.
func TestNobody(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	where := netip.MustParseAddrPort(l.LocalAddr().String())
	_ = l.Close()
	for _, transport := range Transports {
		r, err := Start(t.Context(), Config{Server: where, Transports: []Transport{transport}, Name: "a.example.org", QPS: 1000, Count: 5, Timeout: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		report := r.Wait()
		if got := report.Counts[0]; got.Sent != 5 || got.Lost != 5 || report.Good() {
			t.Errorf("%s: got %+v", transport, got)
		}
	}
}

// TestStop ends a run that has no end: what is under way is still counted.
func TestStop(t *testing.T) {
	s := server(t, upstream.Slow(100*time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	c := ask(s, UDP)
	c.Transports, c.Count = Transports, 0
	r, err := Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Await(t.Context(), 30); err != nil {
		t.Fatal(err)
	}
	if first := r.Report(); first.Final || !slices.ContainsFunc(first.Counts, func(c Count) bool { return c.Sent > 0 }) {
		t.Errorf("the report on the way is %+v", first)
	}
	cancel()
	report := r.Wait()
	if !report.Final || !report.Good() {
		t.Errorf("got %+v", report)
	}
}

func TestDuration(t *testing.T) {
	c := ask(server(t, upstream.Honest), UDP)
	c.Count, c.Duration = 0, 50*time.Millisecond
	if got := counts(t, c); got.Sent == 0 || got.Answered != got.Sent {
		t.Errorf("got %+v", got)
	}
}

// TestNext does not make up for what could not be asked.
func TestNext(t *testing.T) {
	const interval = 50 * time.Millisecond
	at := time.Now()
	for _, c := range []struct {
		name      string
		now, want time.Duration // since at
	}{
		{"in time", 0, interval},
		{"a little late", 20 * time.Millisecond, interval},
		{"later", 120 * time.Millisecond, interval},
		{"after a minute", time.Minute, time.Minute - behind},
	} {
		if got := next(at, at.Add(c.now), interval).Sub(at); got != c.want {
			t.Errorf("%s: the next one is after %s, want %s", c.name, got, c.want)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	good := Config{Server: netip.MustParseAddrPort("127.0.0.1:53"), Name: "a.example.org", QPS: 1, Count: 1}
	if _, err := good.check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no server":   func(c *Config) { c.Server = netip.AddrPort{} },
		"no name":     func(c *Config) { c.Name = "a..b" },
		"no rate":     func(c *Config) { c.QPS = 0 },
		"too fast":    func(c *Config) { c.QPS = 10_001 },
		"too few":     func(c *Config) { c.Count = -1 },
		"no such":     func(c *Config) { c.Transports = []Transport{"quic"} },
		"twice":       func(c *Config) { c.Transports = []Transport{UDP, UDP} },
		"before time": func(c *Config) { c.Timeout = -1 },
	} {
		c := good
		spoil(&c)
		if _, err := Start(t.Context(), c); err == nil {
			t.Errorf("%s: it starts", name)
		}
	}
}
