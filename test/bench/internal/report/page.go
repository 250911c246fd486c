// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Write writes docs/benchmarks.md from docs/benchmarks.
func Write(repo string) error {
	runs, err := Load(repo)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		return fmt.Errorf("%s holds no measurements: run \"make bench\"", filepath.Join("docs", "benchmarks"))
	}
	return os.WriteFile(filepath.Join(repo, "docs", "benchmarks.md"), []byte(page(runs)), 0o644)
}

const intro = `# Benchmarks

CoreDNS with clusterdns beside stock CoreDNS, in one run, on the same objects, in alternating rounds. This page is
written by ` + "`make bench`" + ` from the CSV files in [benchmarks](benchmarks), which have every single measurement.

`

const method = `## How it was measured

| server | what it is |
|---|---|
| stock, stock-cache | CoreDNS as released, with ` + "`kubernetes`" + `: the plugins of kubeadm's Corefile, without and with ` + "`cache 30`" + ` |
| ours, ours-cache | bin/coredns with ` + "`clusterdns`" + `, all else the same |
| whoami | stock CoreDNS with the plugins that a query meets before ` + "`kubernetes`" + `, and ` + "`whoami`" + `: the floor of that server |
| whoami-bare | ` + "`whoami`" + ` alone |
| nsd, knot | the same names from a zone file made of the same objects, one worker, no rate limit: what the machine can do |

* Answers come first: of every kind of query, up to 200 are asked of all servers, and response code, flags, TTLs and records
  have to be those of stock. If they are not, there is no run.
* The server has one processor for itself, all else the other one. Eight sockets keep 16 queries each under way (1 each
  for large headless Services). CPU time is that of the scheduler, user and system, of all threads.
* A round measures all servers after one another, the next round in the opposite order. Ratios are made within a round.
  A measurement does not count if others used more than 5% of a processor, if the hypervisor took more than 3%, or
  if more than 0.1% of the queries were lost.
* kubeadm's own ` + "`ttl 30`" + ` is left out, in favour of stock: with it, cached answers get six times as old.
* Queries are for Services in a real API server, except for size L; memory is measured with test/apiserver.

`

const again = `## Do it again

    make bench                # 1,000 Services
    make bench SIZE=M         # 10,000, for the record
    make bench SIZE=L         # 50,000 with 100,000 endpoints and 50,000 pods

Ctrl-C stops it, the same command goes on. It needs two processors, and nobody else on the machine. On Debian it
fetches NSD, Knot and dnsperf; without them it says so and goes on. The memory limit needs root.

`

