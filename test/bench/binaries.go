// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const coreDNSModule = "github.com/coredns/coredns"

// findBinaries makes or finds all programs. The stock CoreDNS and ours are
// needed, the others are left out where they cannot be had.
func (b *bench) findBinaries(ctx context.Context) error {
	b.binaries = map[prog]string{}
	ours := filepath.Join(b.repo, "bin", "coredns")
	if _, err := os.Stat(ours); err != nil {
		return fmt.Errorf("%w: run \"make build\" first (make bench does)", err)
	}
	b.binaries[ourBinary] = ours
	stock, err := b.buildStock(ctx)
	if err != nil {
		return err
	}
	b.binaries[stockBinary] = stock
	b.findPackages(ctx)
	return nil
}

// buildStock builds CoreDNS as its authors release it: with the versions of
// its own go.mod and all its plugins. The version is that of our go.mod.
func (b *bench) buildStock(ctx context.Context) (string, error) {
	out, err := b.goTool(ctx, "list", "-m", "-f", "{{.Version}}", coreDNSModule)
	if err != nil {
		return "", err
	}
	version := strings.TrimSpace(out)
	stock := filepath.Join(b.repo, "bin", string(stockBinary))
	if info, err := buildinfo.ReadFile(stock); err == nil && info.Main.Path == coreDNSModule && info.Main.Version == version {
		return stock, nil
	}
	b.say("building stock CoreDNS %s (about 5 minutes the first time)", version)
	dir, err := os.MkdirTemp(b.cache, "stock-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "-ldflags=-s -w", coreDNSModule+"@"+version)
	cmd.Dir = dir // outside of our module, else its versions could count
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+dir, "GOFLAGS=", "GOWORK=off")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building stock CoreDNS: %w\n%s", err, said)
	}
	return stock, os.Rename(filepath.Join(dir, "coredns"), stock)
}

func (b *bench) goTool(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.repo
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}

// packages are those of Debian, with the program that each is for.
var packages = map[string]string{"nsd": "nsd", "knot": "knotd", "dnsperf": "dnsperf"}

// findPackages looks for NSD, Knot and dnsperf, and else unpacks the Debian
// packages without installing them, so that no service starts.
func (b *bench) findPackages(ctx context.Context) {
	root := filepath.Join(b.cache, "debian", "root")
	if missing := b.locate(root); len(missing) > 0 {
		if err := b.unpack(ctx, filepath.Dir(root), missing); err != nil {
			b.say("%s cannot be had here: %v", strings.Join(missing, ", "), err)
		}
		if missing = b.locate(root); len(missing) > 0 {
			b.say("going on without %s", strings.Join(missing, ", "))
		}
	}
}

// locate finds programs of the packages and returns the packages whose are missing.
func (b *bench) locate(root string) []string {
	var missing []string
	for name, program := range packages {
		found := ""
		if path, err := exec.LookPath(program); err == nil {
			found = path
		}
		for _, dir := range []string{"/usr/sbin", filepath.Join(root, "usr", "sbin"), filepath.Join(root, "usr", "bin")} {
			path := filepath.Join(dir, program)
			if _, err := os.Stat(path); found == "" && err == nil {
				found = path
			}
		}
		if found == "" {
			missing = append(missing, name)
			continue
		}
		b.binaries[prog(program)] = found
	}
	return missing
}

// unpack downloads packages with what they need and is not installed.
func (b *bench) unpack(ctx context.Context, dir string, names []string) error {
	if err := os.MkdirAll(filepath.Join(dir, "partial"), 0o755); err != nil {
		return err
	}
	b.say("downloading the Debian packages %s", strings.Join(names, ", "))
	args := append([]string{"-y", "-q", "-o", "Dir::Cache::archives=" + dir, "-o", "Debug::NoLocking=1",
		"install", "--download-only", "--no-install-recommends"}, names...)
	if err := quietly(exec.CommandContext(ctx, "apt-get", args...)); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range debs {
		if err := quietly(exec.CommandContext(ctx, "dpkg", "-x", deb, filepath.Join(dir, "root"))); err != nil {
			return err
		}
	}
	return nil
}

func quietly(cmd *exec.Cmd) error {
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = io.Discard, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, strings.TrimSpace(said.String()))
	}
	return nil
}

// env is what a program needs to find its libraries.
func (b *bench) env(k kind) []string {
	if k.plugin != "" {
		return nil
	}
	return b.libraries()
}

func (b *bench) libraries() []string {
	dirs, _ := filepath.Glob(filepath.Join(b.cache, "debian", "root", "usr", "lib", "*-linux-gnu*")) // the pattern is good
	if len(dirs) == 0 {
		return nil
	}
	return []string{"LD_LIBRARY_PATH=" + strings.Join(dirs, ":")}
}

// has reports whether the server can be measured.
func (b *bench) has(k kind) bool { return b.binaries[k.binary] != "" }
