// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A Rule says when a difference is as it should be.
type Rule struct {
	// Holds reports whether ours answers as the rule wants, and stock as the defect explains.
	Holds func(d *Difference) bool
	// Possible, if set, reports whether this machine can show a difference that the line lists at all.
	Possible func(line *Divergence) bool
}

// Rules are the rules by the name that divergences.txt has for them: a defect
// of the facts (B2), or a section of an RFC and maybe a step in it.
var Rules = map[string]Rule{
	"B2":               {Holds: corrected(txtDenied)},
	"B3":               {Holds: corrected(nonTerminalDenied)},
	"B4":               {Holds: corrected(mixedCaseApex), Possible: func(line *Divergence) bool { return !line.names("qtype", "NS") || hasAddress(line) }},
	"B5":               {Holds: corrected(hiddenPTR)},
	"B6":               {Holds: fallthroughUnsynced},
	"B8":               {Holds: importUntold},
	"B13":              {Holds: malformed(badFQDN, badFamily)},
	"B18":              {Holds: weightsBeforeDedup},
	"B19":              {Holds: clusterSetVersion},
	"B20":              {Holds: terminatingPod},
	"RFC1034-3.6.2":    {Holds: aliasLoop},
	"RFC1034-7.1":      {Holds: aliasBound},
	"RFC1034-4.2.1":    {Holds: noNameServer, Possible: hasAddress},
	"RFC1034-4.3.2-3a": {Holds: aliasOfEveryType},
	"RFC1034-4.3.2-3c": {Holds: belowLeaf},
	"RFC1035-2.3.1":    {Holds: malformed(badName)},
	"RFC1035-2.3.4":    {Holds: malformed(badLength)},
	"RFC1035-3.1":      {Holds: malformed(badService)},
	"RFC1035-3.4.1":    {Holds: malformed(badAddress)},
	"RFC5952-4":        {Holds: malformed(badSpelling)},
	"RFC6335-6":        {Holds: malformed(badPort)},
	"RFC1035-3.2.4":    {Holds: otherClass},
	"RFC1035-3.5":      {Holds: noAddressInReverse},
	"RFC1912-2.1":      {Holds: orphanPTR},
	"RFC2181-5":        {Holds: duplicateGlue, Possible: hasAddress},
	"RFC2181-5.4.1":    {Holds: unrelatedRecords},
	"RFC2181-10.3":     {Holds: nameServerWithoutAddress, Possible: hasAddress},
	"RFC2308-2.1":      {Holds: soaOfNothing},
	"RFC2308-2.2":      {Holds: aliasToNoData},
	"RFC2782":          {Holds: loosePort},
	"KEP1645-2.3.1":    {Holds: incompleteImport},
	"KEP1645-2.4.3":    {Holds: importedPTR},
	"RFC4343-3":        {Holds: unseenClusterSet},
	"RFC2308-7.1":      {Holds: importsUnserved},
	"RFC4291-2.2":      {Holds: otherSpelling},
	"RFC4472-2.1":      {Holds: linkLocal, Possible: hasLinkLocal},
	"RFC6604-3":        {Holds: aliasToError},
	"RFC8020-2":        {Holds: nothingBelowNothing},
	"RFC8482-4.2":      {Holds: anyAnswered},
}

// corrected returns a rule that does not hold with the option strict_compat,
// which repeats what is wrong.
func corrected(holds func(d *Difference) bool) func(d *Difference) bool {
	return func(d *Difference) bool { return !d.View.Strict && holds(d) }
}

// nothingBelowNothing: a headless Service without a ready endpoint does not
// exist, and so nothing below it does; stock says that zonal names there do.
func nothingBelowNothing(d *Difference) bool {
	return d.Kind == kindZonal && d.View.Zonal && d.Service != nil && isHeadless(d.Service) && !d.anyEndpoint() &&
		d.denied(d.Ours) && d.stockIs(outNoData)
}

// malformed returns a rule: stock would answer otherwise if it were not for
// malformed objects, one of which is of these sorts. That ours answers as stock
// does without them is compared apart.
func malformed(sorts ...string) func(d *Difference) bool {
	return func(d *Difference) bool {
		return d.Clean != nil && slices.ContainsFunc(strings.Split(d.Malformed, "+"), func(s string) bool { return slices.Contains(sorts, s) })
	}
}

