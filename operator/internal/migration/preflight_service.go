// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// service looks at the Service that clients ask.
func (p *preflight) service() {
	s := p.Service
	if s == nil || p.d.Ours || s.Spec.ClusterIP == "None" {
		return
	}
	for _, o := range s.OwnerReferences {
		p.find("ServiceOwned", p.kubectl(`patch service %s --type=json -p '[{"op":"remove","path":"/metadata/ownerReferences"}]'`, s.Name), "the Service %s is owned by %s %s", s.Name, o.Kind, o.Name)
	}
	if s.Spec.PublishNotReadyAddresses {
		p.find("NotReadyAddresses", p.kubectl(`patch service %s --type=merge -p '{"spec":{"publishNotReadyAddresses":false}}'`, s.Name), "publishNotReadyAddresses of the Service %s is true", s.Name)
	}
	if t := s.Spec.InternalTrafficPolicy; t != nil && *t == corev1.ServiceInternalTrafficPolicyLocal {
		p.find("LocalTraffic", p.kubectl(`patch service %s --type=merge -p '{"spec":{"internalTrafficPolicy":"Cluster"}}'`, s.Name)+", or scaling.workload: DaemonSet", "internalTrafficPolicy of the Service %s is Local", s.Name)
	}
	if s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		p.find("SessionAffinity", p.kubectl(`patch service %s --type=merge -p '{"spec":{"sessionAffinity":"None","sessionAffinityConfig":null}}'`, s.Name), "sessionAffinity of the Service %s is ClientIP", s.Name)
	}
	p.ports()
}

// ports compares those of the Service with ours.
func (p *preflight) ports() {
	s := p.Service
	for _, want := range []struct {
		protocol corev1.Protocol
		name     string
	}{{corev1.ProtocolUDP, "dns"}, {corev1.ProtocolTCP, "dns-tcp"}} {
		i := slices.IndexFunc(s.Spec.Ports, func(x corev1.ServicePort) bool {
			return x.Port == 53 && (x.Protocol == want.protocol || x.Protocol == "" && want.protocol == corev1.ProtocolTCP)
		})
		if i < 0 {
			p.find("PortMissing", p.kubectl(`patch service %s -p '{"spec":{"ports":[{"name":"%s","port":53,"protocol":"%s"}]}}'`, s.Name, want.name, want.protocol), "the Service %s has no port 53/%s", s.Name, want.protocol)
			continue
		}
		port := s.Spec.Ports[i]
		if port.Name != want.name {
			p.find("PortName", p.kubectl(`patch service %s --type=json -p '[{"op":"replace","path":"/spec/ports/%d/name","value":"%s"}]'`, s.Name, i, want.name), "port 53/%s of the Service %s is called %q, ours %s", want.protocol, s.Name, port.Name, want.name)
		}
		if why := p.leadsElsewhere(port, want.name); why != "" {
			p.find("TargetPort", p.portFix(i, port), "port 53/%s of the Service %s leads to %s", want.protocol, s.Name, why)
		}
	}
}

// portFix has the Service lead to a number that old and new servers have.
func (p *preflight) portFix(i int, port corev1.ServicePort) string {
	number := int(port.TargetPort.IntVal)
	if port.TargetPort.Type == intstr.String {
		for _, s := range p.d.Servers {
			_, _ = fmt.Sscanf(s.Ports[port.TargetPort.StrVal], "%d/", &number)
		}
	}
	var commands []string
	if number != p.port() {
		commands = append(commands, fmt.Sprintf(`kubectl patch clusterdns default --type=merge -p '{"spec":{"port":%d}}'`, max(number, 53)))
	}
	if port.TargetPort.Type == intstr.String {
		commands = append(commands, p.kubectl(`patch service %s --type=json -p '[{"op":"replace","path":"/spec/ports/%d/targetPort","value":%d}]'`, p.Service.Name, i, max(number, 53)))
	}
	return strings.Join(commands, "; then ")
}

// leadsElsewhere says where a port leads that our servers do not have, or "".
func (p *preflight) leadsElsewhere(port corev1.ServicePort, name string) string {
	ours := int32(p.port()) //nolint:gosec // a port
	target := port.TargetPort
	if target.Type == intstr.String && target.StrVal != name {
		return fmt.Sprintf("the port called %s of its servers, which ours call %s", target.StrVal, name)
	}
	number := cmp.Or(target.IntVal, port.Port)
	if target.Type == intstr.Int && number != ours {
		return fmt.Sprintf("port %d of its servers, ours have %d", number, ours)
	}
	return ""
}

// selectors looks at what else selects the old servers.
func (p *preflight) selectors() {
	if p.d.Ours {
		return
	}
	for _, s := range p.d.Services {
		fix := p.kubectl("patch service %s --type=json -p '%s'", s.Name, selectorPatch()) + " # once the migration soaks"
		switch {
		case p.d.NodeLocal != nil && (s.Name == p.d.NodeLocal.Upstream || s.Name == "kube-dns-upstream"):
			p.find("NodeLocalUpstream", fix, "NodeLocal DNSCache asks the Service %s, which selects the old servers", s.Name)
		case s.DNS:
			p.find("OtherServiceSelects", fix, "the Service %s selects the old servers", s.Name)
		default:
			p.find("MetricsServiceSelects", fix, "the Service %s selects the old servers", s.Name)
		}
	}
	for _, b := range p.Budgets {
		selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		switch {
		case err != nil || b.Labels["app.kubernetes.io/managed-by"] == "clusterdns-operator":
		case selector.Matches(labels.Set(serversOfOurs())):
			p.find("BudgetSelectsOurs", p.kubectl("edit poddisruptionbudget %s", b.Name)+" # so that it does not select app.kubernetes.io/name=clusterdns", "the PodDisruptionBudget %s selects our servers, too", b.Name)
		case slices.Contains(p.d.Budgets, b.Name):
			p.find("BudgetSelects", p.kubectl("delete poddisruptionbudget %s", b.Name)+" # once the migration is through", "the PodDisruptionBudget %s selects the old servers", b.Name)
		}
	}
	for _, a := range p.d.Autoscalers {
		if a.Idle {
			continue
		}
		kind, name, _ := strings.Cut(a.Name, "/")
		fix := p.kubectl("scale deployment %s --replicas=0", name)
		if kind != "Deployment" {
			fix = p.kubectl("delete horizontalpodautoscaler %s", name)
		}
		if a.ScaledObject != "" {
			fix = p.kubectl("annotate scaledobject %s autoscaling.keda.sh/paused=true", a.ScaledObject)
		}
		p.find("Autoscaler", fix+" # before the migration finalises; scaling.proportional of the ClusterDNS takes its place", "%s scales %s", a.Name, a.Target)
	}
}

func selectorPatch() string {
	ours := serversOfOurs()
	sorted := make([]string, 0, len(ours))
	for _, k := range slices.Sorted(maps.Keys(ours)) {
		sorted = append(sorted, fmt.Sprintf("%q:%q", k, ours[k]))
	}
	return fmt.Sprintf(`[{"op":"replace","path":"/spec/selector","value":{%s}}]`, strings.Join(sorted, ","))
}
