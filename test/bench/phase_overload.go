// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
	"github.com/clusterdns/clusterdns/test/bench/internal/load"
	"github.com/clusterdns/clusterdns/test/bench/internal/proc"
	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

// overloads offers three times what a server can do, and counts the answers.
func (b *bench) overloads(ctx context.Context) error {
	m := world.New(b.world).Mixes()[0]
	who := []kind{stockCache, stock, ours, whoami}
	rounds := min(b.rounds, 5)
	var cells []journal.Cell
	for round := 1; round <= rounds; round++ {
		for _, k := range who {
			cells = append(cells, overloadCell(k, round))
		}
	}
	if b.allDone(cells) {
		return nil
	}
	l, err := b.theLab(ctx)
	if err != nil {
		return err
	}
	if err := b.apart(b.otherCores); err != nil {
		return err
	}
	defer func() { _ = b.apart(b.allCores) }() // it was possible before
	for round := 1; round <= rounds; round++ {
		for _, k := range turn(round, who) {
			r, err := b.cell(ctx, overloadCell(k, round), true, func(ctx context.Context) (values, string, error) {
				return b.overload(ctx, l, k, m)
			})
			if err != nil {
				return err
			}
			v := r.Values
			b.say("overload, round %d of %d, %s: can do %.0f/s, offered %.0f/s, answered %.0f/s, recovered in %.0f ms",
				round, rounds, k.name, v["max_qps"], v["offered"], v["goodput"], v["recovery_ms"])
		}
	}
	return nil
}

func overloadCell(k kind, round int) journal.Cell {
	return journal.Cell{Phase: "overload", Round: round, Server: k.name, Mix: "a"}
}

func (b *bench) overload(ctx context.Context, l *lab, k kind, m world.Mix) (values, string, error) {
	highest, err := b.highest(ctx, l, k, m)
	if err != nil {
		return nil, "", err
	}
	s, err := l.get(ctx, k)
	if err != nil {
		return nil, "", err
	}
	wire, err := m.Wire()
	if err != nil {
		return nil, "", err
	}
	watcher := proc.Watch(s.pid())
	p := load.Pace{Server: s.addr, Queries: wire, Rate: 3 * highest, Duration: 3 * b.scale.measure}
	got, err := p.Go(ctx)
	anon := watcher.Stop()
	if err != nil {
		return nil, "", err
	}
	recovery, err := b.recovery(ctx, s, l)
	if err != nil {
		return nil, "", err
	}
	answered := float64(got.Good)
	if k.plugin == "whoami" {
		answered = float64(got.Received) // its answers have no records in that section
	}
	v := values{
		"max_qps": highest, "offered": float64(got.Sent) / got.Elapsed.Seconds(), "goodput": answered / got.Elapsed.Seconds(),
		"anon_peak": anon, "recovery_ms": recovery,
	}
	v["share"] = v["goodput"] / highest
	if v["offered"] < 2*highest {
		return v, fmt.Sprintf("the generator could offer only %.1f times the highest rate", v["offered"]/highest), nil
	}
	return v, "", nil
}

// recovery is how long it takes until twenty answers in a row come in less
// than 5 ms.
func (b *bench) recovery(ctx context.Context, s *server, l *lab) (float64, error) {
	p, err := newProber(s.addr, question(l.world.Services[0].FQDN()))
	if err != nil {
		return 0, err
	}
	defer p.close()
	begin, row := time.Now(), 0
	last := begin // when the row began
	for row < 20 {
		if time.Since(begin) > 30*time.Second || ctx.Err() != nil {
			return 0, fmt.Errorf("%s does not recover from too many queries: %w", s.name, s.ended())
		}
		asked := time.Now()
		if m := p.ask(5 * time.Millisecond); m == nil {
			row, last = 0, time.Now()
			continue
		}
		if row++; row == 1 {
			last = asked
		}
		time.Sleep(time.Millisecond)
	}
	return last.Sub(begin).Seconds() * 1e3, nil
}
