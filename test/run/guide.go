// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// A guide tells the user what there is and what to try.
type guide struct {
	port   int
	total  time.Duration // how long it took to get here
	facts  []fact
	topics []topic
	create string // command that creates the Service demo/hello; empty if nothing may be created
	change string // command that gives the ClusterDNS a host; empty as above
}

// A fact is a line of a table.
type fact struct{ name, value string }

// guide returns what holds for any cluster.
func (s *session) guide(topics []topic) *guide {
	return &guide{
		port:   s.port,
		topics: topics,
		facts: []fact{
			{"Corefile", s.file("Corefile") + " (change it: CoreDNS loads it again)"},
			{"metrics", "http://" + address(s.metrics) + "/metrics"},
			{"ready", "http://" + address(s.ready) + "/ready"},
			{"logs", s.file(coreDNSLog)},
		},
	}
}

// print writes the guide at once, so that what follows cannot stand in between.
func (g *guide) print(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nReady after %s. The DNS of the cluster (%s) is on %s, UDP and TCP.\n\n", round(g.total), zone, address(g.port))
	for _, f := range g.facts {
		fmt.Fprintf(&b, "  %-11s %s\n", f.name, f.value)
	}
	fmt.Fprint(&b, "\nTry from another shell:\n")
	for _, t := range g.topics {
		g.printTopic(&b, t)
	}
	if g.create != "" {
		hello := question{name: "hello.demo.svc." + zone, qtype: dns.TypeA}
		fmt.Fprintf(&b, "\n  # a new Service is answered within a second\n  %s\n  %s\n", g.create, hello.dig(g.port))
	}
	if g.change != "" {
		host := question{name: hostSample, qtype: dns.TypeA}
		fmt.Fprintf(&b, "\n  # a setting is checked, tried by one server, and rolled out: seconds\n  %s\n  %s\n", g.change, host.dig(g.port))
	}
	if _, err := exec.LookPath("dig"); err != nil {
		fmt.Fprint(&b, "\nThis machine has no dig: `make deps` installs it, or says what to install.\n")
	}
	fmt.Fprint(&b, "\nCtrl-C stops everything. Until then the log follows.\n\n")
	_, err := io.WriteString(out, b.String())
	return err
}

func (g *guide) printTopic(b *strings.Builder, t topic) {
	fmt.Fprintf(b, "\n  # %s\n", t.about)
	for _, q := range t.questions {
		fmt.Fprintf(b, "  %s\n", q.dig(g.port))
	}
	for _, q := range t.questions {
		if q.nslookup {
			fmt.Fprintf(b, "  %s\n", q.nslookupLine(g.port))
		}
	}
}
