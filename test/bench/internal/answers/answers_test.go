// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func message(t *testing.T, edit func(*dns.Msg), records ...string) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.Response, m.Authoritative = true, true
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		if rr.Header().Rrtype == dns.TypeSOA {
			m.Ns = append(m.Ns, rr)
		} else {
			m.Answer = append(m.Answer, rr)
		}
	}
	if edit != nil {
		edit(m)
	}
	return m
}

func TestDiff(t *testing.T) {
	const (
		a    = "web.example.org. 5 IN A 192.0.2.1"
		old  = "web.example.org. 2 IN A 192.0.2.1"
		b    = "web.example.org. 5 IN A 192.0.2.2"
		soa1 = "example.org. 5 IN SOA ns.example.org. admin.example.org. 1 7200 1800 86400 5"
		soa2 = "example.org. 5 IN SOA ns.example.org. admin.example.org. 2 7200 1800 86400 5"
	)
	nx := func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }
	tc := func(m *dns.Msg) { m.Truncated = true }
	noAA := func(m *dns.Msg) { m.Authoritative = false }
	for name, c := range map[string]struct {
		want, got *dns.Msg
		how       How
		diff      string
	}{
		"order":         {message(t, nil, a, b), message(t, nil, b, a), How{}, ""},
		"serial":        {message(t, nx, soa1), message(t, nx, soa2), How{}, ""},
		"record":        {message(t, nil, a, b), message(t, nil, a), How{}, "answer"},
		"ttl":           {message(t, nil, a), message(t, nil, old), How{}, "answer"},
		"cached":        {message(t, nil, a), message(t, nil, old), How{AnyTTL: true}, ""},
		"rcode":         {message(t, nil, soa1), message(t, nx, soa1), How{}, "NXDOMAIN"},
		"aa":            {message(t, nil, a), message(t, noAA, a), How{}, "aa=false"},
		"aa of another": {message(t, nil, a, soa1), message(t, noAA, a), How{AnswerOnly: true}, ""},
		"tc":            {message(t, nil, a), message(t, tc, a), How{}, "tc=true"},
		"both tc":       {message(t, tc, a), message(t, tc, b), How{}, ""},
		"authority":     {message(t, nil, soa1), message(t, nil), How{}, "authority"},
	} {
		got := Diff(c.want, c.got, c.how)
		if (c.diff == "") != (got == "") || !strings.Contains(got, c.diff) {
			t.Errorf("%s: got %q, want %q", name, got, c.diff)
		}
	}
}
