// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// SliceController has the Pods of a selector be endpoints.
const SliceController = "endpointslice-controller.k8s.io"

// foreign returns the names of ready endpoints of the Service that are not our
// servers. Pods that it selects by our labels are, even if they are gone by now.
func (p *planner) foreign() []string {
	ourSelector := p.Service != nil && maps.Equal(p.Service.Spec.Selector, ServerLabels())
	ours := make(map[string]bool)
	for _, s := range p.servers() {
		ours[s.Name] = true
	}
	var others []string
	for _, slice := range p.Slices {
		selected := ourSelector && slice.Labels[discoveryv1.LabelManagedBy] == SliceController
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			switch {
			case e.TargetRef != nil && e.TargetRef.Kind == "Pod" && (selected || ours[e.TargetRef.Name]):
			case e.TargetRef != nil:
				others = append(others, e.TargetRef.Kind+" "+e.TargetRef.Name)
			case len(e.Addresses) > 0:
				others = append(others, e.Addresses[0])
			}
		}
	}
	slices.Sort(others)
	return slices.Compact(others)
}

// ServicePorts are those of the Service that clients ask.
func ServicePorts() []corev1.ServicePort {
	return []corev1.ServicePort{
		{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromString("dns")},
		{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: 53, TargetPort: intstr.FromString("dns-tcp")},
		{Name: "metrics", Protocol: corev1.ProtocolTCP, Port: metricsPort, TargetPort: intstr.FromString("metrics")},
	}
}

// service returns what is to be done about the Service that clients ask: it is
// made once; of one that is there only the selector and the ports are ours.
func (p *planner) service() []Object {
	s := &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Operator.Namespace, Name: p.Operator.ServiceName},
		Spec:       corev1.ServiceSpec{Selector: ServerLabels(), Ports: ServicePorts()},
	}
	if p.Service != nil {
		return []Object{{Object: s, Mode: Adopted}}
	}
	address, ok := p.serviceIP()
	if !ok {
		return nil
	}
	s.Labels = map[string]string{"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
	s.Spec.ClusterIP = address.String()
	if second, ok := p.secondIP(address); ok {
		s.Spec.ClusterIPs = []string{address.String(), second.String()}
	}
	s.Spec.IPFamilyPolicy = ptr(corev1.IPFamilyPolicyPreferDualStack)
	return []Object{{Object: s, Mode: Create}}
}

// serviceIP returns the address that Pods are told: what kubelets say, or what
// they are usually told, the tenth of the cluster IPs. One that is no cluster IP
// is that of a cache on the node, which asks the Service.
func (p *planner) serviceIP() (netip.Addr, bool) {
	for _, a := range p.Kubelet.ClusterDNS {
		if p.clusterIP(a) {
			return a, true
		}
	}
	if len(p.ServiceCIDRs) == 0 {
		return netip.Addr{}, false
	}
	a := p.ServiceCIDRs[0].Masked().Addr()
	for range 10 {
		a = a.Next()
	}
	return a, p.ServiceCIDRs[0].Contains(a)
}

// secondIP returns what kubelets tell Pods beside the first address, if it is of
// the other family.
func (p *planner) secondIP(first netip.Addr) (netip.Addr, bool) {
	for _, a := range p.Kubelet.ClusterDNS {
		if p.clusterIP(a) && a.Is4() != first.Is4() {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// clusterIP reports whether an address may be that of a Service, as far as is known.
func (p *planner) clusterIP(a netip.Addr) bool {
	return len(p.ServiceCIDRs) == 0 || slices.ContainsFunc(p.ServiceCIDRs, func(n netip.Prefix) bool { return n.Contains(a) })
}

// clusterIPs returns the addresses that clients ask.
func (p *planner) clusterIPs() []netip.Addr {
	if p.Service == nil {
		return nil
	}
	var out []netip.Addr
	for _, s := range p.Service.Spec.ClusterIPs {
		if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, a)
		}
	}
	return out
}
