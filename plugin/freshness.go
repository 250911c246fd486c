// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"math"
	"time"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
)

const (
	defaultStaleAfter = 2 * time.Minute
	defaultAudit      = 10 * time.Minute
	// shortest is the least that stale_after and audit can be.
	shortest = time.Second
	// asEver is the longest TTL of a stale answer if stale_ttl is not set.
	asEver = math.MaxUint32
)

// stale says that the answer a was made from what may be out of date. Its
// records, but not those that an alias led to, live no longer than maxTTL.
func (m *reply) stale(r *dns.Msg, a *answer.Answer, maxTTL uint32) {
	if maxTTL != asEver {
		for _, rrs := range [][]dns.RR{a.Answer, a.Extra} {
			for _, rr := range rrs {
				shorten(rr, maxTTL)
			}
		}
		shorten(&m.soa, maxTTL)
	}
	code := dns.ExtendedErrorCodeStaleAnswer
	if m.Rcode == dns.RcodeNameError {
		code = dns.ExtendedErrorCodeStaleNXDOMAINAnswer
	}
	m.explain(r, code, "no news from the Kubernetes API server")
}

// shorten makes rr, and a denial that it is of, live no longer than maxTTL.
func shorten(rr dns.RR, maxTTL uint32) {
	rr.Header().Ttl = min(rr.Header().Ttl, maxTTL)
	if soa, ok := rr.(*dns.SOA); ok {
		soa.Minttl = min(soa.Minttl, maxTTL)
	}
}

// saysStale reports whether m carries the Extended DNS Error of a stale answer.
func saysStale(m *dns.Msg) bool {
	opt := m.IsEdns0()
	if opt == nil {
		return false
	}
	for _, o := range opt.Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok && (e.InfoCode == dns.ExtendedErrorCodeStaleAnswer || e.InfoCode == dns.ExtendedErrorCodeStaleNXDOMAINAnswer) {
			return true
		}
	}
	return false
}

func parseStaleAfter(s *stanza, c *caddy.Controller, args []string) (err error) {
	s.cfg.StaleAfter, err = period(c, "stale_after", "2m", args)
	return err
}

func parseAudit(s *stanza, c *caddy.Controller, args []string) (err error) {
	s.cfg.Audit, err = period(c, "audit", "10m", args)
	return err
}

// period returns a duration that is 0, which turns something off, or long
// enough to be of use.
func period(c *caddy.Controller, option, example string, args []string) (time.Duration, error) {
	if len(args) != 1 {
		return 0, c.ArgErr()
	}
	d, err := time.ParseDuration(args[0])
	if err != nil || d != 0 && d < shortest {
		return 0, c.Errf("%s '%s': must be a duration of at least %s, such as %s, or 0 to turn it off", option, args[0], shortest, example)
	}
	return d, nil
}

func parseStaleTTL(s *stanza, c *caddy.Controller, args []string) (err error) {
	if len(args) != 1 {
		return c.ArgErr()
	}
	s.staleTTL, err = ttl(s, c, args)
	return err
}

// checkStale refuses a TTL of answers that never are.
func (s *stanza) checkStale() error {
	if s.staleTTL != asEver && s.cfg.StaleAfter == 0 {
		return s.errf("stale_ttl", "no answer is stale with stale_after 0: remove one of them")
	}
	return nil
}
