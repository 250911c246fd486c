// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"time"

	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

// scale is how much is measured, and for how long.
type scale struct {
	world   world.Size // for queries
	memory  world.Size // for memory
	pods    int        // for which memory is measured, too
	unit    int        // objects from which the bytes of one are computed
	rounds  int
	warm    time.Duration
	measure time.Duration
	samples int // of the propagation
}

var headless = []int{10, 1000, 5000}

// sizes by name. S is for every day, M and L for the record. A second is some
// 40,000 queries; what differs from round to round is the machine, so rounds
// say more than seconds.
var sizes = map[string]scale{
	"S": {
		world:  world.Size{Services: 1000, Endpoints: 2, Namespaces: 20, Headless: headless, PerSlice: 100},
		memory: world.Size{Services: 10_000, Endpoints: 2, Namespaces: 100, PerSlice: 100, Headless: headless},
		unit:   10_000, rounds: 5, warm: 300 * time.Millisecond, measure: 700 * time.Millisecond, samples: 200,
	},
	"M": {
		world:  world.Size{Services: 10_000, Endpoints: 2, Namespaces: 100, Headless: headless, PerSlice: 100},
		memory: world.Size{Services: 10_000, Endpoints: 2, Namespaces: 100, PerSlice: 100, Headless: headless},
		unit:   20_000, rounds: 8, warm: 300 * time.Millisecond, measure: time.Second, samples: 1000,
	},
	"L": {
		world:  world.Size{Services: 50_000, Endpoints: 2, Namespaces: 500, Headless: headless, PerSlice: 100},
		memory: world.Size{Services: 50_000, Endpoints: 2, Namespaces: 500, PerSlice: 100},
		pods:   50_000,
		unit:   50_000, rounds: 5, warm: 500 * time.Millisecond, measure: time.Second, samples: 1000,
	},
}

// limitWorld is what a server must survive in limitBytes, whatever the size of the run.
var limitWorld = world.Size{Services: 10_000, Endpoints: 10, Namespaces: 100, PerSlice: 100}

const limitBytes = 170 << 20

// scale returns the scale of the run.
func (o *options) scale() scale {
	s := sizes[o.size]
	if o.quick {
		s.rounds, s.warm, s.measure, s.samples = 2, 300*time.Millisecond, 500*time.Millisecond, 40
	}
	if o.repeat > 0 {
		s.rounds = o.repeat
	}
	return s
}
