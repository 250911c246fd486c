// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// everyAddress has the reverse zones of all.
var everyAddress = []string{"in-addr.arpa", "ip6.arpa"}

// cluster answers for Services and Pods.
func (w *writer) cluster() {
	c := w.spec.Cluster
	w.conflict("clusterdns", "cluster", c != nil)
	if c != nil && c.Autopath {
		w.at("cluster.autopath").unless("autopath", func() { w.put("autopath", "@clusterdns") })
	}
	w.unless("clusterdns", func() { w.answer(c, nil) })
}

// reverse answers for the addresses of the cluster that are in zones, and leaves
// the others to what follows. Without it a stub zone for 10.0.0.0/8 would hide
// the names of Pods.
func (w *writer) reverse(zones []v1alpha1.Zone) {
	var reverse []string
	for _, z := range words(zones) {
		if isReverse(z) {
			reverse = append(reverse, z)
		}
	}
	if len(reverse) > 0 && !w.foreign && !w.replaced("clusterdns") {
		w.answer(w.spec.Cluster, reverse)
	}
}

func isReverse(zone string) bool {
	return strings.Contains(zone, "/") || slices.ContainsFunc(everyAddress, func(root string) bool {
		return zone == root || strings.HasSuffix(zone, "."+root)
	})
}

// answer writes the directive clusterdns for the zones of the cluster, or, if
// there are any, for these reverse zones.
func (w *writer) answer(c *v1alpha1.Cluster, reverse []string) {
	if c == nil {
		c = &v1alpha1.Cluster{}
	}
	zones := append([]string{w.domain()}, words(c.ClusterSets)...)
	pass := reverse
	switch {
	case reverse != nil:
		zones = append(zones, reverse...)
	case len(c.ReverseZones) > 0:
		zones = append(zones, words(c.ReverseZones)...)
	default:
		zones, pass = append(zones, everyAddress...), everyAddress
	}
	w.at("cluster").put("clusterdns", zones...)
	w.pods(c)
	if len(pass) > 0 {
		w.option("fallthrough", pass...)
	}
	w.option("ttl", number(*or(c.TTL, ttl)))
	if c.NegativeTTL != nil {
		w.option("negative_ttl", number(*c.NegativeTTL))
	}
	w.exposed(c)
	w.endpoints(c)
	w.fresh(c)
	if len(c.ClusterSets) > 0 {
		w.option("multicluster", words(c.ClusterSets)...)
	}
	w.flag(c.Explain, "explain")
	w.flag(c.StrictCompat, "strict_compat")
}

func (w *writer) pods(c *v1alpha1.Cluster) {
	mode := c.Pods
	if mode == "" {
		mode = v1alpha1.PodsInsecure
	}
	w.option("pods", strings.ToLower(string(mode)))
	w.flag(c.PodRecords, "pod_names")
	w.flag(c.EndpointPodNames, "endpoint_pod_names")
}

// exposed says what is answered for.
func (w *writer) exposed(c *v1alpha1.Cluster) {
	if len(c.Namespaces) > 0 {
		w.option("namespaces", c.Namespaces...)
	}
	w.selector("namespace_labels", "cluster.namespaceSelector", c.NamespaceSelector)
	w.selector("labels", "cluster.selector", c.Selector)
	w.flag(c.NoEndpoints, "noendpoints")
	if c.IgnoreEmptyService {
		w.option("ignore", "empty_service")
	}
}

func (w *writer) selector(option, field string, s *metav1.LabelSelector) {
	if s == nil {
		return
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	switch {
	case err != nil:
		w.problem(field, err.Error(), "write a label selector")
	case !selector.Empty():
		w.option(option, selector.String())
	}
}

// endpoints says which are answered, and under which names.
func (w *writer) endpoints(c *v1alpha1.Cluster) {
	if c.ReverseNames != "" {
		w.option("ptr", strings.ToLower(string(c.ReverseNames)))
	}
	w.flag(c.Zonal, "zonal")
	if t := c.Topology; t != nil {
		args := []string{strings.ToLower(string(t.Mode))}
		if t.Min != nil {
			args = append(args, "min", number(*t.Min))
		}
		w.option("topology", args...)
	}
	if c.MaxAnswers != nil {
		w.option("max_answers", number(*c.MaxAnswers))
	}
}

// fresh says what is made of an API server that is silent.
func (w *writer) fresh(c *v1alpha1.Cluster) {
	if c.StaleAfter != nil {
		w.option("stale_after", c.StaleAfter.Duration.String())
	}
	if c.StaleTTL != nil {
		w.option("stale_ttl", number(*c.StaleTTL))
	}
	if c.Audit != nil {
		w.option("audit", c.Audit.Duration.String())
	}
}

func or[N ~int32](p *N, otherwise N) *N {
	if p == nil {
		return &otherwise
	}
	return p
}
