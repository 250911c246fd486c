// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
	"github.com/clusterdns/clusterdns/test/bench/internal/stat"
	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

// changing are the Services whose endpoints change.
const changing = 20

// propagation measures how long after the API server has acknowledged a change
// the answer is right. Each sample is a round.
func (b *bench) propagation(ctx context.Context) error {
	// One change at a time, where that takes milliseconds; the cache of stock
	// takes seconds, so that many changes go on at once.
	if err := b.propagate(ctx, []kind{stock, ours, oursCache}, 1); err != nil {
		return err
	}
	return b.propagate(ctx, []kind{stockCache}, changing)
}

func (b *bench) propagate(ctx context.Context, who []kind, atOnce int) error {
	if b.allDone(sampleCells(who, b.samples)) {
		return nil
	}
	l, err := b.theLab(ctx)
	if err != nil {
		return err
	}
	if l.control == nil {
		b.say("propagation: not measured with test/apiserver, use a smaller size or --real")
		return nil
	}
	p := propagator{bench: b, lab: l, cached: atOnce > 1}
	if err := p.prepare(ctx, who); err != nil {
		return err
	}
	for first := 1; first <= b.samples; first += atOnce {
		var group sync.WaitGroup
		errs := make([]error, atOnce)
		for i := range atOnce {
			group.Go(func() { errs[i] = p.sample(ctx, first+i, i) })
		}
		group.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if done := first + atOnce - 1; done%(b.samples/4) < atOnce {
			b.say("propagation: %d of %d changes%s", done, b.samples, p.medians())
		}
	}
	return nil
}

func sampleCells(who []kind, n int) []journal.Cell {
	var cells []journal.Cell
	for i := 1; i <= n; i++ {
		for _, k := range who {
			cells = append(cells, propagationCell(k, i))
		}
	}
	return cells
}

func propagationCell(k kind, sample int) journal.Cell {
	return journal.Cell{Phase: "propagation", Round: sample, Server: k.name, Mix: "endpoint"}
}

// A propagator changes endpoints and looks for them.
type propagator struct {
	bench   *bench
	lab     *lab
	servers []*server
	cached  bool
	mu      sync.Mutex // guards the journal
}

// prepare creates the Services and sees to it that all servers know them.
func (p *propagator) prepare(ctx context.Context, who []kind) error {
	for i := range changing {
		s := p.service(i, 0)
		if err := p.lab.control.put(ctx, s.Object()); err != nil {
			return err
		}
		if err := p.lab.control.put(ctx, s.Slice(0, s.Endpoints)); err != nil {
			return err
		}
	}
	timed, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, k := range who {
		s, err := p.lab.get(ctx, k)
		if err != nil {
			return err
		}
		p.servers = append(p.servers, s)
		for i := range changing {
			known := func(m *dns.Msg) bool { return len(m.Answer) == 1 }
			if _, err := s.await(timed, question(p.service(i, 0).FQDN()), known); err != nil {
				return err
			}
		}
	}
	return nil
}

// service is one of those that change, in a version.
func (p *propagator) service(i, version int) world.Service {
	addr := netip.AddrFrom4([4]byte{10, 250, byte(i), 0})
	a := addr.As4()
	a[3], a[1] = byte(version), 200+byte(version>>8)
	return world.Service{
		Namespace: p.lab.world.Namespaces[0], Name: fmt.Sprintf("changing-%d", i), Endpoints: []netip.Addr{netip.AddrFrom4(a)},
	}
}

// sample makes one change and waits until all servers know. The servers are
// asked once a millisecond, from before the change, as clients would do.
func (p *propagator) sample(ctx context.Context, sample, i int) error {
	todo := false
	for _, s := range p.servers {
		todo = todo || !p.done(propagationCell(s.kind, sample))
	}
	if !todo {
		return nil
	}
	svc := p.service(i, sample%1000+1)
	timed, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	seen := make([]time.Time, len(p.servers))
	errs := make([]error, len(p.servers)+1)
	var group sync.WaitGroup
	for n, s := range p.servers {
		group.Go(func() {
			seen[n], errs[n] = s.await(timed, question(svc.FQDN()), func(m *dns.Msg) bool { return holds(m, svc.Endpoints[0]) })
		})
	}
	time.Sleep(p.delay()) // the probers are under way
	errs[len(p.servers)] = p.lab.control.update(ctx, svc.Slice(0, svc.Endpoints))
	acknowledged := time.Now()
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, s := range p.servers {
		r := journal.Record{Cell: propagationCell(s.kind, sample), Values: values{
			// The event may overtake the acknowledgement.
			"ms": max(0, seen[n].Sub(acknowledged).Seconds()*1e3),
		}}
		if err := p.bench.journal.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// delay is how long the name is asked for before it changes. With a cache a
// change may come at any time in the life of an answer there.
func (p *propagator) delay() time.Duration {
	d := 5 * time.Millisecond
	if p.cached {
		d += rand.N(world.TTL * time.Second)
	}
	return d
}

func (p *propagator) done(c journal.Cell) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bench.journal.Done(c)
}

// holds reports whether an answer is this address and no other.
func holds(m *dns.Msg, addr netip.Addr) bool {
	if len(m.Answer) != 1 {
		return false
	}
	a, ok := m.Answer[0].(*dns.A)
	if !ok {
		return false
	}
	got, _ := netip.AddrFromSlice(a.A.To4())
	return got == addr
}

func (p *propagator) medians() string {
	text := ""
	for _, s := range p.servers {
		var all []float64
		for _, v := range journal.Pick(p.bench.journal.Records(), "propagation", s.name, "endpoint", "ms") {
			all = append(all, v)
		}
		text += fmt.Sprintf("; %s p50 %.1f ms, p99 %.1f ms", s.name, stat.Median(all), stat.Quantile(all, 0.99))
	}
	return text
}
