// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

const (
	// maxAliases bounds a chain of CNAME records that passes through this
	// process more than once: through our zones, rewrites and other server blocks.
	maxAliases = 11 // as the kubernetes plugin has it
	// followTime bounds the time that following a whole chain may take.
	followTime = 4 * time.Second
)

// A chain is the aliases that are being followed for one query. It travels in
// the context, because each step is a query to the server itself.
type chain struct {
	first   string   // the name that the client asked for
	targets []string // in lower case
}

type chainKey struct{}

// follow completes m, which ends in a CNAME record, with what the server
// itself answers for target. The response code is that of the last name of the
// chain (RFC 6604). If nobody here answers for target, the alias alone is a
// complete answer of an authoritative server (RFC 1034 section 4.3.2). stale
// tells that the rest of the chain was said to be.
func (c *ClusterDNS) follow(ctx context.Context, state request.Request, m *dns.Msg, target string) (stale bool) {
	before, _ := ctx.Value(chainKey{}).(chain)
	key := strings.ToLower(target)
	if before.first == "" {
		before.first = state.Req.Question[0].Name
	}
	if len(before.targets) >= maxAliases || slices.Contains(before.targets, key) || strings.EqualFold(before.first, target) {
		m.Rcode = dns.RcodeServerFailure // a loop is an error (RFC 1034 section 3.6.2)
		return false
	}
	if len(before.targets) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, followTime)
		defer cancel()
	}
	ctx = context.WithValue(ctx, chainKey{}, chain{before.first, append(slices.Clip(before.targets), key)})

	resp, err := c.upstream.Lookup(ctx, state, target, state.Req.Question[0].Qtype)
	switch {
	case err != nil:
		return false // there is no server around this plugin: nobody answers
	case resp == nil || ctx.Err() != nil:
		m.Rcode = dns.RcodeServerFailure
		return false
	case resp.Rcode == dns.RcodeRefused:
		return false
	}
	m.Rcode = resp.Rcode
	if resp.Rcode == dns.RcodeServerFailure {
		return false // what it has of a chain that cannot be followed is of no use
	}
	m.Truncated = resp.Truncated
	m.Answer = append(slices.Clip(m.Answer), onChain(resp.Answer, target, state.Req.Question[0].Qtype)...)
	if negative(resp, state.Req.Question[0].Qtype) {
		m.Ns = slices.DeleteFunc(slices.Clone(resp.Ns), func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeSOA })
	}
	return saysStale(resp)
}

// negative reports whether resp denies the last name of its chain, or a record
// of type qtype there.
func negative(resp *dns.Msg, qtype uint16) bool {
	return resp.Rcode == dns.RcodeNameError || resp.Rcode == dns.RcodeSuccess &&
		!slices.ContainsFunc(resp.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == qtype })
}

// onChain returns those of rrs that answer a query for name: the aliases from
// name on, and the records of the type asked for at their end. What else an
// upstream adds is not believed under our names.
func onChain(rrs []dns.RR, name string, qtype uint16) []dns.RR {
	var chain []dns.RR
	for range rrs { // at most so many aliases
		alias := slices.IndexFunc(rrs, func(rr dns.RR) bool {
			return rr.Header().Rrtype == dns.TypeCNAME && strings.EqualFold(rr.Header().Name, name)
		})
		if alias < 0 || qtype == dns.TypeCNAME {
			break
		}
		chain = append(chain, rrs[alias])
		name = rrs[alias].(*dns.CNAME).Target
		rrs = slices.Delete(slices.Clone(rrs), alias, alias+1)
	}
	for _, rr := range rrs {
		if rr.Header().Rrtype == qtype && strings.EqualFold(rr.Header().Name, name) {
			chain = append(chain, rr)
		}
	}
	return chain
}
