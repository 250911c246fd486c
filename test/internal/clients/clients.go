// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package clients asks a DNS server without a break while a test changes something.
package clients

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Clients ask all the time, from fresh ports, and do not ask again what is not
// answered.
type Clients struct {
	cancel   context.CancelFunc
	running  sync.WaitGroup
	sent     map[string]*atomic.Int64
	mu       sync.Mutex
	failures []string
}

// Ask has clients ask a DNS server for the Service kubernetes of the cluster
// cluster.local, over UDP and over TCP, until [Clients.None].
func Ask(at netip.AddrPort) *Clients {
	c := &Clients{sent: map[string]*atomic.Int64{"udp": {}, "tcp": {}}}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	for network, sent := range c.sent {
		c.running.Go(func() { c.ask(ctx, network, at.String(), sent) })
	}
	return c
}

func (c *Clients) ask(ctx context.Context, network, at string, sent *atomic.Int64) {
	const every = 10 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	asker := &dns.Client{Net: network, Timeout: 5 * time.Second}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		r, _, err := asker.Exchange(new(dns.Msg).SetQuestion("kubernetes.default.svc.cluster.local.", dns.TypeA), at)
		sent.Add(1)
		if err == nil && r.Rcode == dns.RcodeSuccess && len(r.Answer) == 1 {
			continue
		}
		what := fmt.Sprintf("%s %s: %v", began.Format("15:04:05.000"), network, err)
		if err == nil {
			what = fmt.Sprintf("%s %s: %s with %d records", began.Format("15:04:05.000"), network, dns.RcodeToString[r.Rcode], len(r.Answer))
		}
		c.mu.Lock()
		c.failures = append(c.failures, what)
		c.mu.Unlock()
	}
}

// None ends the clients, and fails the test if one did not get its answer.
func (c *Clients) None(t *testing.T) {
	t.Helper()
	c.cancel()
	c.running.Wait()
	t.Logf("%d queries over UDP and %d over TCP, %d lost", c.sent["udp"].Load(), c.sent["tcp"].Load(), len(c.failures))
	if len(c.failures) > 0 {
		t.Errorf("these were not answered:\n%s", strings.Join(c.failures[:min(len(c.failures), 20)], "\n"))
	}
}
