// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package report makes tables, a plot and a page of what was measured. It
// decides nothing that is not in the records: the page and the CSV cannot differ.
package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
	"github.com/clusterdns/clusterdns/test/bench/internal/stat"
)

// Facts is what a reader must know to judge the numbers.
type Facts struct {
	Size, Date, Commit string
	Quick, Real        bool
	Rounds             int
	Processor          string
	Processors         int
	Memory, Kernel, Go string
	Services           int // that queries are for
	MemoryServices     int
	Programs           map[string]string
	MemoryPods         int
}

// A Run is all that was measured of one size.
type Run struct {
	Facts   Facts
	Records []journal.Record
}

// Sizes in the order in which a page trusts them.
var sizes = []string{"L", "M", "S"}

func folder(repo string) string { return filepath.Join(repo, "docs", "benchmarks") }

// Save writes the CSV, the facts and the plot.
func (r Run) Save(repo string) error {
	dir := folder(repo)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var table bytes.Buffer
	if err := journal.WriteCSV(&table, r.Records); err != nil {
		return err
	}
	facts, err := json.MarshalIndent(r.Facts, "", "  ")
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		r.Facts.Size + ".csv":  table.Bytes(),
		r.Facts.Size + ".json": append(facts, '\n'),
		r.Facts.Size + ".svg":  r.plot(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Load reads what [Run.Save] wrote, the largest size first.
func Load(repo string) ([]Run, error) {
	var runs []Run
	for _, size := range sizes {
		facts, err := os.ReadFile(filepath.Join(folder(repo), size+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var r Run
		if err := json.Unmarshal(facts, &r.Facts); err != nil {
			return nil, fmt.Errorf("reading the facts of size %s: %w", size, err)
		}
		table, err := os.ReadFile(filepath.Join(folder(repo), size+".csv"))
		if err != nil {
			return nil, err
		}
		if r.Records, err = journal.ReadCSV(bytes.NewReader(table)); err != nil {
			return nil, fmt.Errorf("reading %s.csv: %w", size, err)
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// pick returns the values of a metric by round.
func (r Run) pick(phase, server, mix, metric string) map[int]float64 {
	return journal.Pick(r.Records, phase, server, mix, metric)
}

// estimate is the median of a metric over the rounds.
func (r Run) estimate(phase, server, mix, metric string) stat.Estimate {
	return stat.Bootstrap(flat(r.pick(phase, server, mix, metric)))
}

// ratio is the median of the ratios of two servers in the same rounds.
func (r Run) ratio(phase, mix, metric, of, to string) stat.Estimate {
	return stat.Ratio(r.pick(phase, of, mix, metric), r.pick(phase, to, mix, metric))
}

// within is the median of the ratios of two metrics of one server.
func (r Run) within(phase, server, mix, of, to string) stat.Estimate {
	return stat.Ratio(r.pick(phase, server, mix, of), r.pick(phase, server, mix, to))
}

// flat returns the values in the order of the rounds.
func flat(byRound map[int]float64) []float64 {
	var values []float64
	for _, round := range slices.Sorted(maps.Keys(byRound)) {
		values = append(values, byRound[round])
	}
	return values
}

// names returns what the records have of a phase, in the order in which it first occurs.
func (r Run) names(phase string, of func(journal.Cell) string) []string {
	var all []string
	for _, rec := range r.Records {
		if rec.Phase == phase && !slices.Contains(all, of(rec.Cell)) {
			all = append(all, of(rec.Cell))
		}
	}
	return all
}

func (r Run) mixes(phase string) []string {
	return r.names(phase, func(c journal.Cell) string { return c.Mix })
}

// order is that of servers in tables.
var order = []string{"stock-cache", "stock", "ours", "ours-cache", "whoami", "whoami-bare", "nsd", "knot"}

func (r Run) servers(phase string) []string {
	have := r.names(phase, func(c journal.Cell) string { return c.Server })
	var all []string
	for _, name := range order {
		if slices.Contains(have, name) {
			all = append(all, name)
		}
	}
	return all
}

// discarded counts measurements that do not count.
func (r Run) discarded() (count, disturbed int) {
	for _, rec := range r.Records {
		if rec.Discarded != "" {
			count++
		}
		if rec.Note != "" {
			disturbed++
		}
	}
	return count, disturbed
}
