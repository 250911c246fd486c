// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// networkPolicy lets queries in, and out what the API server and the upstreams of
// revisions need: the old ones still serve while the new ones come. Where a
// resolv.conf or text says which servers there are, any server may be asked on port 53.
func (p *planner) networkPolicy(of ...revision) *networkingv1.NetworkPolicy {
	policy := &networkingv1.NetworkPolicy{
		TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}, ObjectMeta: p.meta(Name),
		Spec: networkingv1.NetworkPolicySpec{
			// Canaries, too.
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{LabelName: Name}, MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: LabelComponent, Operator: metav1.LabelSelectorOpIn, Values: []string{componentServer, componentCanary}},
			}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
			Ingress:     []networkingv1.NetworkPolicyIngressRule{{Ports: append(listening(of), tcp(metricsPort), tcp(healthPort), tcp(readyPort))}},
		},
	}
	for _, d := range p.destinations(of) {
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

func (p *planner) destinations(of []revision) []destination {
	var out []destination
	for _, a := range p.APIServer {
		out = append(out, destination{address: a.Addr().Unmap(), port: int(a.Port()), tcp: true})
	}
	anywhere := p.ClusterDNS.Spec.Extra != nil
	for _, r := range of {
		to, unknown := asked(r.corefile)
		out, anywhere = append(out, to...), anywhere || unknown
	}
	slices.SortFunc(out, func(a, b destination) int {
		return cmp.Or(a.address.Compare(b.address), cmp.Compare(a.port, b.port), strings.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	out = slices.Compact(out)
	if anywhere {
		out = append(out, destination{port: 53, udp: true, tcp: true})
	}
	return out
}

// asked returns where the forwards of a Corefile send queries. That of some is
// not known: a file says it.
func asked(text string) (out []destination, unknown bool) {
	f, err := corefile.Parse(text)
	if err != nil {
		return nil, false
	}
	corefile.Walk(f, func(n corefile.Node) bool {
		d, ok := n.(*corefile.Directive)
		if !ok || d.Name.Value() != "forward" || len(d.Args) == 0 {
			return true
		}
		overTCP := d.Block != nil && len(d.Block.Find("force_tcp")) > 0
		for _, upstream := range d.Values()[1:] {
			to, ok := towards(upstream, overTCP)
			unknown = unknown || !ok
			if ok {
				out = append(out, to)
			}
		}
		return true
	})
	return out, unknown
}

// serverName is what an upstream of forward has behind its address.
var serverName = regexp.MustCompile(`%[^]:/]*`)

// towards reads an upstream of forward: [SCHEME://]ADDRESS[%NAME][:PORT][/PATH].
func towards(upstream string, overTCP bool) (destination, bool) {
	scheme, rest, found := strings.Cut(upstream, "://")
	if !found {
		scheme, rest = "dns", upstream
	}
	transport := map[string]v1alpha1.Transport{"tls": v1alpha1.TransportTLS, "https": v1alpha1.TransportHTTPS, "quic": v1alpha1.TransportQUIC}[scheme]
	rest, _, _ = strings.Cut(serverName.ReplaceAllString(rest, ""), "/")
	to := destination{udp: scheme == "quic" || scheme == "dns" && !overTCP, tcp: scheme != "quic"}
	if a, err := netip.ParseAddrPort(rest); err == nil {
		to.address, to.port = a.Addr(), int(a.Port())
		return to, true
	}
	a, err := netip.ParseAddr(strings.Trim(rest, "[]"))
	to.address, to.port = a, render.DefaultPort(transport)
	return to, err == nil
}

// listening are the ports of revisions.
func listening(of []revision) []networkingv1.NetworkPolicyPort {
	var ports []int
	for _, r := range of {
		for _, c := range r.template.Spec.Containers {
			for _, port := range c.Ports {
				if port.Name == "dns" {
					ports = append(ports, int(port.ContainerPort))
				}
			}
		}
	}
	slices.Sort(ports)
	var out []networkingv1.NetworkPolicyPort
	for _, port := range slices.Compact(ports) {
		out = append(out, both(port)...)
	}
	return out
}

func both(port int) []networkingv1.NetworkPolicyPort {
	return []networkingv1.NetworkPolicyPort{udp(port), tcp(port)}
}

func udp(port int) networkingv1.NetworkPolicyPort { return policyPort(corev1.ProtocolUDP, port) }

func tcp(port int) networkingv1.NetworkPolicyPort { return policyPort(corev1.ProtocolTCP, port) }

func policyPort(protocol corev1.Protocol, port int) networkingv1.NetworkPolicyPort {
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: ptr(intstr.FromInt(port))}
}
