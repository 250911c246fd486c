// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// aliasHolds reports whether ours is what RFC 1034 section 4.3.2 step 3a wants
// of the alias at the name: the CNAME record, and what ours answers for the
// target to the same query, with its response code (RFC 6604) and its SOA
// record (RFC 2308). A target that nobody answers for ends the chain.
func aliasHolds(d *Difference) bool {
	target, ok := d.Alias()
	if !ok || len(d.Ours.Answer) == 0 {
		return false
	}
	end, err := d.Ask(ours, target, d.Type)
	if err != nil {
		return false
	}
	want := append(normal([]dns.RR{cname(d, target)}), onChain(end.Answer, target, d.Type)...)
	rcode, authority := end.Rcode, end.Authority
	if rcode == "REFUSED" {
		rcode, authority = "NOERROR", nil
	}
	if rcode == "SERVFAIL" { // then the rest of the chain is of no use
		want, authority = want[:1], nil
	}
	return d.Ours.Rcode == rcode && equal(d.Ours.Answer, normal(want)) && equal(d.Ours.Authority, soaOf(authority))
}

// cname returns the record of the alias at the name. Its TTL is that of the answer.
func cname(d *Difference, target string) dns.RR {
	ttl := uint32(0)
	for _, rr := range d.Ours.Answer {
		if rr.Header().Name == d.Question.Name {
			ttl = rr.Header().Ttl
		}
	}
	return &dns.CNAME{Hdr: dns.RR_Header{Name: d.Question.Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: ttl}, Target: target}
}

// soaOf returns the SOA records of an authority section.
func soaOf(rrs []dns.RR) []dns.RR {
	return slices.DeleteFunc(slices.Clone(rrs), func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeSOA })
}

// onChain returns the records that are reached from name.
func onChain(rrs []dns.RR, name string, qtype uint16) []dns.RR {
	var all []dns.RR
	for _, rr := range rrs {
		if !strings.EqualFold(rr.Header().Name, name) {
			continue
		}
		switch c, ok := rr.(*dns.CNAME); {
		case rr.Header().Rrtype == qtype:
			all = append(all, rr)
		case ok:
			rest := slices.DeleteFunc(slices.Clone(rrs), func(other dns.RR) bool { return other == rr })
			return append([]dns.RR{rr}, onChain(rest, c.Target, qtype)...)
		}
	}
	return all
}

// aliasOfEveryType: an alias answers queries of every type, and is there
// whether its target has records or not.
func aliasOfEveryType(d *Difference) bool {
	return !d.oursIs("ALIAS-NXDOMAIN", "ALIAS-SERVFAIL") && d.stockIs(outNoData) && aliasHolds(d)
}

// aliasToNoData: the answer of an alias to a name without such records carries
// the SOA record that says for how long.
func aliasToNoData(d *Difference) bool {
	return d.oursIs("ALIAS-NODATA") && d.stockIs("ALIAS-NODATA") && len(d.Ours.Authority) > 0 &&
		equal(d.Ours.Answer, onChain(d.Stock.Answer, d.Question.Name, d.Type)) && aliasHolds(d)
}

// aliasToError: the response code is that of the last name of the chain.
func aliasToError(d *Difference) bool {
	return d.oursIs("ALIAS-NXDOMAIN", "ALIAS-SERVFAIL") && d.AliasKind() != "loop" && d.AliasKind() != "many" &&
		d.stockIs(outNoData, "ALIAS-NODATA") && aliasHolds(d)
}

// aliasLoop: a chain that goes round in circles is an error.
func aliasLoop(d *Difference) bool {
	return d.AliasKind() == "loop" && d.oursIs("ALIAS-SERVFAIL") && d.stockIs(outNoData, "ALIAS-NODATA")
}

// aliasBound: the work for one query is bounded. Stock follows as many aliases,
// but begins to count again in each zone.
func aliasBound(d *Difference) bool {
	return d.AliasKind() == "many" && d.oursIs("ALIAS-SERVFAIL") && d.stockIs(outNoData, "ALIAS-NODATA", "ALIAS-DATA")
}

// unrelatedRecords: what an upstream adds to an answer beside the chain asked
// for is not answered under our names.
func unrelatedRecords(d *Difference) bool {
	return d.AliasKind() == "outside" && d.oursIs("ALIAS-DATA", "ALIAS-NODATA", "ALIAS-NXDOMAIN") && !equal(d.Ours.Answer, d.Stock.Answer) &&
		subset(d.Ours.Answer, d.Stock.Answer) && aliasHolds(d)
}
