// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"

	"github.com/clusterdns/clusterdns/test/bench/internal/stat"
)

// A verdict on a mark.
type verdict string

const (
	met      verdict = "met"
	notMet   verdict = "not met"
	open     verdict = "open: the interval contains the mark"
	unknown  verdict = "not measured"
	otherway verdict = "not measured at this size"
)

// A finding is what was measured for a mark.
type finding struct {
	text    string
	verdict verdict
}

// A mark is a row of the goals that were set before anything was measured.
type mark struct {
	what, stock, goal string
	size              string // that it is set for; empty is any
	find              func(Run) []finding
}

var marks = []mark{
	{"live heap per Service with a slice of 2 endpoints", "2,990 B", "at most 450 B", "", func(r Run) []finding {
		return []finding{r.atMost("bytes", "ours", "one", "service", 450, 1, "B")}
	}},
	{"live heap per further endpoint", "516 B", "at most 60 B", "", func(r Run) []finding {
		return []finding{r.atMost("bytes", "ours", "one", "endpoint", 60, 1, "B")}
	}},
	{"live heap per verified pod, no labels asked for", "1,037 B", "at most 100 B", "", func(r Run) []finding {
		return []finding{r.atMost("bytes", "ours", "one", "pod", 100, 1, "B")}
	}},
	{"the same with labels", "", "to be printed", "", func(r Run) []finding {
		e := r.estimate("bytes", "ours", "one", "labelled")
		if !e.Known() {
			return []finding{{"", unknown}}
		}
		return []finding{{text: intervalIn(e, 1) + " B"}}
	}},
	{"50k Services + 100k endpoints: RSS", "253-278 MB", "at most 110 MB", "L", func(r Run) []finding {
		return r.each("memory", func(mode string) finding { return r.atMost("memory", "ours", mode, "rss", 110, mega, "MB") })
	}},
	{"the same: relist peak", "721-917 MB", "at most 1.4 x our RSS", "L", func(r Run) []finding {
		return r.each("memory", func(mode string) finding {
			return judge(r.within("memory", "ours", mode, "relist_peak", "rss"), 1.4, 1, "x")
		})
	}},
	{"10k Services x 10 endpoints under a 170 MB limit", "killed", "survives start and relist", "", func(r Run) []finding {
		return r.each("limit", func(mode string) finding { return r.survives(mode) })
	}},
	{"CPU per query, same chain without `cache`", "1.4 to 1.8 x the `whoami` floor", "at most 1.1 x that floor", "", func(r Run) []finding {
		var all []finding
		for _, mix := range []string{"a", "aaaa-nodata", "nxdomain", "srv", "ptr"} {
			all = append(all, named(mix, judge(r.ratio("mix", mix, "cpu_us", "ours", "whoami"), 1.1, 1, "x")))
		}
		return all
	}},
	{"headless, A over UDP", "2,400 us / 49,000 us", "at most 40 us each", "", func(r Run) []finding {
		var all []finding
		for _, mix := range []string{"headless-1000-udp", "headless-5000-udp"} {
			all = append(all, named(mix, r.atMost("mix", "ours", mix, "cpu_us", 40, 1, "us")))
		}
		return all
	}},
	{"allocations in our handler, any answer size", "33 to 100,000", "at most 4", "", func(r Run) []finding {
		held := flat(r.pick("allocs", "ours", "handler", "held"))
		switch {
		case len(held) == 0:
			return []finding{{"", unknown}}
		case held[0] == 1:
			return []finding{{fmt.Sprintf("at most 4 for each of %.0f answers (TestAllocations)", flat(r.pick("allocs", "ours", "handler", "answers"))[0]), met}}
		}
		return []finding{{"TestAllocations fails", notMet}}
	}},
	{"propagation p99, quiet cluster", "up to 5 s", "at most 20 ms", "", func(r Run) []finding {
		all := flat(r.pick("propagation", "ours", "endpoint", "ms"))
		if len(all) == 0 {
			return []finding{{"", unknown}}
		}
		p99 := stat.Quantile(all, 0.99)
		return []finding{{fmt.Sprintf("%s ms (p50 %s ms, %d changes)", number(p99), number(stat.Median(all)), len(all)), compare(p99, 20)}}
	}},
	{"p99 at half load under 200 updates/s", "", "no worse than stock, at most 2 x idle", "", func(r Run) []finding {
		slower := func(server string) stat.Estimate {
			return stat.Ratio(r.pick("tail", server, "updates", "p99_us"), r.pick("tail", server, "idle", "p99_us"))
		}
		idle := slower("ours")
		return []finding{
			named("/ stock", judge(r.ratio("tail", "updates", "p99_us", "ours", "stock"), 1, 1, "x")),
			named("/ idle", judge(idle, 2, 1, "x")),
			named("stock / its idle", finding{text: intervalIn(slower("stock"), 1) + " x"}),
			named("whoami, which watches nothing, / its idle: that much is the API server on the same machine", finding{text: intervalIn(slower("whoami"), 1) + " x"}),
		}
	}},
	{"time to ready", "2.1-2.7 s", "no worse than stock; goal half", "L", func(r Run) []finding {
		return []finding{
			named("/ready", judge(r.ratio("ready", "start", "ready_ms", "ours", "stock"), 1, 1, "x")),
			named("right answers", judge(r.ratio("ready", "start", "answer_ms", "ours", "stock"), 1, 1, "x")),
			named("API server alone "+scaled(r.estimate("ready", "api-server", "start", "list_ms"), 1)+" ms", finding{}),
		}
	}},
}

