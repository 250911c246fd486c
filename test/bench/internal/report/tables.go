// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"

	"github.com/clusterdns/clusterdns/test/bench/internal/stat"
)

const mega = 1e6

// Tables returns all tables as text.
func (r Run) Tables() string {
	var b strings.Builder
	for _, t := range r.tables() {
		b.WriteString(t.text())
	}
	return b.String()
}

// tables returns those that there is something to show in.
func (r Run) tables() []table {
	var all []table
	for _, t := range []table{
		r.cost(), r.ratios(), r.allocations(), r.maxima(), r.propagation(), r.tail(), r.overload(), r.ready(),
		r.bytes(), r.memory(), r.limit(),
	} {
		if len(t.rows) > 0 {
			all = append(all, t)
		}
	}
	return all
}

// grid is a table of mixes by servers.
func (r Run) grid(phase, metric, title, note string) table {
	servers := r.servers(phase)
	t := table{title: title, note: note, header: append([]string{"queries"}, servers...)}
	for _, mix := range r.mixes(phase) {
		row := []string{mix}
		any := false
		for _, s := range servers {
			e := r.estimate(phase, s, mix, metric)
			any = any || e.Known()
			row = append(row, median(e))
		}
		if any {
			t.add(row...)
		}
	}
	return t
}

func (r Run) cost() table {
	return r.grid("mix", "cpu_us", "CPU microseconds per query", "User and system time of the server on its one processor, medians.")
}

// comparisons are the ratios worth a column.
var comparisons = []struct{ of, to string }{
	{"ours", "stock"}, {"ours", "stock-cache"}, {"ours-cache", "stock-cache"}, {"ours", "whoami"}, {"stock", "whoami"}, {"ours", "nsd"},
}

func (r Run) ratios() table {
	t := table{
		title:  "Ratios of CPU per query",
		note:   "Medians of the ratios within each round, with bootstrap 95% confidence intervals. Below 1 the first is cheaper.",
		header: []string{"queries"},
	}
	for _, c := range comparisons {
		t.header = append(t.header, c.of+" / "+c.to)
	}
	for _, mix := range r.mixes("mix") {
		row := []string{mix}
		for _, c := range comparisons {
			row = append(row, interval(r.ratio("mix", mix, "cpu_us", c.of, c.to)))
		}
		t.add(row...)
	}
	return t
}

func (r Run) allocations() table {
	t := r.grid("mix", "allocs", "Allocations per query of the whole server", "Counted by the Go runtime, over all of a measurement.")
	if len(t.header) == 1 {
		t.rows = nil
	}
	return t
}

func (r Run) maxima() table {
	return r.grid("max", "qps", "Highest rate by dnsperf, queries per second",
		"The server has one processor and dnsperf the other; of NSD and Knot it may be dnsperf that is at its end.")
}

func (r Run) propagation() table {
	t := table{
		title:  "Propagation, milliseconds",
		note:   "From when the API server acknowledged a change to the first right answer; a client asks once a millisecond.",
		header: []string{"server", "changes", "p50", "p99", "max"},
	}
	for _, s := range r.servers("propagation") {
		all := flat(r.pick("propagation", s, "endpoint", "ms"))
		t.add(s, number(float64(len(all))), number(stat.Median(all)), number(stat.Quantile(all, 0.99)), number(stat.Quantile(all, 1)))
	}
	return t
}

func (r Run) tail() table {
	t := table{
		title:  "Latency at half load, microseconds",
		note:   "All servers get half of what stock without a cache can do, of names that do not change, while nothing changes or 200 EndpointSlices a second are to: so many the API server took, which shares a processor with the queries. Medians over the rounds.",
		header: []string{"server", "", "updates/s", "p50", "p90", "p99", "p99.9"},
	}
	for _, s := range r.servers("tail") {
		for _, what := range []string{"idle", "updates"} {
			row := []string{s, what, "0"}
			if what == "updates" {
				row[2] = median(r.estimate("tail", s, what, "updates_per_s"))
			}
			for _, p := range []string{"p50_us", "p90_us", "p99_us", "p999_us"} {
				row = append(row, median(r.estimate("tail", s, what, p)))
			}
			t.add(row...)
		}
	}
	return t
}

