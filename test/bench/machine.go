// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/clusterdns/clusterdns/test/bench/internal/report"
)

// machine is what a reader must know to judge the numbers.
func (b *bench) machine(ctx context.Context) (report.Facts, error) {
	f := report.Facts{
		Size: b.size, Quick: b.quick, Date: time.Now().UTC().Format("2006-01-02"), Processors: len(b.allCores), Rounds: b.rounds,
		Processor: line("/proc/cpuinfo", "model name"), Memory: line("/proc/meminfo", "MemTotal"),
		Services: b.world.Services, Real: b.size != "L" || b.real,
		MemoryServices: b.scale.memory.Services, MemoryPods: b.pods,
		Programs: map[string]string{},
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return f, err
	}
	f.Kernel = strings.TrimSpace(string(kernel))
	f.Go = runtime.Version()
	f.Commit = b.commit(ctx)
	for name, path := range b.binaries {
		f.Programs[string(name)] = b.version(ctx, name, path)
	}
	return f, nil
}

// line returns the value of the first line of a file that begins with key.
func line(path, key string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for l := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// commit is that of the sources, which may have changed since.
func (b *bench) commit(ctx context.Context) string {
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = b.repo
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	id, err := git("rev-parse", "HEAD")
	if err != nil {
		return "unknown"
	}
	changes, err := git("status", "--porcelain", "--", "plugin", "cmd", "go.mod", "go.sum")
	if err != nil || changes != "" {
		id += " with changes"
	}
	return id
}

// version is what a program says about itself.
func (b *bench) version(ctx context.Context, name prog, path string) string {
	if info, err := buildinfo.ReadFile(path); err == nil {
		coredns := ""
		for _, d := range info.Deps {
			if d.Path == coreDNSModule {
				coredns = ", CoreDNS " + d.Version
			}
		}
		return fmt.Sprintf("%s %s%s, %s", info.Main.Path, info.Main.Version, coredns, info.GoVersion)
	}
	flag := map[prog]string{nsdBinary: "-v", knotBinary: "-V", dnsperf: "-h"}[name]
	cmd := exec.CommandContext(ctx, path, flag)
	cmd.Env = append(os.Environ(), b.libraries()...)
	out, _ := cmd.CombinedOutput() // some exit with 1 after that
	for l := range strings.Lines(string(out)) {
		if strings.Contains(strings.ToLower(l), "version") {
			return strings.TrimSpace(l)
		}
	}
	return "unknown"
}
