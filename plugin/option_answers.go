// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"github.com/coredns/caddy"
	"github.com/miekg/dns"
)

func parseZonal(s *stanza, c *caddy.Controller, args []string) error {
	s.opts.Zonal = true
	return noArgs(c, args)
}

func parseStrictCompat(s *stanza, c *caddy.Controller, args []string) error {
	s.opts.StrictCompat = true
	return noArgs(c, args)
}

func parseMaxAnswers(s *stanza, c *caddy.Controller, args []string) error {
	n, err := count(c, s.option, args)
	if err == nil && n == 0 {
		return c.Errf("max_answers '%s': must be a whole number > 0; without the option all endpoints are answered", args[0])
	}
	s.opts.MaxAnswers = n
	return err
}

// room returns how many octets the records of a response of so many octets to r may take.
func room(octets int, r *dns.Msg) int {
	const header, typeAndClass, opt = 12, 4, 11
	octets -= header + len(r.Question[0].Name) + 1 + typeAndClass
	if r.IsEdns0() != nil {
		octets -= opt
	}
	return max(0, octets)
}