func (r Run) overload() table {
	t := table{
		title:  "Three times the highest rate",
		note:   "Each server is offered three times what it can do. Goodput is right answers per second.",
		header: []string{"server", "highest", "offered", "goodput", "share of highest", "recovered after ms", "RssAnon peak MB"},
	}
	for _, s := range r.servers("overload") {
		row := []string{s}
		for _, m := range []string{"max_qps", "offered", "goodput"} {
			row = append(row, median(r.estimate("overload", s, "a", m)))
		}
		row = append(row, interval(r.estimate("overload", s, "a", "share")), median(r.estimate("overload", s, "a", "recovery_ms")),
			scaled(r.estimate("overload", s, "a", "anon_peak"), mega))
		t.add(row...)
	}
	return t
}

func (r Run) ready() table {
	t := table{
		title:  "Start, milliseconds",
		note:   "Right answers are those for the last Service and the largest headless Service. A client that throws everything away needs the time of the last row.",
		header: []string{"server", "right answers after", "/ready after"},
	}
	for _, s := range r.servers("ready") {
		t.add(s, interval(r.estimate("ready", s, "start", "answer_ms")), interval(r.estimate("ready", s, "start", "ready_ms")))
	}
	if e := r.estimate("ready", "api-server", "start", "list_ms"); e.Known() {
		t.add("API server alone", interval(e), none)
	}
	return t
}

func (r Run) bytes() table {
	t := table{
		title:  "Live heap of one more object, bytes",
		note:   "Slopes between an empty cluster and one with many of them, after garbage collection; pods verified, no labels asked for.",
		header: []string{"server", "Service with a slice of 2 endpoints", "further endpoint", "verified pod"},
	}
	for _, s := range r.servers("bytes") {
		row := []string{s}
		for _, m := range []string{"service", "endpoint", "pod"} {
			row = append(row, median(r.estimate("bytes", s, "one", m)))
		}
		t.add(row...)
	}
	return t
}

func (r Run) memory() table {
	t := table{
		title:  "Memory, MB",
		note:   "RSS is that after a garbage collection and ten seconds, with the pages of the program's file in it. The API server is test/apiserver, which can be told to forget the past so that everything has to be listed again; the objects have the form of real ones.",
		header: []string{"server", "API server with", "RSS", "RssAnon", "live heap", "peak RSS at start", "peak RSS at relist", "relist peak / RSS"},
	}
	for _, mode := range r.mixes("memory") {
		for _, s := range r.servers("memory") {
			row := []string{s, mode}
			for _, m := range []string{"rss", "anon", "heap", "start_peak", "relist_peak"} {
				row = append(row, scaled(r.estimate("memory", s, mode, m), mega))
			}
			t.add(append(row, interval(r.within("memory", s, mode, "relist_peak", "rss")))...)
		}
	}
	return t
}

func (r Run) limit() table {
	t := table{
		title:  "170 MB of memory, 10,000 Services with 10 endpoints each",
		note:   "In a cgroup, as a container would be. Rounds survived of rounds tried.",
		header: []string{"server", "API server with", "start", "relist", "peak MB"},
	}
	for _, mode := range r.mixes("limit") {
		for _, s := range r.servers("limit") {
			t.add(s, mode, share(r.pick("limit", s, mode, "start")), share(r.pick("limit", s, mode, "relist")),
				scaled(r.estimate("limit", s, mode, "peak"), mega))
		}
	}
	return t
}

// share shows how many of the rounds have a 1.
func share(rounds map[int]float64) string {
	sum := 0.0
	for _, v := range rounds {
		sum += v
	}
	return number0(sum) + " of " + number0(float64(len(rounds)))
}
