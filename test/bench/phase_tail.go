// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
	"github.com/clusterdns/clusterdns/test/bench/internal/load"
	"github.com/clusterdns/clusterdns/test/bench/internal/stat"
	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

const (
	updateRate = 200 // per second
	// churning Services have a slice of so many endpoints each, of which one comes and goes.
	churning, churningEndpoints = 20, 10
)

// tails measures latency at half of stock's highest rate, while nothing
// changes and while 200 slices a second do. The names asked for do not change.
func (b *bench) tails(ctx context.Context) error {
	who := []kind{stockCache, stock, ours, whoami}
	var cells []journal.Cell
	for round := 1; round <= b.rounds; round++ {
		for _, k := range who {
			cells = append(cells, tailCell(k, round, "idle"), tailCell(k, round, "updates"))
		}
	}
	if b.allDone(cells) {
		return nil
	}
	l, err := b.theLab(ctx)
	if err != nil {
		return err
	}
	if l.control == nil {
		b.say("tail: not measured with test/apiserver, use a smaller size or --real")
		return nil
	}
	t := &tailer{bench: b, lab: l, mix: world.New(b.world).Mixes()[0]}
	if err := t.prepare(ctx, who); err != nil {
		return err
	}
	defer func() { _ = b.apart(b.allCores) }() // it was possible before
	for round := 1; round <= b.rounds; round++ {
		for _, what := range []string{"idle", "updates"} {
			for _, k := range turn(round, who) {
				if err := t.measure(ctx, k, round, what); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func tailCell(k kind, round int, what string) journal.Cell {
	return journal.Cell{Phase: "tail", Round: round, Server: k.name, Mix: what}
}

type tailer struct {
	bench  *bench
	lab    *lab
	mix    world.Mix
	rate   float64
	slices [][2]*discoveryv1.EndpointSlice // of each Service, without and with one endpoint
	at     atomic.Int64
}

// prepare creates what will change and finds out what half load is.
func (t *tailer) prepare(ctx context.Context, who []kind) error {
	addr := netip.AddrFrom4([4]byte{10, 240, 0, 1})
	for i := range churning {
		svc := world.Service{Namespace: t.lab.world.Namespaces[0], Name: fmt.Sprintf("churning-%d", i)}
		for range churningEndpoints {
			svc.Endpoints = append(svc.Endpoints, addr)
			addr = addr.Next()
		}
		t.slices = append(t.slices, [2]*discoveryv1.EndpointSlice{svc.Slice(0, svc.Endpoints[1:]), svc.Slice(0, svc.Endpoints)})
		if err := t.lab.control.put(ctx, svc.Object()); err != nil {
			return err
		}
		if err := t.lab.control.put(ctx, t.slices[i][1]); err != nil {
			return err
		}
	}
	for _, k := range who {
		if _, err := t.lab.get(ctx, k); err != nil {
			return err
		}
	}
	if err := t.bench.apart(t.bench.otherCores); err != nil {
		return err
	}
	highest, err := t.bench.highest(ctx, t.lab, stock, t.mix)
	if err != nil {
		return err
	}
	t.rate = math.Round(highest/2/100) * 100
	t.bench.say("tail: half of what stock can do is %.0f queries/s; all get as many", t.rate)
	return nil
}

// highest is a quick look at what a server can do on its processor.
func (b *bench) highest(ctx context.Context, l *lab, k kind, m world.Mix) (float64, error) {
	s, err := l.get(ctx, k)
	if err != nil {
		return 0, err
	}
	v, _, err := b.loaded(ctx, s, m)
	return v["qps"], err
}

func (t *tailer) measure(ctx context.Context, k kind, round int, what string) error {
	r, err := t.bench.cell(ctx, tailCell(k, round, what), true, func(ctx context.Context) (values, string, error) {
		s, err := t.lab.get(ctx, k)
		if err != nil {
			return nil, "", err
		}
		var churn churn
		if what == "updates" {
			churn.start(ctx, t)
		}
		v, complaint, err := t.latency(ctx, s)
		rate, err2 := churn.stop()
		if what == "updates" && v != nil {
			v["updates_per_s"] = rate // which may be less than asked for: the API server shares a processor with the load
		}
		return v, complaint, errors.Join(err, err2)
	})
	if err != nil {
		return err
	}
	t.bench.say("tail, round %d of %d, %s, %s: p50 %.0f us, p99 %.0f us, p99.9 %.0f us", round, t.bench.rounds, what, k.name,
		r.Values["p50_us"], r.Values["p99_us"], r.Values["p999_us"])
	return nil
}

func (t *tailer) latency(ctx context.Context, s *server) (values, string, error) {
	wire, err := t.mix.Wire()
	if err != nil {
		return nil, "", err
	}
	// Our own garbage collection must not look like a slow server.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	p := load.Pace{Server: s.addr, Queries: wire, Rate: t.rate, Duration: 4 * t.bench.scale.measure, Urgent: true}
	got, err := p.Go(ctx)
	if err != nil {
		return nil, "", err
	}
	v := values{"sent": float64(got.Sent), "received": float64(got.Received), "rate": t.rate}
	for name, q := range map[string]float64{"p50_us": 0.5, "p90_us": 0.9, "p99_us": 0.99, "p999_us": 0.999} {
		v[name] = stat.Quantile(got.Latencies, q) * 1e6
	}
	if lost := 1 - float64(got.Received)/float64(got.Sent); lost > 0.001 {
		return v, fmt.Sprintf("%.2f%% of the queries were lost", lost*100), nil
	}
	return v, "", nil
}

// churn is updates going on.
type churn struct {
	cancel  context.CancelFunc
	workers sync.WaitGroup
	begin   time.Time
	done    atomic.Int64
	err     atomic.Pointer[error]
}

func (c *churn) start(ctx context.Context, t *tailer) {
	ctx, c.cancel = context.WithCancel(ctx)
	c.begin = time.Now()
	due := make(chan int, 100)
	c.workers.Go(func() {
		tick := time.NewTicker(time.Second / updateRate)
		defer tick.Stop()
		defer close(due)
		for {
			select {
			case <-tick.C:
				select {
				case due <- int(t.at.Add(1)):
				default: // the API server is behind
				}
			case <-ctx.Done():
				return
			}
		}
	})
	for range 8 {
		c.workers.Go(func() {
			for n := range due {
				// Not with ctx: an update under way is to be finished.
				err := t.lab.control.update(context.WithoutCancel(ctx), t.slices[n%churning][n/churning%2])
				if err != nil {
					c.err.CompareAndSwap(nil, &err)
					continue
				}
				c.done.Add(1)
			}
		})
	}
}

// stop returns how many updates per second there were.
func (c *churn) stop() (float64, error) {
	if c.cancel == nil {
		return 0, nil
	}
	elapsed := time.Since(c.begin)
	n := c.done.Load()
	c.cancel()
	c.workers.Wait()
	if err := c.err.Load(); err != nil {
		return 0, *err
	}
	return float64(n) / elapsed.Seconds(), nil
}
