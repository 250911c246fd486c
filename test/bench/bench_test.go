// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/bench/internal/load"
	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		args string
		want string // of what is not the default, or the error
	}{
		{"", "S save=true"},
		{"--size m --only mix,tail --rounds 3", "M save=true [mix tail] 3"},
		{"--quick", "S save=false quick"},
		{"--quick --save yes", "S save=true quick"},
		{"report", "S save=true report"},
		{"--size XL", "usage"},
		{"--only speed", "usage"},
		{"again", "usage"},
		{"--help", "flag: help requested"},
	} {
		o, err := parse(strings.Fields(c.args), io.Discard, io.Discard)
		got := fmt.Sprintf("%s save=%t", o.size, o.save)
		if o.only != nil {
			got += fmt.Sprint(" ", o.only)
		}
		if o.repeat > 0 {
			got += fmt.Sprint(" ", o.scale().rounds)
		}
		if o.quick {
			got += " quick"
		}
		if o.report {
			got += " report"
		}
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.args, got, c.want)
		}
	}
}

func TestPhaseNames(t *testing.T) {
	var names []string
	for _, p := range phases {
		names = append(names, p.name)
	}
	if !slices.Equal(names, phaseNames()) {
		t.Errorf("phases are %q, the help says %q", names, phaseNames())
	}
}

// TestTurn: there and back again.
func TestTurn(t *testing.T) {
	names := func(all []kind) string {
		text := ""
		for _, k := range all {
			text += k.name + " "
		}
		return text
	}
	all := []kind{stock, ours, whoami}
	if got := names(turn(1, all)) + names(turn(2, all)); got != "stock ours whoami whoami ours stock " {
		t.Errorf("got %s", got)
	}
}

// TestCorefile holds the chains of stock and ours to be the same.
func TestCorefile(t *testing.T) {
	src := source{api: endpoint("http://127.0.0.1:1"), pods: "insecure"}
	stockText, oursText := stock.corefile(ports{}, src), ours.corefile(ports{}, src)
	if got := strings.ReplaceAll(oursText, "clusterdns", "kubernetes"); got != stockText {
		t.Errorf("ours is\n%s, stock\n%s", oursText, stockText)
	}
	if got := stockCache.corefile(ports{}, src); strings.ReplaceAll(got, "    cache 30\n", "") != stockText {
		t.Errorf("with a cache\n%s, without\n%s", got, stockText)
	}
	if got := whoamiBare.corefile(ports{}, src); strings.Contains(got, "prometheus") || !strings.Contains(got, "whoami") {
		t.Errorf("bare: %s", got)
	}
}

func TestExpected(t *testing.T) {
	s := &server{kind: ours}
	counts := func(good, denied, failed uint64) load.Counts {
		c := load.Counts{Received: good + denied + failed}
		c.Rcodes[dns.RcodeSuccess], c.Rcodes[dns.RcodeNameError], c.Rcodes[dns.RcodeServerFailure] = good, denied, failed
		return c
	}
	for name, c := range map[string]struct {
		mix    string
		counts load.Counts
		good   bool
	}{
		"all right":   {"a", counts(1000, 0, 0), true},
		"a denial":    {"a", counts(900, 100, 0), false},
		"a failure":   {"a", counts(999, 0, 1), false},
		"denied":      {"nxdomain", counts(0, 1000, 0), true},
		"ndots":       {"ndots", counts(250, 750, 0), true},
		"ndots is NX": {"ndots", counts(0, 1000, 0), false},
	} {
		if err := expected(s, world.Mix{Name: c.mix}, c.counts); (err == nil) != c.good {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestPick: of a mix that repeats itself every eight queries, all sorts are compared.
func TestPick(t *testing.T) {
	var all []*dns.Msg
	for i := range 8000 {
		all = append(all, &dns.Msg{MsgHdr: dns.MsgHdr{Id: uint16(i % 8)}})
	}
	sorts := map[uint16]bool{}
	for _, q := range pick(all) {
		sorts[q.Id] = true
	}
	if len(sorts) != 8 {
		t.Errorf("got %d of 8 sorts", len(sorts))
	}
}
