// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"os"
	"time"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
	"github.com/clusterdns/clusterdns/test/bench/internal/proc"
)

// attempts is how often a measurement is made when others disturb it.
const attempts = 3

// values of a measurement by metric.
type values map[string]float64

// A method makes a measurement. What is not nil says why it does not count.
type method func(context.Context) (values, string, error)

// cell makes a measurement unless it was made already, again if it was
// disturbed, and keeps it.
func (b *bench) cell(ctx context.Context, c journal.Cell, quiet bool, m method) (journal.Record, error) {
	var r journal.Record
	if b.journal.Done(c) {
		return b.recorded(c), nil
	}
	for range attempts {
		if err := context.Cause(ctx); err != nil {
			return r, err
		}
		before := proc.Look(b.family()...)
		v, complaint, err := m(ctx)
		if err != nil {
			return r, err
		}
		if quiet && complaint == "" {
			complaint = proc.Look(b.family()...).Since(before).Complaint()
		}
		r = journal.Record{Cell: c, Values: v, Discarded: complaint}
		if complaint == "" {
			break
		}
		if b.noisy {
			r.Discarded, r.Note = "", complaint
			break
		}
		b.say("%s %s %s: %s", c.Phase, c.Server, c.Mix, complaint)
	}
	return r, b.journal.Add(r)
}

func (b *bench) recorded(c journal.Cell) journal.Record {
	for _, r := range b.journal.Records() {
		if r.Cell == c && r.Discarded == "" {
			return r
		}
	}
	return journal.Record{Cell: c}
}

// family are the processes whose load is no noise: all servers are our children.
func (b *bench) family() []int { return []int{os.Getpid()} }

// turn returns the kinds in the order of a round: there and back again, so
// that a machine that gets slower and slower is unjust to no one.
func turn(round int, all []kind) []kind {
	ordered := make([]kind, len(all))
	for i, k := range all {
		if round%2 == 0 {
			i = len(all) - 1 - i
		}
		ordered[i] = k
	}
	return ordered
}

// sleep returns early when ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
