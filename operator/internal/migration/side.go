// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// A side is one of the two sets of servers.
type side struct {
	selector map[string]string
	ports    []corev1.ServicePort
	pods     []*corev1.Pod // that are not to end
}

// ours are the servers of the ClusterDNS.
func (m *migrator) ours() side {
	s := side{selector: plan.ServerLabels(), ports: plan.ServicePorts()}
	for i := range m.o.Pods {
		if p := &m.o.Pods[i]; matches(s.selector, p.Labels) && living(p) {
			s.pods = append(s.pods, p)
		}
	}
	return s
}

// old are the servers that the Service had when the snapshot was taken.
func (m *migrator) old() side {
	s := side{selector: m.snapshot.Selector, ports: m.snapshot.Ports}
	for i := range m.o.Pods {
		if p := &m.o.Pods[i]; matches(s.selector, p.Labels) && !matches(plan.ServerLabels(), p.Labels) && living(p) {
			s.pods = append(s.pods, p)
		}
	}
	return s
}

func matches(selector, labels map[string]string) bool {
	if len(selector) == 0 {
		return false
	}
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}

func living(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodFailed && p.Status.Phase != corev1.PodSucceeded
}

// ready returns those that answer.
func (s side) ready() side {
	s.pods = slices.DeleteFunc(slices.Clone(s.pods), func(p *corev1.Pod) bool { return !isReady(p) })
	return s
}

func isReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.Status.PodIP != ""
		}
	}
	return false
}

// first returns one of the servers, always the same.
func (s side) first() side {
	if len(s.pods) > 1 {
		s.pods = []*corev1.Pod{slices.MinFunc(s.pods, func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })}
	}
	return s
}

// A use is how proxies are to use the endpoints of a slice.
type use int

const (
	// asked: they get traffic.
	asked use = iota
	// kept: flows stay, and they get traffic if nobody else is ready.
	kept
	// left: flows are led elsewhere.
	left
)

// The EndpointSlices of a migration, whose names the operator's rights have.
const (
	// IncomingName has servers that are endpoints before the selector is changed,
	// OutgoingName those that the selector left.
	IncomingName = "kube-dns-clusterdns"
	OutgoingName = "kube-dns-drain"
	// sliceManager keeps controllers of others away.
	sliceManager = "clusterdns.io"
)

// slice returns an EndpointSlice of the Service with the servers.
func (m *migrator) slice(name string, s side, how use, marks map[string]string, family discoveryv1.AddressType) *discoveryv1.EndpointSlice {
	out := &discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.o.Operator.Namespace, Name: name, Annotations: marks, OwnerReferences: m.owner(), Labels: map[string]string{
			discoveryv1.LabelServiceName: m.o.Operator.ServiceName, discoveryv1.LabelManagedBy: sliceManager,
			plan.LabelName: plan.Name, plan.LabelManagedBy: plan.Manager,
		}},
		AddressType: family,
		Ports:       m.endpointPorts(s),
	}
	for _, p := range s.pods {
		address, ok := addressOf(p, family)
		if !ok {
			continue
		}
		e := discoveryv1.Endpoint{
			Addresses: []string{address}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: p.UID},
			Conditions: discoveryv1.EndpointConditions{Ready: new(how == asked && isReady(p)), Serving: new(how != left && isReady(p)), Terminating: new(how != asked)},
		}
		if p.Spec.NodeName != "" {
			e.NodeName = new(p.Spec.NodeName)
		}
		out.Endpoints = append(out.Endpoints, e)
	}
	slices.SortFunc(out.Endpoints, func(a, b discoveryv1.Endpoint) int { return cmp.Compare(a.Addresses[0], b.Addresses[0]) })
	return out
}

// addressOf returns the address of a Pod of a family.
func addressOf(p *corev1.Pod, family discoveryv1.AddressType) (string, bool) {
	all := []string{p.Status.PodIP}
	for _, ip := range p.Status.PodIPs {
		all = append(all, ip.IP)
	}
	for _, text := range all {
		if a, err := netip.ParseAddr(text); err == nil && a.Is4() == (family == discoveryv1.AddressTypeIPv4) {
			return text, true
		}
	}
	return "", false
}

// endpointPorts are those of the Service, as the servers of a side have them.
func (m *migrator) endpointPorts(s side) []discoveryv1.EndpointPort {
	var out []discoveryv1.EndpointPort
	for _, port := range s.ports {
		number, ok := targetPort(port, s.pods)
		if !ok {
			continue // kube-dns has no port for the metrics of CoreDNS
		}
		out = append(out, discoveryv1.EndpointPort{Name: new(port.Name), Protocol: new(cmp.Or(port.Protocol, corev1.ProtocolTCP)), Port: new(number)})
	}
	return out
}

// targetPort returns the number of the port that a port of the Service leads to.
func targetPort(port corev1.ServicePort, pods []*corev1.Pod) (int32, bool) {
	if port.TargetPort.Type == intstr.Int {
		return cmp.Or(port.TargetPort.IntVal, port.Port), true
	}
	for _, p := range pods {
		for _, c := range p.Spec.Containers {
			for _, cp := range c.Ports {
				if cp.Name == port.TargetPort.StrVal && cmp.Or(cp.Protocol, corev1.ProtocolTCP) == cmp.Or(port.Protocol, corev1.ProtocolTCP) {
					return cp.ContainerPort, true
				}
			}
		}
	}
	return 0, false
}

// selects reports whether the Service has the selector of a side.
func (m *migrator) selects(s side) bool {
	return m.o.Service != nil && maps.Equal(m.o.Service.Spec.Selector, s.selector)
}

// followed reports whether the endpoints that the selector makes are the servers
// of a side, all that are ready.
func (m *migrator) followed(s side) bool {
	have := make(map[string]bool)
	for i := range m.o.Slices {
		if m.o.Slices[i].Labels[discoveryv1.LabelManagedBy] != plan.SliceController {
			continue
		}
		for _, e := range m.o.Slices[i].Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				have[e.Addresses[0]] = true
			}
		}
	}
	ready := s.ready().pods
	for _, p := range ready {
		if !have[p.Status.PodIP] {
			return false
		}
	}
	return len(ready) > 0
}

// same reports whether a slice has the endpoints and conditions of another one.
func same(a, b *discoveryv1.EndpointSlice) bool {
	if a == nil || len(a.Endpoints) != len(b.Endpoints) {
		return false
	}
	is := func(p *bool) bool { return p != nil && *p }
	for i := range a.Endpoints {
		x, y := a.Endpoints[i], b.Endpoints[i]
		if x.Addresses[0] != y.Addresses[0] || is(x.Conditions.Ready) != is(y.Conditions.Ready) ||
			is(x.Conditions.Serving) != is(y.Conditions.Serving) || is(x.Conditions.Terminating) != is(y.Conditions.Terminating) {
			return false
		}
	}
	return true
}
