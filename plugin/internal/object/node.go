// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// FromNode returns what DNS needs of n. ok is false if nothing of it can be used.
func FromNode(n *corev1.Node) (node Node, skipped []Skip, ok bool) {
	if n.Name == "" {
		return Node{}, []Skip{SkipName}, false
	}
	node = Node{Name: intern(n.Name), Zone: intern(lower(n.Labels[corev1.LabelTopologyZone]))}
	for _, a := range n.Status.Addresses {
		if a.Type != corev1.NodeInternalIP && a.Type != corev1.NodeExternalIP {
			continue // a name
		}
		ip, ok := addr(a.Address)
		switch {
		case !ok:
			skipped = append(skipped, SkipAddress)
		case !slices.Contains(node.Addrs, ip):
			node.Addrs = append(node.Addrs, ip)
		}
	}
	for _, text := range podCIDRs(n) {
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil || p.Addr().Is4In6():
			skipped = append(skipped, SkipAddress)
		case !slices.Contains(node.PodCIDRs, p.Masked()):
			node.PodCIDRs = append(node.PodCIDRs, p.Masked())
		}
	}
	return node, skipped, true
}

// podCIDRs returns the networks of n's Pods. Old API servers know only one.
func podCIDRs(n *corev1.Node) []string {
	if len(n.Spec.PodCIDRs) == 0 && n.Spec.PodCIDR != "" {
		return []string{n.Spec.PodCIDR}
	}
	return n.Spec.PodCIDRs
}
