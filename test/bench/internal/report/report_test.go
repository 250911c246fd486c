// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
	"github.com/clusterdns/clusterdns/test/bench/internal/stat"
)

// run is one in which ours costs half of stock, but not for PTR.
func run(size string) Run {
	r := Run{Facts: Facts{Size: size, Rounds: 5, Commit: "0123abc", Programs: map[string]string{"nsd": "NSD version 4.6.1"}}}
	add := func(phase string, round int, server, mix string, values map[string]float64) {
		r.Records = append(r.Records, journal.Record{
			Cell: journal.Cell{Phase: phase, Round: round, Server: server, Mix: mix}, Values: values,
		})
	}
	for round := 1; round <= 5; round++ {
		noise := 1 + 0.02*float64(round)
		for _, mix := range []string{"a", "aaaa-nodata", "nxdomain", "srv", "ptr"} {
			ours := 17.0
			if mix == "ptr" {
				ours = 40
			}
			add("mix", round, "stock", mix, map[string]float64{"cpu_us": 34 * noise, "allocs": 64})
			add("mix", round, "ours", mix, map[string]float64{"cpu_us": ours * noise, "allocs": 30})
			add("mix", round, "whoami", mix, map[string]float64{"cpu_us": 16.5 * noise, "allocs": 44})
		}
		add("bytes", round, "ours", "one", map[string]float64{"service": 400, "endpoint": 61, "pod": 95})
		add("memory", round, "ours", "list", map[string]float64{"rss": 100e6, "relist_peak": 150e6})
		add("limit", round, "ours", "list", map[string]float64{"start": 1, "relist": float64(round % 2)})
		add("propagation", round, "ours", "endpoint", map[string]float64{"ms": float64(round)})
	}
	return r
}

// verdicts returns those of the marks by what they are about.
func verdicts(runs ...Run) map[string]verdict {
	all := map[string]verdict{}
	for _, m := range marks {
		findings, _ := m.judged(runs)
		all[m.what] = worst(findings)
	}
	return all
}

func TestVerdicts(t *testing.T) {
	got := verdicts(run("M"))
	for what, want := range map[string]verdict{
		"live heap per Service with a slice of 2 endpoints": met,
		"live heap per further endpoint":                    notMet,
		"live heap per verified pod, no labels asked for":   met,
		"the same with labels":                              unknown,
		"50k Services + 100k endpoints: RSS":                otherway,
		"10k Services x 10 endpoints under a 170 MB limit":  notMet,
		"CPU per query, same chain without `cache`":         notMet, // because of ptr
		"headless, A over UDP":                              unknown,
		"allocations in our handler, any answer size":       unknown,
		"propagation p99, quiet cluster":                    met,
		"p99 at half load under 200 updates/s":              unknown,
		"time to ready":                                     unknown,
	} {
		if got[what] != want {
			t.Errorf("%s: got %q, want %q", what, got[what], want)
		}
	}
	got = verdicts(run("L"), run("M"))
	if v := got["50k Services + 100k endpoints: RSS"]; v != met {
		t.Errorf("RSS of size L: got %q, want %q", v, met)
	}
	if v := got["the same: relist peak"]; v != notMet {
		t.Errorf("relist peak of size L: got %q, want %q", v, notMet)
	}
	for what, v := range verdicts() {
		if v != unknown {
			t.Errorf("without measurements, %s is %q", what, v)
		}
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		e    stat.Estimate
		want verdict
	}{
		{stat.Estimate{}, unknown},
		{stat.Estimate{Median: 1, Low: 0.9, High: 1.1, N: 9}, met},
		{stat.Estimate{Median: 1.05, Low: 0.9, High: 1.2, N: 9}, open},
		{stat.Estimate{Median: 1.3, Low: 1.2, High: 1.4, N: 9}, notMet},
		{stat.Estimate{Median: 1, N: 1}, met},
	} {
		if got := judge(c.e, 1.1, 1, "x").verdict; got != c.want {
			t.Errorf("%+v: got %q, want %q", c.e, got, c.want)
		}
	}
}

// TestPage writes a page from files and looks for what it must say.
func TestPage(t *testing.T) {
	repo := t.TempDir()
	if err := Write(repo); err == nil {
		t.Error("a page of nothing")
	}
	r := run("S")
	r.Records[0].Discarded = "other programs used 80% of a processor"
	if err := r.Save(repo); err != nil {
		t.Fatal(err)
	}
	if err := Write(repo); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(repo, "docs", "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| CPU per query, same chain without `cache` | 1.4 to 1.8 x the `whoami` floor | at most 1.1 x that floor | a 1.03 [1.03, 1.03] x: met<br>",
		"ptr 2.42 [2.42, 2.42] x: not met",
		"* size S, CPU per query, ours / stock: **ptr 1.18 [1.18, 1.18]**\n",
		"Size S: 1 of 95 measurements were disturbed and do not count.",
		"| commit | 0123abc |",
		"| ours | 5.00 | 3.00 | 4.96 | 5.00 |",
		"not measured",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", text)
	}
}

func TestPlot(t *testing.T) {
	d := xml.NewDecoder(strings.NewReader(string(run("S").plot())))
	bars := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "title" {
			bars++
		}
	}
	if bars != 15 {
		t.Errorf("got %d bars, want one for each of 5 mixes and 3 servers", bars)
	}
}
