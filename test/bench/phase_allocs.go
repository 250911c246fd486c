// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"os/exec"
	"strings"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
)

// handlerAllocs is what TestAllocations of the plugin holds for every answer.
const handlerAllocs = 4

// allocs runs the test that counts the allocations of our handler. Those of the
// whole server are counted with the mixes.
func (b *bench) allocs(ctx context.Context) error {
	c := journal.Cell{Phase: "allocs", Round: 1, Server: ours.name, Mix: "handler"}
	r, err := b.cell(ctx, c, false, func(ctx context.Context) (values, string, error) {
		cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-run", "^TestAllocations$", "./plugin")
		cmd.Dir = b.repo
		out, err := cmd.CombinedOutput()
		answers := strings.Count(string(out), "--- PASS: TestAllocations/")
		if err != nil || answers == 0 {
			b.say("allocs: the test of the handler fails: %v", err)
			return values{"held": 0}, "", nil
		}
		return values{"held": 1, "at_most": handlerAllocs, "answers": float64(answers)}, "", nil
	})
	if err != nil {
		return err
	}
	if r.Values["held"] == 1 {
		b.say("allocs: at most %d in our handler for each of %.0f answers", handlerAllocs, r.Values["answers"])
	}
	return nil
}
