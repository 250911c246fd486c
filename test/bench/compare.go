// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/bench/internal/answers"
	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

// sampleSize is how many queries of a mix are compared.
const sampleSize = 200

// compare asks the sample of each mix of all servers. Who answers otherwise
// than stock does not take part: a faster wrong answer is no answer.
func (l *lab) compare(ctx context.Context, mixes []world.Mix) error {
	reference, err := l.get(ctx, stock)
	if err != nil {
		return err
	}
	compared := 0
	for _, k := range kinds {
		if !l.bench.has(k) || k.plugin == "whoami" || k.name == stock.name {
			continue
		}
		s, err := l.get(ctx, k)
		if err != nil {
			return err
		}
		// NSD and Knot are only the limit of what is possible: with TTLs of the zone file, other sections as they like.
		how := answers.How{AnyTTL: k.cache, AnswerOnly: k.plugin == ""}
		for _, m := range mixes {
			if !takesPart(k, m) {
				continue
			}
			for _, q := range pick(m.Queries) {
				if err := context.Cause(ctx); err != nil {
					return err
				}
				if err := compareOne(reference, s, m, q, how); err != nil {
					return fmt.Errorf("%s answers %s otherwise than %s: %w", k.name, m.Name, stock.name, err)
				}
				compared++
			}
		}
	}
	l.bench.say("%d answers compared with those of stock: equal", compared)
	return nil
}

// pick returns queries from all over the mix.
func pick(all []*dns.Msg) []*dns.Msg {
	step := max(1, len(all)/sampleSize)
	if step%8 == 0 {
		step++ // else a mix that repeats itself shows one side only
	}
	var picked []*dns.Msg
	for i := 0; i < len(all); i += step {
		picked = append(picked, all[i])
	}
	return picked
}

func compareOne(reference, s *server, m world.Mix, q *dns.Msg, how answers.How) error {
	name := q.Question[0].Name
	want, err := exchange(reference, q, m.TCP)
	if err != nil {
		return err
	}
	got, err := exchange(s, q, m.TCP)
	if err != nil {
		return err
	}
	if diff := answers.Diff(want, got, how); diff != "" {
		return fmt.Errorf("%s %s: %s", name, dns.TypeToString[q.Question[0].Qtype], diff)
	}
	if m.Addrs == nil {
		return nil
	}
	for _, rr := range got.Answer {
		a, ok := rr.(*dns.A)
		if addr, valid := netip.AddrFromSlice(a.A.To4()); !ok || !valid || !m.Addrs[addr] {
			return fmt.Errorf("%s: %s is not one of its records", name, rr)
		}
	}
	return nil
}

func exchange(s *server, q *dns.Msg, tcp bool) (*dns.Msg, error) {
	c := dns.Client{Timeout: 10 * time.Second, UDPSize: 65535}
	if tcp {
		c.Net = "tcp"
	}
	q = q.Copy()
	q.Id = dns.Id()
	var err error
	for range 2 {
		var m *dns.Msg
		if m, _, err = c.Exchange(q, s.addr.String()); err == nil {
			return m, nil
		}
	}
	return nil, fmt.Errorf("asking %s: %w", s.name, err)
}
