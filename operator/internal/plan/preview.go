// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
)

// Final returns the plan with which the roll-out of the spec ends, if nothing
// goes wrong, and why it would not begin.
func Final(o Observed) (p Plan, refused []string) {
	if o.ClusterDNS == nil || o.ClusterDNS.Spec.ManagementState == v1alpha1.Unmanaged {
		return Plan{}, nil
	}
	f := newPlanner(o)
	if o.ClusterDNS.Spec.ManagementState == v1alpha1.Overlay {
		f.overlay()
	} else {
		f.refused, f.unresolved, f.others = f.accept(), f.missing(), f.foreign()
		f.apply(Object{Object: f.target.configMap(f.Operator.Namespace)})
		f.keepUp(f.target, true)
	}
	if f.refused.reason != "" {
		refused = append(refused, f.refused.reason+": "+f.refused.message)
	}
	refused = append(refused, f.unresolved...)
	if len(f.others) > 0 {
		refused = append(refused, ReasonForeignDNS+": "+f.foreignMessage())
	}
	return f.out, refused
}

// Running returns the Corefile that servers have now, or "".
func Running(o Observed) string {
	l := o.live()
	if r, ok := readRevisions(o.Revisions).named(l.revision); ok {
		return r.corefile
	}
	return ""
}

// Routes returns where a Corefile sends the names of each zone that it serves.
func Routes(text string) map[string]string {
	routes := make(map[string]string)
	f, err := corefile.Parse(text)
	if err != nil {
		return routes
	}
	for _, b := range f.ServerBlocks() {
		to := destinationOf(&b.Block)
		for _, key := range b.Zones() {
			routes[zoneOf(key)] = to
		}
		for _, name := range []string{"clusterdns", "kubernetes"} {
			for _, d := range b.Find(name) {
				for _, zone := range d.Values() {
					if _, forwarded := routes[zone]; !forwarded {
						routes[zone] = clusterRoute(d, zone, to)
					}
				}
			}
		}
	}
	return routes
}

// clusterRoute says that a zone is the cluster's, and who is asked for what it
// does not have.
func clusterRoute(d *corefile.Directive, zone, to string) string {
	if d.Block != nil {
		for _, f := range d.Block.Find("fallthrough") {
			for _, z := range f.Values() {
				if z == zone {
					return fmt.Sprintf("the cluster, else %s", to)
				}
			}
		}
	}
	return "the cluster"
}

// destinationOf returns whom a server block asks.
func destinationOf(b *corefile.Block) string {
	var to []string
	for _, d := range b.Find("forward") {
		if len(d.Args) > 1 {
			to = append(to, strings.Join(d.Values()[1:], " "))
		}
	}
	if len(to) == 0 {
		return "nobody"
	}
	return strings.Join(to, ", else ")
}
