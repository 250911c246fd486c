// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestTransfer compares zone transfers, of random objects. What one of the two
// has and the other has not is looked at as the answer to a query: ours has to
// transfer what it answers (RFC 5936 section 2.2), and where the answers differ
// too, that has to be listed.
func TestTransfer(t *testing.T) {
	outside, err := StartOutside()
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Stop()
	more, less := 0, 0
	for world := range 12 {
		t.Run(fmt.Sprintf("world=%d", world), func(t *testing.T) {
			g := newGenerator(3, uint64(world))
			b := newBench(t, g, false, outside)
			b.corefile = strings.Replace(b.corefile, "{\n", "{\ntransfer {\nto *\n}\n", 1)
			b.show(t, g.world(), 0)
			for _, zone := range b.options.Zones {
				mine, theirs := transferred(t, b.pair.Clients[ours], zone), transferred(t, b.pair.Clients[stock], zone)
				differing := make(map[Question]bool)
				note := func(has, hasNot map[string]dns.RR, n *int) {
					for text, rr := range has {
						if hasNot[text] == nil {
							differing[Question{Name: rr.Header().Name, Type: rr.Header().Rrtype, Class: dns.ClassINET, TCP: true}] = true
							*n++
						}
					}
				}
				note(mine, theirs, &more)
				note(theirs, mine, &less)
				for q := range differing {
					if !inZone(q.Name, zone) {
						continue // stock names what it has in a reverse zone after Services
					}
					b.judge(t, q, mine)
				}
			}
		})
	}
	t.Logf("records that only ours has: %d, only stock: %d", more, less)
	if more == 0 || less == 0 {
		t.Error("this compared nothing")
	}
}

// judge checks one RRset that the transfers differ in.
func (b *bench) judge(t *testing.T, q Question, mine map[string]dns.RR) {
	t.Helper()
	answered, err := b.pair.Clients[ours].Ask(q)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, rr := range answered.Answer {
		if rr.Header().Rrtype == q.Type && strings.EqualFold(rr.Header().Name, q.Name) && q.Type != dns.TypeSOA {
			want = append(want, text(rr))
		}
	}
	for key, rr := range mine {
		if rr.Header().Rrtype == q.Type && rr.Header().Name == q.Name && q.Type != dns.TypeSOA {
			got = append(got, key)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("%s: ours transfers %q and answers %q\n%s", q, got, want, b.corefile)
	}
	problem, err := judge(&b.pair, q)
	if err != nil {
		t.Fatal(err)
	}
	if problem != "" {
		t.Errorf("%s\n%s", problem, b.corefile)
	}
}

func inZone(name, zone string) bool { return dns.IsSubDomain(zone, name) }

// transferred returns the records of a zone, by their text.
func transferred(t *testing.T, c *Client, zone string) map[string]dns.RR {
	t.Helper()
	m := new(dns.Msg)
	m.SetAxfr(dns.Fqdn(zone))
	envelopes, err := new(dns.Transfer).In(m, c.addrs["tcp"])
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]dns.RR)
	for e := range envelopes {
		if e.Error != nil {
			t.Fatalf("%s: %v", zone, e.Error)
		}
		for _, rr := range normal(e.RR) {
			all[text(rr)] = rr
		}
	}
	return all
}
