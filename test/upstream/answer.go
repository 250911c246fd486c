// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// The addresses that [Lying] answers with.
var (
	LieV4 = netip.MustParseAddr("203.0.113.66")
	LieV6 = netip.MustParseAddr("2001:db8::66")
)

// answer counts a question and returns the response, or nil if there shall be
// none. The server may be slow; the end of ctx, or Stop, ends the wait.
func (s *Server) answer(ctx context.Context, t Transport, q *dns.Msg) *dns.Msg {
	s.seen.add(t, q)
	m := s.mode.next()
	if m.kind == silent || !s.wait(ctx, m.delay) {
		return nil
	}
	return respond(m.kind, s.zones, t, q)
}

// wait waits for d and reports whether nothing ended it.
func (s *Server) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	return false
}

// respond returns the response to q.
func respond(k kind, z *zones, t Transport, q *dns.Msg) *dns.Msg {
	r := new(dns.Msg).SetReply(q)
	r.RecursionAvailable = true
	switch {
	case len(q.Question) != 1:
		r.Rcode = dns.RcodeFormatError
	case k == refusing:
		r.Rcode = dns.RcodeRefused
	case k == failing:
		r.Rcode = dns.RcodeServerFailure
	case k == truncating && t == UDP:
		r.Truncated = true
	case k == lying && lie(r):
	default:
		answerHonestly(r, z)
	}
	if k == confused {
		r.Question = []dns.Question{{Name: "confused.example.org.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}
	}
	fit(r, q, t)
	return r
}

func answerHonestly(r *dns.Msg, z *zones) {
	q := r.Question[0]
	r.Answer = slices.Clone(z.rrset(q)) // Truncate shortens it
	if len(r.Answer) > 0 {
		return
	}
	r.Ns = z.soa(q.Name)
	if !z.exists(q.Name) {
		r.Rcode = dns.RcodeNameError
	}
}

// lie answers a question for addresses, and reports whether it was one.
func lie(r *dns.Msg) bool {
	q := r.Question[0]
	h := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: ttl}
	switch q.Qtype {
	case dns.TypeA:
		r.Answer = []dns.RR{&dns.A{Hdr: h, A: LieV4.AsSlice()}}
	case dns.TypeAAAA:
		r.Answer = []dns.RR{&dns.AAAA{Hdr: h, AAAA: LieV6.AsSlice()}}
	default:
		return false
	}
	return true
}

// fit adds EDNS if the question has it, and cuts the response to the size that
// the client takes.
func fit(r, q *dns.Msg, t Transport) {
	size := dns.MinMsgSize
	if opt := q.IsEdns0(); opt != nil {
		r.SetEdns0(1232, false)
		size = max(size, int(opt.UDPSize()))
	}
	if t != UDP {
		size = dns.MaxMsgSize
	}
	r.Truncate(size)
}
