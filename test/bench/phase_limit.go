// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"os"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
	"github.com/clusterdns/clusterdns/test/bench/internal/proc"
)

// limits lets servers start and list again with as little memory as a cluster
// gives them.
func (b *bench) limits(ctx context.Context) error {
	var r *rig
	defer func() {
		if r != nil {
			r.close()
		}
	}()
	for round := 1; round <= min(b.rounds, 3); round++ {
		for _, mode := range modes {
			for _, k := range turn(round, []kind{stock, ours}) {
				c := journal.Cell{Phase: "limit", Round: round, Server: k.name, Mix: mode.name}
				if b.journal.Done(c) {
					continue
				}
				group, err := proc.NewCgroup(fmt.Sprintf("clusterdns-bench-%d-%d", os.Getpid(), len(b.journal.Records())), limitBytes)
				if err != nil {
					b.say("limit: not measured: %v", err)
					return nil
				}
				if r == nil {
					if r, err = b.newRig(limitWorld); err != nil {
						return err
					}
				}
				r.api.SetWatchList(mode.watchList)
				rec, err := b.cell(ctx, c, false, func(ctx context.Context) (values, string, error) {
					v, err := b.limited(ctx, r, k, group)
					return v, "", err
				})
				group.Remove()
				if err != nil {
					return err
				}
				v := rec.Values
				b.say("limit of %d MB, round %d, %s, %s: start %s, relist %s, peak %.0f MB", limitBytes>>20, round, mode.name, k.name,
					fate(v["start"]), fate(v["relist"]), v["peak"]/mega)
			}
		}
	}
	return nil
}

func fate(survived float64) string {
	if survived == 1 {
		return "survived"
	}
	return "killed"
}

// limited reports whether the server lives through its start and a relist.
func (b *bench) limited(ctx context.Context, r *rig, k kind, group *proc.Cgroup) (values, error) {
	s, err := r.start(k, "insecure", group)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	v := values{"start": 0, "relist": 0}
	steps := []struct {
		name string
		run  func(context.Context, *server) error
	}{{"start", r.seen}, {"relist", r.relist}}
	for _, step := range steps {
		err := step.run(ctx, s)
		if err == nil {
			sleep(ctx, settled/2)
			err = s.ended()
		}
		v["peak"], v["kills"] = group.Peak(), float64(group.Kills())
		switch {
		case err != nil && v["kills"] > 0:
			return v, nil // that it did not survive is the result
		case err != nil:
			return nil, err
		}
		v[step.name] = 1
	}
	return v, nil
}