// page is the whole text.
func page(runs []Run) string {
	var b strings.Builder
	b.WriteString(intro)
	b.WriteString(warning(runs))
	b.WriteString(goals(runs))
	b.WriteString(better(runs))
	b.WriteString(method)
	b.WriteString(machines(runs))
	b.WriteString(again)
	for _, r := range runs {
		fmt.Fprintf(&b, "## Size %s\n\n![CPU per query](benchmarks/%s.svg)\n\n", r.Facts.Size, r.Facts.Size)
		for _, t := range r.tables() {
			b.WriteString(t.markdown())
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// warning says what numbers are not to be quoted.
func warning(runs []Run) string {
	var b strings.Builder
	for _, r := range runs {
		discarded, disturbed := r.discarded()
		if r.Facts.Quick || disturbed > 0 {
			fmt.Fprintf(&b, "**Size %s is not for the record**: ", r.Facts.Size)
			if r.Facts.Quick {
				b.WriteString("it was a quick run.")
			}
			if r.Facts.Quick && disturbed > 0 {
				b.WriteString(" ")
			}
			if disturbed > 0 {
				fmt.Fprintf(&b, "%d of %d measurements count although others used the machine.", disturbed, len(r.Records))
			}
			b.WriteString("\n\n")
		}
		if discarded > 0 {
			fmt.Fprintf(&b, "Size %s: %d of %d measurements were disturbed and do not count.\n\n", r.Facts.Size, discarded, len(r.Records))
		}
	}
	return b.String()
}

// goals are the marks with what was measured.
func goals(runs []Run) string {
	t := table{header: []string{"what", "stock, when the marks were set", "mark", "ours, measured", "size", "verdict"}}
	for _, m := range marks {
		findings, size := m.judged(runs)
		var texts []string
		for _, f := range findings {
			text := f.text
			if len(findings) > 1 && f.verdict != "" && f.verdict != otherway {
				text += ": " + string(f.verdict)
			}
			texts = append(texts, text)
		}
		stock := m.stock
		if stock == "" {
			stock = none
		}
		t.add(m.what, stock, m.goal, strings.Join(texts, "<br>"), size, string(worst(findings)))
	}
	text := t.markdown()
	return "## Marks\n\n" + text[strings.Index(text, "|"):]
}

// comparison is one of ours with one of stock.
type comparison struct{ phase, metric, what, of, to string }

var contests = []comparison{
	{"mix", "cpu_us", "CPU per query", "ours", "stock"},
	{"mix", "cpu_us", "CPU per query", "ours", "stock-cache"},
	{"mix", "cpu_us", "CPU per query", "ours-cache", "stock-cache"},
	{"max", "qps", "highest rate (here more is better)", "stock", "ours"},
	{"max", "qps", "highest rate (here more is better)", "stock-cache", "ours"},
	{"tail", "p99_us", "p99 at half load", "ours", "stock"},
	{"tail", "p99_us", "p99 at half load", "ours", "stock-cache"},
	{"overload", "share", "share of goodput under overload (here more is better)", "stock", "ours"},
	{"ready", "answer_ms", "time to right answers", "ours", "stock"},
	{"ready", "ready_ms", "time to ready", "ours", "stock"},
	{"memory", "rss", "RSS", "ours", "stock"},
	{"memory", "start_peak", "peak at start", "ours", "stock"},
	{"memory", "relist_peak", "peak at relist", "ours", "stock"},
}

// better lists where stock is as good or better: where the interval of the
// ratio does not lie below 1. What lies above is in bold.
func better(runs []Run) string {
	var b strings.Builder
	for _, r := range runs {
		for _, c := range contests {
			var where []string
			for _, mix := range r.mixes(c.phase) {
				e := r.ratio(c.phase, mix, c.metric, c.of, c.to)
				switch {
				case !e.Known() || e.High < 1:
				case e.Low > 1:
					where = append(where, "**"+mix+" "+interval(e)+"**")
				default:
					where = append(where, mix+" "+interval(e))
				}
			}
			if len(where) > 0 {
				fmt.Fprintf(&b, "* size %s, %s, %s / %s: %s\n", r.Facts.Size, c.what, c.of, c.to, strings.Join(where, ", "))
			}
		}
	}
	text := b.String()
	if text == "" {
		text = "Nowhere, of what was measured.\n"
	}
	return "## Where stock is as good or better\n\nRatios whose interval is not below 1; in bold, where it is above.\n\n" + text + "\n"
}

// machines says on what it was measured.
func machines(runs []Run) string {
	t := table{header: []string{"size"}}
	rows := map[string][]string{}
	keys := []string{"date", "commit", "rounds", "processor", "memory", "kernel", "built with", "Services asked for", "API server", "Services in memory tables"}
	programs := map[string]bool{}
	for _, r := range runs {
		for name := range r.Facts.Programs {
			programs[name] = true
		}
	}
	keys = append(keys, slices.Sorted(maps.Keys(programs))...)
	for _, r := range runs {
		f := r.Facts
		t.header = append(t.header, f.Size)
		api := "test/apiserver"
		if f.Real {
			api = "kube-apiserver, etcd"
		}
		facts := map[string]string{
			"date": f.Date, "commit": f.Commit, "rounds": number0(float64(f.Rounds)), "processor": fmt.Sprintf("%d x %s", f.Processors, f.Processor),
			"memory": f.Memory, "kernel": f.Kernel, "built with": f.Go, "Services asked for": number0(float64(f.Services)), "API server": api,
			"Services in memory tables": number0(float64(f.MemoryServices)),
		}
		maps.Copy(facts, f.Programs)
		for _, k := range keys {
			value := facts[k]
			if value == "" {
				value = "not there"
			}
			rows[k] = append(rows[k], value)
		}
	}
	for _, k := range keys {
		t.add(append([]string{k}, rows[k]...)...)
	}
	text := t.markdown()
	return "## On what\n\n" + text[strings.Index(text, "|"):]
}
