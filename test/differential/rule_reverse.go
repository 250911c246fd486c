// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"slices"

	"github.com/miekg/dns"
)

// hiddenPTR: namespace_labels hides the names of addresses too.
func hiddenPTR(d *Difference) bool {
	return d.View.NamespaceLabels != nil && slices.ContainsFunc(d.Owners, func(o Owner) bool { return o.Hidden && !o.Orphan }) && onlyShown(d)
}

// orphanPTR: an address has a name only if the name has that address. Names
// that stock makes up in in-addr.arpa have none.
func orphanPTR(d *Difference) bool {
	if p := d.View.stockPrimary(); isReverse(p) || d.View.inSet(p) {
		return onlyShown(d)
	}
	return slices.ContainsFunc(d.Owners, func(o Owner) bool { return o.Orphan }) && onlyShown(d)
}

// onlyShown reports whether ours answers the names of the address that can be
// looked up and stock others besides.
func onlyShown(d *Difference) bool {
	if !d.kindIs(kindAddress, kindApex) || d.Type != dns.TypePTR || !d.stockIs(outData) {
		return false
	}
	var want []string
	for _, o := range d.Owners {
		if o.Shown() && !slices.Contains(want, o.Target) {
			want = append(want, o.Target)
		}
	}
	slices.Sort(want)
	var got []string
	for _, rr := range d.Ours.Answer {
		if ptr, ok := rr.(*dns.PTR); ok {
			got = append(got, ptr.Ptr)
		}
	}
	slices.Sort(got)
	if len(want) == 0 {
		return d.denied(d.Ours) || d.kindIs(kindApex) && d.oursIs(outNoData)
	}
	p := d.View.stockPrimary()
	elsewhere := isReverse(p) || d.View.inSet(p) || slices.ContainsFunc(d.Owners, func(o Owner) bool { return o.Imported })
	return slices.Equal(got, want) && (elsewhere || subset(d.Ours.Answer, d.Stock.Answer))
}

// noAddressInReverse: the reverse tree has addresses, no Services and no version.
func noAddressInReverse(d *Difference) bool {
	return d.kindIs(kindInReverse) && d.denied(d.Ours) && d.stockIs(outData, outNoData)
}
