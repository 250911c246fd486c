// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"time"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
	"github.com/clusterdns/clusterdns/test/bench/internal/proc"
	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

// settled is how long memory needs to come to rest after a list; after a
// garbage collection, until the runtime has given back what it does not need, twice that.
const settled = 5 * time.Second

const mega = 1e6

// A memoryCase is a cluster and how its API server hands it out.
type memoryCase struct {
	name      string
	watchList bool
	size      world.Size
}

func (b *bench) memoryCases() []memoryCase {
	var cases []memoryCase
	for _, m := range modes {
		cases = append(cases, memoryCase{m.name, m.watchList, b.scale.memory})
	}
	if b.pods > 0 {
		with := b.scale.memory
		with.Pods = b.pods
		cases = append(cases, memoryCase{"watchlist, verified pods", true, with})
	}
	return cases
}

// memories measures what the servers hold, and the most they take while they
// start and while they list again.
func (b *bench) memories(ctx context.Context) error {
	for _, c := range b.memoryCases() {
		if err := b.memoryRounds(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) memoryRounds(ctx context.Context, mc memoryCase) error {
	var r *rig
	defer func() {
		if r != nil {
			r.close()
		}
	}()
	for round := 1; round <= min(b.rounds, 3); round++ {
		for _, k := range turn(round, []kind{stock, ours}) {
			c := journal.Cell{Phase: "memory", Round: round, Server: k.name, Mix: mc.name}
			rec, err := b.cell(ctx, c, false, func(ctx context.Context) (v values, complaint string, err error) {
				if r == nil {
					if r, err = b.newRig(mc.size); err != nil {
						return nil, "", err
					}
					r.api.SetWatchList(mc.watchList)
				}
				v, err = b.memory(ctx, r, k, mc.size.Pods > 0)
				return v, "", err
			})
			if err != nil {
				return err
			}
			v := rec.Values
			b.say("memory, round %d, %s, %s: RSS %.0f MB (anonymous %.0f), heap %.1f MB, start peak %.0f MB, relist peak %.0f MB", round,
				mc.name, k.name, v["rss"]/mega, v["anon"]/mega, v["heap"]/mega, v["start_peak"]/mega, v["relist_peak"]/mega)
		}
	}
	return nil
}

func (b *bench) memory(ctx context.Context, r *rig, k kind, verified bool) (values, error) {
	pods := "insecure"
	if verified {
		pods = "verified"
	}
	s, err := r.start(k, pods, nil)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	starting := proc.Watch(s.pid())
	if err := r.seen(ctx, s); err != nil {
		starting.Stop()
		return nil, err
	}
	sleep(ctx, settled)
	v := values{"start_anon_peak": starting.Stop()}
	m, err := proc.ReadMemory(s.pid())
	if err != nil {
		return nil, err
	}
	v["rss_first"], v["start_peak"] = m.RSS, m.Peak
	// Go collects garbage at least every two minutes. Not to wait for it, ask for it now.
	if v["heap"], err = s.liveHeap(); err != nil {
		return nil, err
	}
	sleep(ctx, 2*settled)
	if m, err = proc.ReadMemory(s.pid()); err != nil {
		return nil, err
	}
	v["rss"], v["anon"] = m.RSS, m.Anon

	if err := proc.ResetPeak(s.pid()); err != nil {
		return nil, err
	}
	relisting := proc.Watch(s.pid())
	err = r.relist(ctx, s)
	sleep(ctx, settled)
	v["relist_anon_peak"] = relisting.Stop()
	if err != nil {
		return nil, err
	}
	if m, err = proc.ReadMemory(s.pid()); err != nil {
		return nil, err
	}
	v["relist_peak"], v["rss_after"], v["anon_after"] = m.Peak, m.RSS, m.Anon
	return v, context.Cause(ctx)
}
