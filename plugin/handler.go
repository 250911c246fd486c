// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"context"
	"math/rand/v2"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// tooMany returns a number of records that is sure not to fit a response of so
// many octets to q, be it compressed as well as can be.
func tooMany(octets int, q *dns.Question) int {
	const header, typeAndClass = 12, 4
	question := 1 + typeAndClass
	if !strings.Contains(q.Name, `\`) { // else it is shorter on the wire
		question += len(q.Name)
	}
	const owner, typeClassTTLLength = 2, 10
	record := owner + typeClassTTLLength
	switch q.Qtype {
	case dns.TypeA:
		record += 4
	case dns.TypeAAAA:
		record += 16
	case dns.TypeSRV:
		record += 6 + 1 // the root as a target
	default:
		record += 2
	}
	return max(0, octets-header-question)/record + 1
}

// ServeDNS implements [plugin.Handler].
func (c *ClusterDNS) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	q := &r.Question[0]
	z := c.match(q.Name)
	if z == nil {
		return plugin.NextOrFailure(c.Name(), c.Next, ctx, w, r)
	}
	switch {
	case q.Qtype == dns.TypeAXFR, q.Qtype == dns.TypeIXFR:
		return dns.RcodeRefused, nil // transfers are the transfer plugin's
	case q.Qclass != dns.ClassINET && q.Qclass != dns.ClassANY:
		return dns.RcodeRefused, nil // there is no cluster in another class
	}

	state := request.Request{W: w, Req: r}
	zone := q.Name[len(q.Name)-len(z.origin):] // in the letter case of the query
	question := answer.Question{
		Name:       q.Name,
		Zone:       zone,
		Type:       q.Qtype,
		ClusterSet: z.clusterset,
		Refused:    c.lease.Refused(), // before Synced, as in Ready
		Limit:      tooMany(state.Size(), q),
		Start:      rand.Uint32(),
		Explain:    c.opts.Explain && r.IsEdns0() != nil,
	}
	if c.opts.Topology.Mode != answer.TopologyOff {
		question.Client = remoteAddr(w)
	}
	if c.opts.MaxAnswers > 0 {
		question.Room = room(state.Size(), r)
	}
	a := answer.Lookup(c.lease.Index(), c.lease.Synced(), &c.opts, question)
	if a.Result == answer.NameError && c.through(q.Name) {
		return plugin.NextOrFailure(c.Name(), c.Next, ctx, w, r)
	}

	m := newReply(r)
	stale := a.Needed&c.lease.Stale() != 0
	switch a.Result {
	case answer.Success:
		m.Answer, m.Extra = a.Answer, a.Extra
	case answer.Alias:
		m.Answer = a.Answer
		stale = c.follow(ctx, state, &m.Msg, a.Target) || stale
	case answer.Reason:
		m.Answer = []dns.RR{c.reason(q.Name, a.Why)}
	case answer.NoData:
		m.deny(z, zone, c)
	case answer.NameError:
		m.Rcode = dns.RcodeNameError
		m.deny(z, zone, c)
	case answer.NotSynced:
		m.Rcode = dns.RcodeServerFailure
		m.Authoritative = false
		m.explain(r, dns.ExtendedErrorCodeNotReady, "waiting for the Kubernetes API server")
		stale = false
	}
	if stale {
		m.stale(r, &a, c.staleTTL)
	}
	if a.Why != "" && a.Result != answer.Reason {
		m.explain(r, dns.ExtendedErrorCodeOther, c.withFreshness(a.Why))
	}
	_ = w.WriteMsg(&m.Msg) // a client that is gone is nobody's error
	return dns.RcodeSuccess, nil
}

// match returns the zone with the longest name that name is in, or nil.
func (c *ClusterDNS) match(name string) *zone {
	var best *zone
	for i := range c.zones {
		z := &c.zones[i]
		if (best == nil || len(z.origin) > len(best.origin)) && qname.InZone(name, z.origin) {
			best = z
		}
	}
	return best
}

// through reports whether a name error for name goes to the next plugin.
func (c *ClusterDNS) through(name string) bool {
	for _, zone := range c.fall {
		if qname.InZone(name, zone) {
			return true
		}
	}
	return false
}

// A reply is a response with room for what almost every one has, in one allocation.
type reply struct {
	dns.Msg
	question [1]dns.Question
	ns       [1]dns.RR
	soa      dns.SOA
}

// newReply returns an authoritative response to r without records.
func newReply(r *dns.Msg) *reply {
	m := new(reply)
	m.question[0] = r.Question[0]
	m.Question = m.question[:]
	m.Id = r.Id
	m.Response = true
	m.Opcode = r.Opcode
	m.RecursionDesired = r.RecursionDesired
	m.CheckingDisabled = r.CheckingDisabled
	m.Authoritative = true
	return m
}

// deny adds the SOA record that says for how long the denial holds (RFC 2308 section 3).
func (m *reply) deny(z *zone, name string, c *ClusterDNS) {
	mname, rname := z.mname, z.rname
	if name != z.origin { // written in another letter case: so is the answer
		mname, rname = answer.SOANames(name)
	}
	answer.SOA(&m.soa, name, mname, rname, c.serial(z), c.opts.NegativeTTL, c.opts.NegativeTTL)
	m.ns[0] = &m.soa
	m.Ns = m.ns[:]
}

// An explanation is an OPT record with an Extended DNS Error, in one allocation.
type explanation struct {
	opt     dns.OPT
	options [1]dns.EDNS0
	ede     dns.EDNS0_EDE
	extra   [1]dns.RR
}

// explain adds an Extended DNS Error (RFC 8914) for a client that understands it.
func (m *reply) explain(r *dns.Msg, code uint16, text string) {
	if r.IsEdns0() == nil {
		return
	}
	if opt := m.IsEdns0(); opt != nil { // there is another explanation, and one OPT record (RFC 6891 section 6.1.1)
		opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: code, ExtraText: text})
		return
	}
	e := new(explanation)
	e.ede = dns.EDNS0_EDE{InfoCode: code, ExtraText: text}
	e.options[0] = &e.ede
	e.opt = dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}, Option: e.options[:]}
	if len(m.Extra) > 0 {
		m.Extra = append(m.Extra, &e.opt)
		return
	}
	e.extra[0] = &e.opt
	m.Extra = e.extra[:]
}