// atMost judges the median of a metric in a unit.
func (r Run) atMost(phase, server, mix, metric string, limit, unit float64, name string) finding {
	return judge(r.estimate(phase, server, mix, metric), limit, unit, name)
}

// judge says a mark is met only if all of the interval is within it.
func judge(e stat.Estimate, limit, unit float64, name string) finding {
	if !e.Known() {
		return finding{"", unknown}
	}
	f := finding{text: intervalIn(e, unit) + " " + name}
	switch {
	case !e.Sure():
		f.verdict = compare(e.Median/unit, limit)
	case e.High/unit <= limit:
		f.verdict = met
	case e.Low/unit > limit:
		f.verdict = notMet
	default:
		f.verdict = open
	}
	return f
}

func compare(value, limit float64) verdict {
	if value <= limit {
		return met
	}
	return notMet
}

func named(name string, f finding) finding {
	f.text = strings.TrimSpace(name + " " + f.text)
	return f
}

// each judges every mix of a phase.
func (r Run) each(phase string, f func(mix string) finding) []finding {
	var all []finding
	for _, mix := range r.mixes(phase) {
		if !strings.Contains(mix, "pods") { // the mark is for a cluster without
			all = append(all, named(mix, f(mix)))
		}
	}
	if len(all) == 0 {
		return []finding{{"", unknown}}
	}
	return all
}

func (r Run) survives(mode string) finding {
	start, relist := r.pick("limit", "ours", mode, "start"), r.pick("limit", "ours", mode, "relist")
	f := finding{fmt.Sprintf("start %s, relist %s", share(start), share(relist)), met}
	if len(start) == 0 {
		return finding{"", unknown}
	}
	for round := range start {
		if start[round] != 1 || relist[round] != 1 {
			f.verdict = notMet
		}
	}
	return f
}

// worst joins the verdicts of a mark.
func worst(all []finding) verdict {
	rank := []verdict{"", met, open, otherway, unknown, notMet}
	at := 0
	for _, f := range all {
		for i, v := range rank {
			if f.verdict == v {
				at = max(at, i)
			}
		}
	}
	return rank[at]
}

// judged returns what the best run says about a mark: of the size that it is
// set for, else the largest that has it.
func (m mark) judged(runs []Run) (findings []finding, size string) {
	for _, r := range runs {
		if m.size != "" && r.Facts.Size != m.size {
			continue
		}
		if all := m.find(r); worst(all) != unknown {
			return all, r.Facts.Size
		}
	}
	if m.size != "" {
		for _, r := range runs {
			all := m.find(r)
			if worst(all) == unknown {
				continue
			}
			for i := range all {
				all[i].verdict = otherway
			}
			return all, r.Facts.Size
		}
	}
	if len(runs) == 0 {
		return []finding{{"", unknown}}, none
	}
	return m.find(runs[0]), runs[0].Facts.Size
}

func number0(v float64) string { return fmt.Sprintf("%.0f", v) }
