// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"slices"

	"github.com/miekg/dns"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// clusterSetVersion: the version of a clusterset zone is that of its specification.
func clusterSetVersion(d *Difference) bool {
	version := func(r *Response, want string) bool {
		return len(r.Answer) == 1 && dns.Field(r.Answer[0], 1) == want
	}
	return d.kindIs(kindVersion) && d.View.inSet(d.Zone) && version(d.Ours, "1.0.0") && version(d.Stock, "1.1.0")
}

// untold reports whether stock is not told of the ServiceImport at or above a
// name that exists: it asks for those with the labels of namespace_labels.
func (d *Difference) untold() bool {
	return d.class() == "IN" && d.View.inSet(d.Zone) && !d.unseen() && d.Facts.Service != nil && d.Exists() && slices.ContainsFunc(d.View.world.Imports, func(i *unstructured.Unstructured) bool {
		return i.GetNamespace() == d.Namespace && i.GetName() == d.Facts.Name.Service && !selected(d.View.NamespaceLabels, i)
	})
}

// importUntold: namespace_labels is about namespaces.
func importUntold(d *Difference) bool { return d.untold() && !d.denied(d.Ours) && d.denied(d.Stock) }

// incompleteImport: what is imported has a name, whether its ports are known or
// not, and, to queries for TXT, whether its addresses are.
func incompleteImport(d *Difference) bool {
	if !d.View.inSet(d.Zone) || d.ServiceKind() != "clusterip" || !d.Exists() || d.denied(d.Ours) || !d.denied(d.Stock) {
		return false
	}
	portless := d.kindIs(kindService) && len(d.Facts.Service.Spec.Ports) == 0
	return portless || d.Type == dns.TypeTXT && d.kindIs(kindService, kindPort) && len(clusterIPs(d.Facts.Service)) == 0
}

// importedPTR: an address that has no name in the cluster has that in the
// clusterset. Stock knows none, or makes one of the EndpointSlice that names no
// Service of the cluster.
func importedPTR(d *Difference) bool {
	if !d.kindIs(kindAddress, kindApex, kindBelowAddr) || d.Type != dns.TypePTR || !(d.denied(d.Stock) || d.nameless()) {
		return false
	}
	var want, got []string
	for _, o := range d.Owners {
		if o.Shown() {
			want = append(want, o.Target)
		}
	}
	for _, rr := range d.Ours.Answer {
		got = append(got, dns.Field(rr, 1))
	}
	slices.Sort(want)
	slices.Sort(got)
	return slices.Equal(got, slices.Compact(want)) && (len(want) > 0 || d.denied(d.Ours))
}

// unseenClusterSet: a zone is the same in any letter case.
func unseenClusterSet(d *Difference) bool { return d.unseen() && sameInLowerCase(d) }

// importsUnserved: what an API server does not have, or show, of the clusterset
// keeps nothing else from being answered.
func importsUnserved(d *Difference) bool {
	if d.View.inSet(d.Zone) && d.Ours.Rcode == "SERVFAIL" {
		return !d.Exists()
	}
	return d.Stock.Rcode == "SERVFAIL" && d.denied(d.Ours) && !d.Exists()
}