// denied reports whether r says that the name does not exist, or is what the
// next plugin answers in that case.
func (d *Difference) denied(r *Response) bool {
	switch r.Outcome(d.Type) {
	case "NXDOMAIN":
		return true
	case outNext:
		return d.View.through(d.Question.Name)
	}
	return d.View.through(d.Question.Name) && r.Rcode == "SERVFAIL" // nobody is next
}

func (d *Difference) oursIs(outcomes ...string) bool {
	return slices.Contains(outcomes, d.Ours.Outcome(d.Type))
}

func (d *Difference) stockIs(outcomes ...string) bool {
	return slices.Contains(outcomes, d.Stock.Outcome(d.Type))
}

func (d *Difference) kindIs(kinds ...string) bool { return slices.Contains(kinds, d.Kind) }

// txtDenied: a query for TXT at an empty non-terminal or an apex is answered
// that the name, and so all below it, does not exist.
func txtDenied(d *Difference) bool {
	return d.Type == dns.TypeTXT && d.kindIs(kindApex, kindServices, kindPods, kindNamespace, kindPodSpace) &&
		d.Exists() && d.oursIs(outNoData) && d.denied(d.Stock)
}

// nonTerminalDenied: a name that has records below it, or of another type, is denied.
func nonTerminalDenied(d *Difference) bool {
	switch d.Kind {
	case kindProtocol, kindNSParent, kindNetwork, kindZoneNode, kindCluster:
	case kindVersion:
		if d.Type == dns.TypeTXT {
			return false
		}
	case kindNS:
		if d.Type != dns.TypeTXT && d.Type != dns.TypePTR {
			return false
		}
	case kindAddress:
		if d.Type == dns.TypePTR {
			return false
		}
	case kindApex:
		if d.Type != dns.TypePTR {
			return false
		}
	default:
		return false
	}
	return d.Exists() && d.oursIs(outNoData) && d.denied(d.Stock)
}

// mixedCaseApex: the name servers are not found if the zone is written with capital letters.
func mixedCaseApex(d *Difference) bool {
	switch {
	case !d.mixedZone():
		return false
	case d.kindIs(kindApex) && d.Type == dns.TypeNS:
		return d.oursIs(outData) && d.stockIs(outNoData) && sameInLowerCase(d)
	}
	return d.kindIs(kindNS) && d.oursIs(outData, outNoData) && d.denied(d.Stock) && sameInLowerCase(d)
}

// sameInLowerCase reports whether ours answers the same if the name is written in lower case.
func sameInLowerCase(d *Difference) bool {
	lower, err := d.Ask(ours, strings.ToLower(d.Question.Name), d.Type)
	return err == nil && strings.EqualFold(lower.String(), d.Ours.String())
}

// fallthroughUnsynced: before it is synced, what is unknown is left to the next plugin.
func fallthroughUnsynced(d *Difference) bool {
	return d.View.denied && d.View.through(d.Question.Name) && d.Ours.Rcode == "SERVFAIL" && !d.Ours.Has("aa") && d.Stock.Rcode != "SERVFAIL"
}

// anyAnswered: a query for all types gets one synthetic record, where there is something.
func anyAnswered(d *Difference) bool {
	return d.Type == dns.TypeANY && d.oursIs(outHINFO) && d.Exists() && (d.stockIs(outNoData) || d.denied(d.Stock))
}

// soaOfNothing: a query for SOA at a name that does not exist is answered as if it did.
func soaOfNothing(d *Difference) bool {
	return d.Type == dns.TypeSOA && !d.Exists() && d.denied(d.Ours) && d.stockIs(outNoData)
}

// portOfPod: SRV records are for ports, and a Pod's name has none.
func portOfPod(d *Difference) bool {
	return d.kindIs(kindPodName) && d.Type == dns.TypeSRV && d.oursIs(outNoData) && d.stockIs(outData) &&
		!slices.ContainsFunc(d.Stock.Answer, func(rr dns.RR) bool { return dns.Field(rr, 3) != "0" })
}

