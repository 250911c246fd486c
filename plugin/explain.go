// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"fmt"
	"strings"
	"time"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
)

func parseExplain(s *stanza, c *caddy.Controller, args []string) error {
	s.opts.Explain = true
	return noArgs(c, args)
}

// reason is the record that says why.
func (c *ClusterDNS) reason(name, why string) dns.RR {
	hdr := dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET} // it is only true now
	return &dns.TXT{Hdr: hdr, Txt: characterStrings(c.withFreshness(why))}
}

// withFreshness adds to why how old what it was made of is.
func (c *ClusterDNS) withFreshness(why string) string {
	var ages []string
	for _, s := range c.lease.Stats() {
		age := "never"
		if !s.LastEvent.IsZero() {
			age = time.Since(s.LastEvent).Truncate(time.Second).String() + " ago"
		}
		ages = append(ages, fmt.Sprintf("%s %s", s.Kind, age))
	}
	return why + "; last heard of " + strings.Join(ages, ", ")
}

// characterStrings cuts text into pieces that a TXT record can hold (RFC 1035 section 3.3).
func characterStrings(text string) []string {
	const most = 255
	var all []string
	for len(text) > most {
		all, text = append(all, text[:most]), text[most:]
	}
	return append(all, text)
}
