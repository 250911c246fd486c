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

// everyAddress has the reverse zones of all.
var everyAddress = []v1alpha1.Zone{"in-addr.arpa", "ip6.arpa"}

// defaultTTL is that of the plugin, in seconds.
const defaultTTL = 5

// readCluster reads the directive clusterdns, and those of its options that
// fields have.
func readCluster(spec *v1alpha1.ClusterDNSSpec, d *corefile.Directive) {
	c := &v1alpha1.Cluster{Pods: v1alpha1.PodsDisabled, TTL: new(v1alpha1.Seconds(defaultTTL))}
	for _, o := range options(d) {
		if read := clusterOptions[o.Name.Value()]; read != nil {
			read(c, o.Values())
		}
	}
	c.ReverseZones = reverseZones(unique(d.Values()), options(d))
	if allowed(c) {
		spec.Cluster = c
	}
}

// reverseZones returns the zones of addresses, unless they are those of all and
// fall through.
func reverseZones(zones []string, options []*corefile.Directive) []v1alpha1.Zone {
	var list []v1alpha1.Zone
	for _, z := range zones {
		if z, ok := zone(z); ok && reverse(string(z)) {
			list = append(list, z)
		}
	}
	if slices.Equal(list, everyAddress) && slices.ContainsFunc(options, named("fallthrough")) {
		return nil
	}
	return list
}

// allowed reports whether the API takes these fields together.
func allowed(c *v1alpha1.Cluster) bool {
	switch {
	case c.PodRecords && c.Pods != v1alpha1.PodsVerified,
		len(c.Namespaces) > 0 && c.NamespaceSelector != nil,
		c.NoEndpoints && (c.Zonal || c.Topology != nil),
		c.StaleTTL != nil && c.StaleAfter != nil && c.StaleAfter.Duration == 0,
		len(c.Namespaces) > 256, len(c.ReverseZones) > 32, len(c.ClusterSets) > 4:
		return false
	}
	return true
}

// clusterOptions read the options of the plugin. What is not valid they leave out.
var clusterOptions = map[string]func(c *v1alpha1.Cluster, args []string){
	"pods": func(c *v1alpha1.Cluster, args []string) {
		for _, mode := range []v1alpha1.PodNames{v1alpha1.PodsDisabled, v1alpha1.PodsInsecure, v1alpha1.PodsVerified} {
			if one(args) == strings.ToLower(string(mode)) {
				c.Pods = mode
			}
		}
	},
	"ttl":                func(c *v1alpha1.Cluster, args []string) { c.TTL = seconds(one(args), 0) },
	"negative_ttl":       func(c *v1alpha1.Cluster, args []string) { c.NegativeTTL = seconds(one(args), 0) },
	"pod_names":          func(c *v1alpha1.Cluster, _ []string) { c.PodRecords = true },
	"endpoint_pod_names": func(c *v1alpha1.Cluster, _ []string) { c.EndpointPodNames = true },
	"noendpoints":        func(c *v1alpha1.Cluster, _ []string) { c.NoEndpoints = true },
	"ignore":             func(c *v1alpha1.Cluster, _ []string) { c.IgnoreEmptyService = true },
	"zonal":              func(c *v1alpha1.Cluster, _ []string) { c.Zonal = true },
	"explain":            func(c *v1alpha1.Cluster, _ []string) { c.Explain = true },
	"strict_compat":      func(c *v1alpha1.Cluster, _ []string) { c.StrictCompat = true },
	"namespaces":         readNamespaces,
	"labels":             func(c *v1alpha1.Cluster, args []string) { c.Selector = labels(args) },
	"namespace_labels":   func(c *v1alpha1.Cluster, args []string) { c.NamespaceSelector = labels(args) },
	"multicluster":       readClusterSets,
	"ptr": func(c *v1alpha1.Cluster, args []string) {
		for _, names := range []v1alpha1.ReverseNames{"All", "Hostname", "Single"} {
			if one(args) == strings.ToLower(string(names)) {
				c.ReverseNames = names
			}
		}
	},
	"topology":    readTopology,
	"max_answers": func(c *v1alpha1.Cluster, args []string) { c.MaxAnswers = count(one(args), 1, 100000) },
	"stale_after": func(c *v1alpha1.Cluster, args []string) { c.StaleAfter = pause(one(args)) },
	"stale_ttl":   func(c *v1alpha1.Cluster, args []string) { c.StaleTTL = seconds(one(args), 0) },
	"audit":       func(c *v1alpha1.Cluster, args []string) { c.Audit = pause(one(args)) },
}

func one(args []string) string {
	if len(args) != 1 {
		return ""
	}
	return args[0]
}

// pause returns 0, or a duration from a second to a day.
func pause(s string) *metav1.Duration {
	if d := duration(s, 0, 0); d != nil {
		return d
	}
	return duration(s, time.Second, 24*time.Hour)
}

func readNamespaces(c *v1alpha1.Cluster, args []string) {
	for _, n := range args {
		if n = strings.ToLower(n); len(n) <= 63 && labelPattern.MatchString(n) && !slices.Contains(c.Namespaces, n) {
			c.Namespaces = append(c.Namespaces, n)
		}
	}
}

func labels(args []string) *metav1.LabelSelector {
	if selector(args) == "" {
		return nil
	}
	s, err := metav1.ParseToLabelSelector(strings.Join(args, " "))
	if err != nil {
		return nil
	}
	return s
}

func readClusterSets(c *v1alpha1.Cluster, args []string) {
	for _, z := range args {
		if z, ok := domain(z); ok && !slices.Contains(c.ClusterSets, z) {
			c.ClusterSets = append(c.ClusterSets, z)
		}
	}
}

func readTopology(c *v1alpha1.Cluster, args []string) {
	if len(args) != 1 && (len(args) != 3 || args[0] != "prefer" || args[1] != "min") {
		return
	}
	for _, mode := range []v1alpha1.TopologyMode{"Prefer", "Order"} {
		if args[0] == strings.ToLower(string(mode)) {
			c.Topology = &v1alpha1.Topology{Mode: mode}
		}
	}
	if c.Topology != nil && len(args) == 3 {
		c.Topology.Min = count(args[2], 1, 10000)
	}
}

// readAutopath reads the directive autopath of the cluster.
func readAutopath(spec *v1alpha1.ClusterDNSSpec, _ *corefile.Directive) {
	if c := spec.Cluster; c != nil && c.Pods == v1alpha1.PodsVerified {
		c.Autopath = true
	}
}