// loosePort: names of ports are _port._protocol, with both underscores and both
// names, and a port without a number is none.
func loosePort(d *Difference) bool {
	if d.kindIs(kindPodName) {
		return portOfPod(d)
	}
	if d.kindIs(kindPort) && d.Exists() {
		return portWithoutNumber(d)
	}
	return d.kindIs(kindLoosePort, kindPort) && !d.Exists() && d.denied(d.Ours) &&
		d.stockIs(outData, outNoData, "ALIAS-DATA", "ALIAS-NODATA")
}

// portWithoutNumber: of a headless Service, only the endpoints that have the port are at its name.
func portWithoutNumber(d *Difference) bool {
	if d.ServiceKind() != "headless" || !d.oursIs(outData, outNoData) {
		return false
	}
	var want []string
	for _, e := range d.Endpoints {
		if e.Addr.Is4() == (d.Type == dns.TypeA) {
			want = append(want, e.Addr.String())
		}
	}
	var got []string
	for _, rr := range d.Ours.Answer {
		got = append(got, dns.Field(rr, 1))
	}
	slices.Sort(want)
	slices.Sort(got)
	return slices.Equal(got, slices.Compact(want)) && subset(d.Ours.Answer, d.Stock.Answer)
}

// belowLeaf: labels before a name that has records are no name, without a wildcard.
func belowLeaf(d *Difference) bool {
	return d.kindIs(kindBelowPod, kindBelowAddr) && d.denied(d.Ours) && d.stockIs(outData, outNoData)
}

// otherSpelling: an IPv6 address has many texts; stock compares the text.
func otherSpelling(d *Difference) bool {
	a, ok := undashed(d.Label)
	if !ok || !d.kindIs(kindPodName) || d.View.Pods != "verified" || strings.ReplaceAll(d.Label, "-", ":") == a.String() {
		return false
	}
	canonical, err := d.Ask(ours, strings.Replace(strings.ToLower(d.Question.Name), d.Label, dashed(a), 1), d.Type)
	return err == nil && d.Exists() && d.Ours.Outcome(d.Type) == canonical.Outcome(d.Type) && d.denied(d.Stock)
}

// terminatingPod: a Pod that terminates keeps its name until it is deleted, if
// stock was told of it before.
func terminatingPod(d *Difference) bool {
	a, ok := undashed(d.Label)
	return d.kindIs(kindPodName) && ok && d.View.Pods == "verified" && !d.Exists() &&
		d.View.hasPod(d.View.before, d.Namespace, a) && d.denied(d.Ours) && d.stockIs(outData, outNoData)
}

// otherClass: there is no cluster in another class than IN.
func otherClass(d *Difference) bool {
	return d.Class != dns.ClassINET && d.oursIs("REFUSED")
}

// weightsBeforeDedup: the weight is a share of 100 among the records that are
// answered, not among those that were dropped as duplicates.
func weightsBeforeDedup(d *Difference) bool {
	if d.Type != dns.TypeSRV || !d.oursIs(outData) || !d.stockIs(outData) {
		return false
	}
	weight := uint16(max(1, 100/len(d.Ours.Answer)))
	less := uint16(0)
	for i, rr := range d.Ours.Answer {
		got, ok := rr.(*dns.SRV)
		if !ok || got.Weight != weight || i >= len(d.Stock.Answer) {
			return false
		}
		if s, ok := d.Stock.Answer[i].(*dns.SRV); ok {
			less = s.Weight
		}
	}
	return less < weight && equal(weightless(d.Ours.Answer), weightless(d.Stock.Answer)) &&
		equal(d.Ours.Additional, d.Stock.Additional)
}

// weightless returns copies of SRV records with weight 0, sorted.
func weightless(rrs []dns.RR) []dns.RR {
	var all []dns.RR
	for _, rr := range rrs {
		c := dns.Copy(rr)
		if s, ok := c.(*dns.SRV); ok {
			s.Weight = 0
		}
		all = append(all, c)
	}
	return normal(all)
}

func equal(a, b []dns.RR) bool { return slices.Equal(texts(a), texts(b)) }
