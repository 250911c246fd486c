// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
	"github.com/clusterdns/clusterdns/test/bench/internal/load"
	"github.com/clusterdns/clusterdns/test/bench/internal/proc"
	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

const sockets = 8

// mixes measures what a query of each mix costs each server.
func (b *bench) mixes(ctx context.Context) error {
	mixes := world.New(b.world).Mixes()
	cells := b.mixCells(mixes)
	if b.allDone(cells) {
		return nil
	}
	l, err := b.theLab(ctx)
	if err != nil {
		return err
	}
	if err := l.compare(ctx, mixes); err != nil {
		return err
	}
	if err := b.apart(b.otherCores); err != nil {
		return err
	}
	defer func() { _ = b.apart(b.allCores) }() // it was possible before
	for round := 1; round <= b.rounds; round++ {
		for _, m := range mixes {
			var line []string
			for _, k := range turn(round, kinds) {
				if !b.has(k) || !takesPart(k, m) {
					continue
				}
				r, err := b.mixCell(ctx, l, round, k, m)
				if err != nil {
					return err
				}
				line = append(line, fmt.Sprintf("%s %.4g", k.name, r.Values["cpu_us"]))
			}
			b.say("round %d of %d, %s, us/query: %s%s", round, b.rounds, m.Name, strings.Join(line, "  "), b.left(cells))
		}
	}
	return nil
}

// takesPart: the floor is not asked for what it cannot have. Knot answers
// SERVFAIL by TCP when an RRset takes more than 64 KiB.
func takesPart(k kind, m world.Mix) bool {
	if k.binary == knotBinary && m.TCP && len(m.Addrs) > 4000 {
		return false
	}
	return k.plugin != "whoami" || m.Floor()
}

func (b *bench) mixCells(mixes []world.Mix) []journal.Cell {
	var cells []journal.Cell
	for round := 1; round <= b.rounds; round++ {
		for _, m := range mixes {
			for _, k := range kinds {
				if b.has(k) && takesPart(k, m) {
					cells = append(cells, journal.Cell{Phase: "mix", Round: round, Server: k.name, Mix: m.Name})
				}
			}
		}
	}
	return cells
}

func (b *bench) allDone(cells []journal.Cell) bool {
	for _, c := range cells {
		if !b.journal.Done(c) {
			return false
		}
	}
	return true
}

// left says how long the rest of the cells will take.
func (b *bench) left(cells []journal.Cell) string {
	todo := 0
	for _, c := range cells {
		if !b.journal.Done(c) {
			todo++
		}
	}
	each := b.warm + b.scale.measure + 250*time.Millisecond // to look around
	return fmt.Sprintf("; %d%%, %s left", 100-100*todo/len(cells), (time.Duration(todo) * each).Truncate(time.Second))
}

func (b *bench) mixCell(ctx context.Context, l *lab, round int, k kind, m world.Mix) (journal.Record, error) {
	c := journal.Cell{Phase: "mix", Round: round, Server: k.name, Mix: m.Name}
	return b.cell(ctx, c, true, func(ctx context.Context) (values, string, error) {
		s, err := l.get(ctx, k)
		if err != nil {
			return nil, "", err
		}
		return b.loaded(ctx, s, m)
	})
}

// A reading is what a server has done and spent so far.
type reading struct {
	at      time.Time
	counts  load.Counts
	cpu     time.Duration
	mallocs float64
	asked   load.Counts // when mallocs was read
}

func read(s *server, pids []int, l *load.Load) (reading, error) {
	var r reading
	var err error
	if s.metered() {
		if r.mallocs, err = s.mallocs(); err != nil {
			return r, err
		}
	}
	r.asked = l.Counts()
	if r.cpu, err = proc.TreeCPU(pids); err != nil {
		return r, errors.Join(err, s.ended())
	}
	r.counts, r.at = l.Counts(), time.Now()
	return r, nil
}

// loaded puts a server under load and returns what a query costs.
func (b *bench) loaded(ctx context.Context, s *server, m world.Mix) (values, string, error) {
	wire, err := m.Wire()
	if err != nil {
		return nil, "", err
	}
	scrape, err := s.scrapeCost()
	if err != nil {
		return nil, "", err
	}
	pids := proc.Tree(s.pid())
	l := load.Start(ctx, load.Plan{Server: s.addr, Queries: wire, TCP: m.TCP, Sockets: sockets, Window: m.Window})
	sleep(ctx, b.warm)
	before, err := read(s, pids, l)
	sleep(ctx, b.scale.measure)
	after, err2 := read(s, pids, l)
	err3 := l.Stop()
	if err := errors.Join(err, err2, err3, context.Cause(ctx)); err != nil {
		return nil, "", err
	}
	c := after.counts.Minus(before.counts)
	if c.Received == 0 {
		return nil, "", fmt.Errorf("%s answers nothing of %s", s.name, m.Name)
	}
	n := float64(c.Received)
	v := values{
		"cpu_us":  (after.cpu - before.cpu).Seconds() * 1e6 / n,
		"qps":     n / after.at.Sub(before.at).Seconds(),
		"lost":    float64(c.Lost),
		"tc":      float64(c.Truncated) / n,
		"bytes":   float64(c.Bytes) / n,
		"queries": n,
	}
	if s.metered() {
		v["allocs"] = (after.mallocs - before.mallocs - scrape) / float64(after.asked.Minus(before.asked).Received)
	}
	if err := expected(s, m, c); err != nil {
		return nil, "", err
	}
	if lost := float64(c.Lost) / n; lost > 0.001 {
		return v, fmt.Sprintf("%.2f%% of the queries were lost", lost*100), nil
	}
	return v, "", nil
}

// scrapeCost is what reading the metrics allocates.
func (s *server) scrapeCost() (float64, error) {
	if !s.metered() {
		return 0, nil
	}
	first, err := s.mallocs()
	if err != nil {
		return 0, err
	}
	second, err := s.mallocs()
	return second - first, err
}

// expected returns an error if the response codes under load are not those of
// the mix: to refuse is cheap.
func expected(s *server, m world.Mix, c load.Counts) error {
	denials := 0.0
	switch {
	case s.plugin == "whoami":
	case m.Name == "nxdomain":
		denials = 1
	case m.Name == "ndots":
		denials = 0.75
	}
	got := float64(c.Rcodes[dns.RcodeNameError]) / float64(c.Received)
	other := c.Received - c.Rcodes[dns.RcodeNameError] - c.Rcodes[dns.RcodeSuccess]
	// A window may end in the middle of a group of eight queries.
	if other > 0 || math.Abs(got-denials) > 0.02+8*sockets/float64(c.Received)*denials*(1-denials) {
		return fmt.Errorf("%s under load with %s: response codes %v are not what they should be", s.name, m.Name, c.Rcodes)
	}
	return nil
}
