// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package clients asks a DNS server without a break while a test changes something.
package clients

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/operator/counter"
)

// Clients ask all the time, over UDP from fresh ports and over TCP, and do not ask
// again what is not answered.
type Clients struct {
	run *counter.Run
	err error
}

// Ask has clients ask a DNS server for the Service kubernetes of the cluster
// cluster.local until [Clients.None].
func Ask(at netip.AddrPort) *Clients {
	run, err := counter.Start(context.Background(), counter.Config{
		Server: at, Name: "kubernetes.default.svc.cluster.local", QPS: 100, Timeout: 5 * time.Second,
		Transports: []counter.Transport{counter.UDP, counter.TCP},
	})
	return &Clients{run, err}
}

// None ends the clients, and fails the test if one did not get its answer.
func (c *Clients) None(t *testing.T) {
	t.Helper()
	if c.err != nil {
		t.Fatal(c.err)
	}
	c.run.Stop()
	report := c.run.Wait()
	for _, n := range report.Counts {
		t.Logf("%d queries over %s, %d lost, %d answered wrongly", n.Sent, n.Transport, n.Lost, n.Wrong)
	}
	if !report.Good() {
		t.Errorf("not all were answered: %+v", report)
	}
}
