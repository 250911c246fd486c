// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// foreign returns the names of ready endpoints of the Service that are not our
// servers. Pods that it selects by our labels are, even if they are gone by now.
func (p *planner) foreign() []string {
	selected := p.Service != nil && maps.Equal(p.Service.Spec.Selector, serverLabels())
	ours := make(map[string]bool)
	for _, s := range p.servers() {
		ours[s.Name] = true
	}
	var others []string
	for _, slice := range p.Slices {
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

// service returns what is to be done about the Service that clients ask: it is
// made once; of one that is there only the selector and the ports are ours.
func (p *planner) service() []Object {
	ports := []corev1.ServicePort{
		{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromString("dns")},
		{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: 53, TargetPort: intstr.FromString("dns-tcp")},
		{Name: "metrics", Protocol: corev1.ProtocolTCP, Port: metricsPort, TargetPort: intstr.FromString("metrics")},
	}
	s := &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Operator.Namespace, Name: p.Operator.ServiceName},
		Spec:       corev1.ServiceSpec{Selector: serverLabels(), Ports: ports},
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
	s.Spec.IPFamilyPolicy = ptr(corev1.IPFamilyPolicyPreferDualStack)
	return []Object{{Object: s, Mode: Create}}
}

// serviceIP returns the address that Pods are told: what kubelets say, or what
// they are usually told, the tenth of the cluster IPs.
func (p *planner) serviceIP() (netip.Addr, bool) {
	if len(p.Kubelet.ClusterDNS) > 0 {
		return p.Kubelet.ClusterDNS[0], true
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
