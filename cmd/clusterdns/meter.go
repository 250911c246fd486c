// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"github.com/clusterdns/clusterdns/operator/counter"
	"github.com/clusterdns/clusterdns/operator/meter"
)

func newMeter() *cobra.Command {
	var server, address, qtype string
	q := counter.Config{}
	c := &cobra.Command{
		Use: "meter --server ADDRESS --name NAME", Short: "Ask a DNS server numbered questions and count what is lost", Args: noArgs,
		Long: `Ask a DNS server for a name at a steady rate, and count the questions that got no
answer, or a wrong one: over UDP from a fresh port each, over UDP from one port
all the time, and over TCP with a connection each. No question is asked twice.
During a migration the operator runs one on every node.

HTTP has the counts since the start: GET /counts in JSON, /metrics for Prometheus;
/healthz answers as long as the meter works. It ends with SIGINT or SIGTERM, after
the answers that are under way, and prints the counts. The next one begins anew.`,
		Example: `  clusterdns meter --server 10.96.0.10 --name kubernetes.default.svc.cluster.local
  curl -s 127.0.0.1:8053/counts`,
		RunE: func(c *cobra.Command, _ []string) error {
			if server == "" || q.Name == "" {
				return fmt.Errorf("%w: say which server to ask for what, with --server and --name; see %s --help", errUsage, c.CommandPath())
			}
			var err error
			if q.Server, err = parseServer(server); err != nil {
				return err
			}
			if q.Type, err = parseType(qtype, q.Server.Addr()); err != nil {
				return err
			}
			listening := func(at net.Addr) {
				fmt.Fprintf(c.ErrOrStderr(), "asking %s for %s %s, %d questions in a second over each of %v; the counts are at http://%s%s\n",
					q.Server, q.Name, dns.TypeToString[q.Type], q.QPS, counter.Transports, at, meter.PathCounts)
			}
			counts, err := meter.Run(c.Context(), meter.Options{Questions: q, Address: address, Listening: listening})
			if err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(counts)
		},
	}
	f := c.Flags()
	f.StringVar(&server, "server", "", "address of the server, with or without a port; in a cluster the cluster IP of its Service")
	f.StringVar(&q.Name, "name", "", "name to ask for, which has an address")
	f.StringVar(&qtype, "type", "", "type of the records (default: A, or AAAA of a server with an address of IPv6)")
	f.IntVar(&q.QPS, "qps", 20, "questions in a second over each transport, 1 to 10000")
	f.DurationVar(&q.Timeout, "timeout", 2*time.Second, "how long to wait for an answer before it is lost")
	f.StringVar(&address, "address", fmt.Sprintf(":%d", meter.Port), "host:port to serve HTTP at")
	return c
}

// parseServer returns an address, with the port of DNS if there is none.
func parseServer(text string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a, 53), nil
	}
	a, err := netip.ParseAddrPort(text)
	if err != nil {
		return a, fmt.Errorf("%w: --server %q; write an address, as 10.96.0.10 or 127.0.0.1:1053", errUsage, text)
	}
	return a, nil
}

// parseType returns the type of that name, or that of addresses like the server's.
func parseType(name string, server netip.Addr) (uint16, error) {
	switch {
	case name == "" && server.Is4():
		return dns.TypeA, nil
	case name == "":
		return dns.TypeAAAA, nil
	}
	t, ok := dns.StringToType[strings.ToUpper(name)]
	if !ok {
		return 0, fmt.Errorf("%w: there is no --type %q; write A or AAAA", errUsage, name)
	}
	return t, nil
}
