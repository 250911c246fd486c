// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package kubedns

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// A Probe is what the sidecar asks a server again and again.
type Probe struct {
	Name   string
	Server netip.AddrPort
	Qname  string
	Type   uint16
	Every  time.Duration

	good, bad atomic.Int64
	well      atomic.Bool
}

// ParseProbe parses NAME,ADDRESS:PORT,QNAME,SECONDS,TYPE.
func ParseProbe(text string) (*Probe, error) {
	parts := strings.Split(text, ",")
	if len(parts) != 5 {
		return nil, fmt.Errorf("parsing the probe %q: want NAME,ADDRESS:PORT,QNAME,SECONDS,TYPE", text)
	}
	p := &Probe{Name: parts[0], Qname: dns.Fqdn(parts[2])}
	var err error
	if p.Server, err = netip.ParseAddrPort(parts[1]); err != nil {
		return nil, fmt.Errorf("parsing the probe %q: %w", text, err)
	}
	seconds, err := strconv.Atoi(parts[3])
	if err != nil || seconds < 1 {
		return nil, fmt.Errorf("parsing the probe %q: want seconds, not %q", text, parts[3])
	}
	p.Every = time.Duration(seconds) * time.Second
	var known bool
	if p.Type, known = dns.StringToType[parts[4]]; !known {
		return nil, fmt.Errorf("parsing the probe %q: there is no type %q", text, parts[4])
	}
	return p, nil
}

// Run asks until ctx ends.
func (p *Probe) Run(ctx context.Context) {
	tick := time.NewTicker(p.Every)
	defer tick.Stop()
	for {
		p.ask(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *Probe) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, p.Every)
	defer cancel()
	m, _, err := new(dns.Client).ExchangeContext(ctx, new(dns.Msg).SetQuestion(p.Qname, p.Type), p.Server.String())
	well := err == nil && m.Rcode == dns.RcodeSuccess
	p.well.Store(well)
	if well {
		p.good.Add(1)
	} else {
		p.bad.Add(1)
	}
}

// Handler answers /healthcheck/NAME for each probe, and /metrics.
func Handler(probes []*Probe) http.Handler {
	mux := http.NewServeMux()
	for _, p := range probes {
		mux.HandleFunc("/healthcheck/"+p.Name, func(w http.ResponseWriter, _ *http.Request) {
			if !p.well.Load() {
				http.Error(w, "the last question was not answered", http.StatusServiceUnavailable)
				return
			}
			fmt.Fprintln(w, "ok")
		})
	}
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		for _, p := range probes {
			fmt.Fprintf(w, "kubedns_probe_%s_errors %d\nkubedns_probe_%s_answers %d\n", p.Name, p.bad.Load(), p.Name, p.good.Load())
		}
	})
	return mux
}
