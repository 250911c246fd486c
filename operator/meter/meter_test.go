// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"

	"github.com/clusterdns/clusterdns/operator/counter"
	"github.com/clusterdns/clusterdns/test/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A running meter asks a server of ours.
type running struct {
	url    string
	server *upstream.Server
	stop   func() (Counts, error)
}

func start(t *testing.T, mode upstream.Mode, q counter.Config) running {
	t.Helper()
	s, err := upstream.Start(upstream.Config{Records: []string{"a.example.org. 60 IN A 192.0.2.1"}})
	if err != nil {
		t.Fatal(err)
	}
	s.Set(mode)
	ctx, cancel := context.WithCancel(t.Context())
	q.Server, q.Name = s.Address(upstream.UDP), "a.example.org"
	listening := make(chan net.Addr, 1)
	type result struct {
		counts Counts
		err    error
	}
	done := make(chan result, 1)
	go func() {
		c, err := Run(ctx, Options{Questions: q, Address: "127.0.0.1:0", Listening: func(a net.Addr) { listening <- a }})
		done <- result{c, err}
	}()
	r := running{server: s}
	r.stop = func() (Counts, error) {
		cancel()
		got := <-done
		done <- got
		return got.counts, got.err
	}
	t.Cleanup(func() {
		_, _ = r.stop()
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	r.url = "http://" + (<-listening).String()
	return r
}

func (r running) get(t *testing.T, path string) string {
	t.Helper()
	resp, err := http.Get(r.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %v", path, resp.Status, err)
	}
	return string(text)
}

func (r running) counts(t *testing.T) Counts {
	t.Helper()
	c, err := Read(strings.NewReader(r.get(t, PathCounts)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestMeter has a server that takes three questions and does not answer them.
func TestMeter(t *testing.T) {
	before := time.Now().Truncate(0)
	r := start(t, upstream.Losing(3), counter.Config{QPS: 200, Timeout: 3 * time.Second})
	if err := r.server.Await(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	on := r.counts(t)
	if on.Sum().Asked < 90 || on.Since.Before(before) || on.Since.After(time.Now()) {
		t.Errorf("on the way it has %+v", on)
	}
	if got := r.get(t, PathHealth); got != "ok\n" {
		t.Errorf("it says of its health %q", got)
	}
	got, err := r.stop()
	if err != nil {
		t.Fatal(err)
	}
	if sum := got.Sum(); len(got.Transports) != 3 || sum.Lost != 3 || sum.Wrong != 0 || sum.Asked < on.Sum().Asked || got.Good() {
		t.Errorf("got %+v", got)
	}
	if !got.Since.Equal(on.Since) || got.LastLoss == nil || got.LastLoss.Before(got.Since) || got.LastLoss.After(time.Now()) {
		t.Errorf("it is since %s, before that it was %s; the last loss %v", got.Since, on.Since, got.LastLoss)
	}
}

// TestEnd goes on serving until the last answer is there, and not longer.
func TestEnd(t *testing.T) {
	r := start(t, upstream.Slow(200*time.Millisecond), counter.Config{QPS: 100})
	if err := r.server.Await(t.Context(), 30); err != nil {
		t.Fatal(err)
	}
	if got, err := r.stop(); err != nil || !got.Good() || got.Sum().Asked < 30 || got.LastLoss != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if resp, err := http.Get(r.url + PathHealth); err == nil {
		_ = resp.Body.Close()
		t.Error("it serves on")
	}
}

// TestMetrics lints the metrics; docs/operator.md has each with its labels.
func TestMetrics(t *testing.T) {
	r := start(t, upstream.ServFail, counter.Config{QPS: 100})
	if err := r.server.Await(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	text := r.get(t, PathMetrics)
	for _, name := range []string{"queries_total{transport=\"tcp\"} ", "lost_total{reason=\"wrong\",transport=\"udp\"} ", "longest_gap_seconds{transport=\"udp-sticky\"} "} {
		if !strings.Contains(text, "\nclusterdns_meter_"+name) {
			t.Errorf("there is no %s in\n%s", name, text)
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{func() counter.Report {
		return counter.Report{Counts: []counter.Count{{Transport: counter.UDP, Sent: 9, Lost: 1, Wrong: 2, Answered: 6}}}
	}})
	families, err := registry.Gather()
	if err != nil || len(families) != 3 {
		t.Fatalf("%d metrics, want 3: %v", len(families), err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
	manual, err := os.ReadFile("../../docs/operator.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		name := f.GetName()
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		_, rest, found := strings.Cut(string(manual), "* `"+name+"{")
		documented, _, _ := strings.Cut(rest, "}")
		if got := strings.Split(documented, ", "); !found || !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(labels))) {
			t.Errorf("docs/operator.md has %s with the labels %v, want %v", name, got, labels)
		}
	}
}

// TestStart fails with a remedy.
func TestStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := Run(t.Context(), Options{Address: l.Addr().String()}); err == nil || !strings.Contains(err.Error(), "--address") {
		t.Errorf("the address is in use: got %v", err)
	}
	if _, err := Run(t.Context(), Options{Address: "127.0.0.1:0"}); err == nil || !strings.Contains(err.Error(), "counting") {
		t.Errorf("there is nothing to ask: got %v", err)
	}
}

func TestRead(t *testing.T) {
	const since = `{"since":"2026-01-01T00:00:00Z","transports":`
	for _, c := range []struct{ name, text, want string }{
		{"good", since + `{"udp":{"asked":3,"lost":1,"wrong":2}}}`, ""},
		{"another field", since + `{"udp":{"asked":3}},"new":1}`, ""},
		{"nothing", ``, "reading the counts"},
		{"a page", `<html>`, "reading the counts"},
		{"no time", `{"transports":{"udp":{"asked":3}}}`, "this is no meter"},
		{"no transport", since + `{}}`, "this is no meter"},
		{"many transports", since + `{"a":{},"b":{},"c":{},"d":{},"e":{},"f":{},"g":{}}}`, "no 7 transports"},
		{"more lost than asked", since + `{"udp":{"asked":3,"lost":4}}}`, "cannot be"},
		{"more wrong than is left", since + `{"udp":{"asked":3,"lost":2,"wrong":2}}}`, "cannot be"},
		{"negative", since + `{"udp":{"asked":3,"lost":-1}}}`, "cannot be"},
		{"overflow", since + `{"udp":{"asked":9223372036854775807}}}`, "cannot be"},
		{"huge", since + strings.Repeat(" ", 64<<10) + `{"udp":{}}}`, "longer than 65536"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Read(strings.NewReader(c.text))
			switch {
			case c.want == "" && (err != nil || got.Sum().Asked != 3):
				t.Errorf("got %+v, %v", got, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %+v, %v, want %q", got, err, c.want)
			}
		})
	}
}
