// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
)

// readHealth reads the lameduck of the directive health.
func readHealth(spec *v1alpha1.ClusterDNSSpec, d *corefile.Directive) {
	lameduck := &metav1.Duration{}
	for _, o := range options(d) {
		lameduck = duration(one(o.Values()), 0, 5*time.Minute)
	}
	spec.Rollout = &v1alpha1.Rollout{Lameduck: lameduck}
}

var classes = []v1alpha1.LogClass{"All", "Success", "Denial", "Error"}

// readLog reads the directive log, if it has zones and classes.
func readLog(spec *v1alpha1.ClusterDNSSpec, d *corefile.Directive) {
	l := &v1alpha1.Log{}
	for _, o := range options(d) {
		for _, c := range classes {
			if slices.Contains(o.Values(), strings.ToLower(string(c))) {
				l.Classes = append(l.Classes, c)
			}
		}
	}
	// All has the others in it, and a set has nothing twice.
	if n := len(l.Classes); n == 0 || n > 3 || n > 1 && slices.Contains(l.Classes, classes[0]) {
		return
	}
	slices.SortStableFunc(l.Classes, func(a, b v1alpha1.LogClass) int { return position(d, a) - position(d, b) })
	if zones := d.Values(); !slices.Equal(zones, []string{"."}) {
		for _, z := range zones {
			z, ok := zone(z)
			if !ok || slices.Contains(l.Zones, z) || len(l.Zones) == 16 {
				return
			}
			l.Zones = append(l.Zones, z)
		}
	}
	spec.Observability = &v1alpha1.Observability{Log: l}
}

// position returns where a class stands in the first option of log.
func position(d *corefile.Directive, c v1alpha1.LogClass) int {
	return slices.Index(options(d)[0].Values(), strings.ToLower(string(c)))
}

// readHosts reads the lines of hosts that have one name.
func readHosts(spec *v1alpha1.ClusterDNSSpec, d *corefile.Directive) {
	var hosts []v1alpha1.Host
	for _, o := range options(d) {
		a, ok := address(o.Name.Value())
		name, also := domain(one(o.Values()))
		if !ok || !also {
			continue
		}
		last := len(hosts) - 1
		if last >= 0 && hosts[last].Name == name && !slices.Contains(hosts[last].Addresses, a) && len(hosts[last].Addresses) < 16 {
			hosts[last].Addresses = append(hosts[last].Addresses, a)
			continue
		}
		hosts = append(hosts, v1alpha1.Host{Name: name, Addresses: []v1alpha1.Address{a}})
	}
	if len(hosts) <= 256 {
		spec.Hosts = hosts
	}
}

// readRewrite reads a rewrite in the form that render gives it.
func readRewrite(spec *v1alpha1.ClusterDNSSpec, d *corefile.Directive) {
	args := d.Values()
	if len(args) != 7 || len(spec.Rewrites) == 64 {
		return
	}
	r := v1alpha1.Rewrite{From: args[3], To: args[4], Stop: args[0] == "stop"}
	for _, kind := range []v1alpha1.RewriteKind{"Exact", "Suffix", "Prefix", "Regex"} {
		if args[2] == strings.ToLower(string(kind)) {
			r.Kind = kind
		}
	}
	if valid(r) {
		spec.Rewrites = append(spec.Rewrites, r)
	}
}

// valid reports whether the API takes r.
func valid(r v1alpha1.Rewrite) bool {
	switch {
	case r.From == "" || r.To == "" || len(r.From) > 253 || len(r.To) > 253:
		return false
	case r.Kind == "Exact" || r.Kind == "Suffix":
		return domainPattern.MatchString(r.From) && domainPattern.MatchString(r.To)
	}
	return r.Kind != "" && rewriteTo.MatchString(r.To) && !rewriteNot.MatchString(r.From)
}
