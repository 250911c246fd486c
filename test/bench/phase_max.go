// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
	"github.com/clusterdns/clusterdns/test/bench/internal/proc"
	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

const dnsperf prog = "dnsperf"

// maxima has dnsperf find the highest rate of one processor.
func (b *bench) maxima(ctx context.Context) error {
	if b.binaries[dnsperf] == "" {
		b.say("max: there is no dnsperf; the rates of our own generator are with the mixes")
		return nil
	}
	for _, m := range world.New(b.world).Mixes() {
		if m.Name != "a" && m.Name != "ndots" {
			continue
		}
		for round := 1; round <= b.rounds; round++ {
			if err := b.maxRound(ctx, round, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) maxRound(ctx context.Context, round int, m world.Mix) error {
	var line []string
	for _, k := range turn(round, kinds) {
		if !b.has(k) {
			continue
		}
		c := journal.Cell{Phase: "max", Round: round, Server: k.name, Mix: m.Name}
		r, err := b.cell(ctx, c, true, func(ctx context.Context) (values, string, error) {
			l, err := b.theLab(ctx)
			if err != nil {
				return nil, "", err
			}
			s, err := l.get(ctx, k)
			if err != nil {
				return nil, "", err
			}
			if err := b.apart(b.otherCores); err != nil {
				return nil, "", err
			}
			defer func() { _ = b.apart(b.allCores) }() // it was possible before
			return b.dnsperf(ctx, l, s, m)
		})
		if err != nil {
			return err
		}
		line = append(line, fmt.Sprintf("%s %.0f", k.name, r.Values["qps"]))
	}
	b.say("round %d of %d, %s, queries/s by dnsperf: %s", round, b.rounds, m.Name, strings.Join(line, "  "))
	return nil
}

var (
	perSecond = regexp.MustCompile(`Queries per second:\s+([\d.]+)`)
	lost      = regexp.MustCompile(`Queries lost:\s+\d+ \(([\d.]+)%\)`)
)

func (b *bench) dnsperf(ctx context.Context, l *lab, s *server, m world.Mix) (values, string, error) {
	file := filepath.Join(l.dir, m.Name+".queries")
	var text strings.Builder
	for _, q := range m.Queries {
		fmt.Fprintf(&text, "%s %s\n", q.Question[0].Name, dns.TypeToString[q.Question[0].Qtype])
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return nil, "", err
	}
	seconds := max(1, int(b.scale.measure.Seconds()))
	cmd := exec.CommandContext(ctx, b.binaries[dnsperf], "-s", s.addr.Addr().String(), "-p", fmt.Sprint(s.addr.Port()),
		"-d", file, "-l", fmt.Sprint(seconds), "-c", "8", "-T", "1", "-q", "100", "-t", "1")
	cmd.Env = append(os.Environ(), b.libraries()...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := proc.Pinned(b.otherCores, cmd.Start); err != nil {
		return nil, "", err
	}
	if err := cmd.Wait(); err != nil {
		return nil, "", fmt.Errorf("dnsperf: %w: %s", err, out.String())
	}
	rate, gone := perSecond.FindSubmatch(out.Bytes()), lost.FindSubmatch(out.Bytes())
	if rate == nil || gone == nil {
		return nil, "", fmt.Errorf("dnsperf says no rate: %s", out.String())
	}
	qps, _ := strconv.ParseFloat(string(rate[1]), 64)   // the pattern holds digits only
	share, _ := strconv.ParseFloat(string(gone[1]), 64) // the same
	v := values{"qps": qps, "lost_percent": share}
	if share > 0.1 {
		return v, fmt.Sprintf("%.2f%% of the queries were lost", share), nil
	}
	return v, "", nil
}
