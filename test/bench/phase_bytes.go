// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

// bytes measures how much live heap one more object costs.
func (b *bench) bytes(ctx context.Context) error {
	for round := 1; round <= min(b.rounds, 3); round++ {
		for _, k := range turn(round, []kind{stock, ours}) {
			c := journal.Cell{Phase: "bytes", Round: round, Server: k.name, Mix: "one"}
			r, err := b.cell(ctx, c, false, func(ctx context.Context) (values, string, error) {
				v, err := b.slopes(ctx, k)
				return v, "", err
			})
			if err != nil {
				return err
			}
			b.say("bytes, round %d, %s: service with 2 endpoints %.0f B, further endpoint %.0f B, pod %.0f B, pod with labels %.0f B", round, k.name,
				r.Values["service"], r.Values["endpoint"], r.Values["pod"], r.Values["labelled"])
		}
	}
	return nil
}

// slopes compares the live heap with and without objects of one sort. All
// else is the same, pods are always watched.
func (b *bench) slopes(ctx context.Context, k kind) (values, error) {
	n := b.unit
	empty := world.Size{Namespaces: 100, PerSlice: 100}
	pods := world.Size{Namespaces: 100, PerSlice: 100, Pods: n}
	worlds := []struct {
		world.Size
		labels bool // of Pods are kept
	}{
		{Size: empty},
		{Size: world.Size{Namespaces: 100, PerSlice: 100, Services: n, Endpoints: 2}},
		{Size: world.Size{Namespaces: 100, PerSlice: 100, Services: n, Endpoints: 10}},
		{Size: pods},
		{Size: empty, labels: true},
		{Size: pods, labels: true},
	}
	var heaps []float64
	for _, w := range worlds {
		heap, err := b.heapWith(ctx, k, w.Size, w.labels)
		if err != nil {
			return nil, err
		}
		heaps = append(heaps, heap)
	}
	one := float64(n)
	return values{
		"service":  (heaps[1] - heaps[0]) / one,
		"endpoint": (heaps[2] - heaps[1]) / one / 8,
		"pod":      (heaps[3] - heaps[0]) / one,
		"labelled": (heaps[5] - heaps[4]) / one,
		"objects":  one,
	}, nil
}

func (b *bench) heapWith(ctx context.Context, k kind, size world.Size, labels bool) (float64, error) {
	r, err := b.newRig(size)
	if err != nil {
		return 0, err
	}
	defer r.close()
	s, err := r.startWith(k, source{pods: "verified", labels: labels}, nil)
	if err != nil {
		return 0, err
	}
	defer s.stop()
	if err := r.seen(ctx, s); err != nil {
		return 0, err
	}
	sleep(ctx, settled/5)
	return s.liveHeap()
}
