// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// networkPolicy lets queries in, and out what the API server and the upstreams of
// the spec need. Where a resolv.conf or text says which servers there are, any
// server may be asked on port 53.
func (p *planner) networkPolicy() *networkingv1.NetworkPolicy {
	policy := &networkingv1.NetworkPolicy{
		TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}, ObjectMeta: p.meta(Name),
		Spec: networkingv1.NetworkPolicySpec{
			// Canaries, too.
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{LabelName: Name}, MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: LabelComponent, Operator: metav1.LabelSelectorOpIn, Values: []string{componentServer, componentCanary}},
			}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{{Ports: append(both(render.Port(&p.ClusterDNS.Spec)),
				tcp(metricsPort), tcp(healthPort), tcp(readyPort))}},
		},
	}
	for _, d := range p.destinations() {
		rule := networkingv1.NetworkPolicyEgressRule{Ports: d.ports()}
		if d.address.IsValid() {
			cidr := netip.PrefixFrom(d.address, d.address.BitLen()).String()
			rule.To = []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: cidr}}}
		}
		policy.Spec.Egress = append(policy.Spec.Egress, rule)
	}
	return policy
}

// A destination is where servers send something; one without an address is everywhere.
type destination struct {
	address netip.Addr
	port    int
	udp     bool
	tcp     bool
}

func (d destination) ports() []networkingv1.NetworkPolicyPort {
	switch {
	case d.udp && d.tcp:
		return both(d.port)
	case d.udp:
		return []networkingv1.NetworkPolicyPort{udp(d.port)}
	}
	return []networkingv1.NetworkPolicyPort{tcp(d.port)}
}

func (p *planner) destinations() []destination {
	var out []destination
	for _, a := range p.APIServer {
		out = append(out, destination{address: a.Addr().Unmap(), port: int(a.Port()), tcp: true})
	}
	spec := &p.ClusterDNS.Spec
	anywhere := spec.Upstreams == nil || spec.Extra != nil
	for u := range upstreamsOf(spec) {
		for i := range u.Endpoints {
			if a, ok := render.Address(&u.Endpoints[i], p.facts()); ok {
				out = append(out, towards(u.Transport, a, int(u.Endpoints[i].Port)))
			} else {
				anywhere = true
			}
		}
	}
	slices.SortFunc(out, func(a, b destination) int { return cmp.Or(a.address.Compare(b.address), cmp.Compare(a.port, b.port)) })
	out = slices.Compact(out)
	if anywhere {
		out = append(out, destination{port: 53, udp: true, tcp: true})
	}
	return out
}

func towards(t v1alpha1.Transport, a netip.Addr, port int) destination {
	port = cmp.Or(port, render.DefaultPort(t))
	return destination{
		address: a, port: port,
		udp: t == "" || t == v1alpha1.TransportDNS || t == v1alpha1.TransportQUIC,
		tcp: t != v1alpha1.TransportQUIC,
	}
}

func both(port int) []networkingv1.NetworkPolicyPort {
	return []networkingv1.NetworkPolicyPort{udp(port), tcp(port)}
}

func udp(port int) networkingv1.NetworkPolicyPort { return policyPort(corev1.ProtocolUDP, port) }

func tcp(port int) networkingv1.NetworkPolicyPort { return policyPort(corev1.ProtocolTCP, port) }

func policyPort(protocol corev1.Protocol, port int) networkingv1.NetworkPolicyPort {
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: ptr(intstr.FromInt(port))}
}
