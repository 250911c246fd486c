// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package answers compares two responses to the same query.
package answers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// How says what of two responses has to be equal. The zero value is strict.
type How struct {
	// AnyTTL: one of them comes from a cache, which counts down.
	AnyTTL bool
	// AnswerOnly: sections but the answer, and AA, are up to the server.
	AnswerOnly bool
}

// Diff says how got differs from want, or is empty. The order of records and
// the serial of a SOA record do not count. Of truncated responses the records
// are not compared: which ones are left out is up to the server.
func Diff(want, got *dns.Msg, how How) string {
	if a, b := head(want, how), head(got, how); a != b {
		return fmt.Sprintf("want %s, got %s", a, b)
	}
	if want.Truncated {
		return ""
	}
	sections := []struct {
		name      string
		want, got []dns.RR
	}{{"answer", want.Answer, got.Answer}, {"authority", want.Ns, got.Ns}, {"additional", want.Extra, got.Extra}}
	if how.AnswerOnly {
		sections = sections[:1]
	}
	for _, s := range sections {
		a, b := Canonical(s.want, how.AnyTTL), Canonical(s.got, how.AnyTTL)
		if !slices.Equal(a, b) {
			return fmt.Sprintf("%s: want %s, got %s", s.name, list(a), list(b))
		}
	}
	return ""
}

func head(m *dns.Msg, how How) string {
	h := fmt.Sprintf("%s tc=%t", dns.RcodeToString[m.Rcode], m.Truncated)
	if !how.AnswerOnly {
		h += fmt.Sprintf(" aa=%t", m.Authoritative)
	}
	return h
}

// Canonical returns records as sorted lines.
func Canonical(rrs []dns.RR, anyTTL bool) []string {
	var lines []string
	for _, rr := range rrs {
		if rr.Header().Rrtype == dns.TypeOPT {
			continue
		}
		rr = dns.Copy(rr)
		rr.Header().Name = strings.ToLower(rr.Header().Name)
		if soa, ok := rr.(*dns.SOA); ok {
			soa.Serial = 0
		}
		if anyTTL {
			rr.Header().Ttl = 0
		}
		lines = append(lines, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	slices.Sort(lines)
	return lines
}

// list shortens what may be thousands of records.
func list(lines []string) string {
	const most = 4
	if len(lines) > most {
		return fmt.Sprintf("%q and %d more", lines[:most], len(lines)-most)
	}
	return fmt.Sprintf("%q", lines)
}
