// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/clusterdns/clusterdns/corefile/render"
)

// policies looks at who may ask whom.
func (p *preflight) policies() {
	if p.d.Ours {
		return
	}
	var ours []networkingv1.NetworkPolicy
	for _, n := range p.NetworkPolicies {
		s, err := metav1.LabelSelectorAsSelector(&n.Spec.PodSelector)
		switch {
		case err != nil:
		case s.Matches(labels.Set(serversOfOurs())):
			ours = append(ours, n)
		case slices.Contains(p.d.NetworkPolicies, n.Name):
			p.find("NetworkPolicySelects", allowOurs+" (if they need one)", "the NetworkPolicy %s is for the old servers, and not for ours", n.Name)
		}
	}
	if p.ClusterDNS == nil || p.ClusterDNS.Spec.NetworkPolicy == nil || !p.ClusterDNS.Spec.NetworkPolicy.Enabled {
		p.denied(ours) // ours lets in and out what has to be, and rights add up
	}
	p.clientPolicies()
}

// allowOurs makes a NetworkPolicy for our servers.
const allowOurs = `kubectl patch clusterdns default --type=merge -p '{"spec":{"networkPolicy":{"enabled":true}}}'`

// denied looks at all policies that are for our servers: one that allows is enough.
func (p *preflight) denied(ours []networkingv1.NetworkPolicy) {
	var in, out []string
	letsIn, letsOut := false, false
	for _, n := range ours {
		egress := len(n.Spec.PolicyTypes) == 0 && len(n.Spec.Egress) > 0 || slices.Contains(n.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		if len(n.Spec.PolicyTypes) == 0 || slices.Contains(n.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) {
			in = append(in, n.Name)
		}
		if egress {
			out = append(out, n.Name)
		}
		letsIn = letsIn || slices.ContainsFunc(n.Spec.Ingress, func(r networkingv1.NetworkPolicyIngressRule) bool {
			return len(r.From) == 0 && allowsPort(r.Ports, p.port())
		})
		letsOut = letsOut || slices.ContainsFunc(n.Spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool { return len(r.To) == 0 && len(r.Ports) == 0 })
	}
	slices.Sort(in)
	slices.Sort(out)
	if len(in) > 0 && !letsIn {
		p.find("NetworkPolicyDenies", allowOurs, "NetworkPolicies for our servers let no queries in from everywhere on port %d: %s", p.port(), strings.Join(in, ", "))
	}
	if len(out) > 0 && !letsOut {
		p.find("NetworkPolicyDenies", allowOurs, "NetworkPolicies for our servers do not let them ask upstreams and the API server: %s", strings.Join(out, ", "))
	}
}

func (p *preflight) port() int {
	if p.ClusterDNS == nil {
		return 53
	}
	return render.Port(&p.ClusterDNS.Spec)
}

func allowsPort(ports []networkingv1.NetworkPolicyPort, want int) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(x networkingv1.NetworkPolicyPort) bool {
		switch {
		case x.Protocol != nil && *x.Protocol != corev1.ProtocolUDP:
			return false
		case x.Port == nil || x.Port.StrVal == "dns":
			return true
		case x.EndPort != nil:
			return int(x.Port.IntVal) <= want && want <= int(*x.EndPort)
		}
		return int(x.Port.IntVal) == want
	})
}

// clientPolicies finds those that let Pods ask the old servers, and not ours.
func (p *preflight) clientPolicies() {
	for _, n := range p.ClientPolicies {
		if !slices.ContainsFunc(n.Spec.Egress, p.onlyOlds) || slices.ContainsFunc(n.Spec.Egress, p.letsAskOurs) {
			continue
		}
		fix := "kubectl -n " + n.Namespace + " edit networkpolicy " + n.Name + " # let egress to podSelector app.kubernetes.io/name=clusterdns, too"
		p.find("ClientPolicySelects", fix, "the NetworkPolicy %s/%s lets Pods ask %s, and not our servers", n.Namespace, n.Name, strings.Join(p.oldLabels(), " or "))
	}
}

// oldLabels are the values of k8s-app of the old servers.
func (p *preflight) oldLabels() []string {
	var out []string
	for _, pod := range p.oldPods() {
		out = append(out, "k8s-app="+pod.Labels["k8s-app"])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (p *preflight) oldPods() []corev1.Pod {
	var out []corev1.Pod
	for _, pod := range p.Pods {
		if slices.ContainsFunc(p.d.Servers, func(s Server) bool { return s.Name == pod.Name }) {
			out = append(out, pod)
		}
	}
	return out
}

// onlyOlds reports whether a rule has the old servers by their labels.
func (p *preflight) onlyOlds(r networkingv1.NetworkPolicyEgressRule) bool {
	return slices.ContainsFunc(r.To, func(to networkingv1.NetworkPolicyPeer) bool {
		if to.PodSelector == nil {
			return false
		}
		s, err := metav1.LabelSelectorAsSelector(to.PodSelector)
		return err == nil && !s.Empty() && slices.ContainsFunc(p.oldPods(), func(pod corev1.Pod) bool { return s.Matches(labels.Set(pod.Labels)) })
	})
}

// letsAskOurs reports whether a rule lets Pods ask our servers: that is not known
// of blocks of addresses, which our servers may be in.
func (p *preflight) letsAskOurs(r networkingv1.NetworkPolicyEgressRule) bool {
	if !allowsPort(r.Ports, p.port()) {
		return false
	}
	return len(r.To) == 0 || slices.ContainsFunc(r.To, func(to networkingv1.NetworkPolicyPeer) bool {
		if to.IPBlock != nil {
			return to.IPBlock.CIDR == "0.0.0.0/0" || to.IPBlock.CIDR == "::/0"
		}
		if to.PodSelector == nil {
			s, err := metav1.LabelSelectorAsSelector(to.NamespaceSelector)
			return err == nil && s.Matches(labels.Set{corev1.LabelMetadataName: p.Operator.Namespace})
		}
		s, err := metav1.LabelSelectorAsSelector(to.PodSelector)
		return err == nil && to.NamespaceSelector != nil && s.Matches(labels.Set(serversOfOurs()))
	})
}
