// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Labels of the EndpointSlices of ServiceImports.
const (
	importLabel  = "multicluster.kubernetes.io/service-name"
	clusterLabel = "multicluster.kubernetes.io/source-cluster"
)

// ofClusterSet returns n, which qname was parsed as, as it is in a zone of the clusterset.
func ofClusterSet(n Name, qname string) Name {
	labels := dns.SplitDomainName(strings.ToLower(qname))
	switch {
	case n.Kind == kindEndpoint:
		n.Kind, n.Cluster, n.Label = kindCluster, n.Label, ""
	case n.Kind == kindLoosePort && labels[0][0] != '_' && labels[1][0] != '_':
		n.Kind, n.Label, n.Cluster, n.Port, n.Protocol = kindEndpoint, labels[0], labels[1], "", ""
	}
	return n
}

// service returns the Service at or above the name, or nil.
func (f *Facts) service() *corev1.Service {
	if f.View.inSet(f.Zone) {
		return f.View.imported(f.Namespace, f.Name.Service)
	}
	return f.View.service(f.Namespace, f.Name.Service)
}

// all returns all ready endpoints of that Service.
func (f *Facts) all() []Endpoint {
	if f.View.inSet(f.Zone) {
		return f.View.importEndpoints(f.Namespace, f.Name.Service)
	}
	return f.View.endpointsOf(f.Namespace, f.Name.Service)
}

// imported returns what is imported under that name, or nil.
func (v *View) imported(namespace, name string) *corev1.Service {
	for _, i := range v.world.Imports {
		if i.GetNamespace() == namespace && i.GetName() == name {
			return asService(i)
		}
	}
	return nil
}

// asService returns a Service with the same records as a ServiceImport.
func asService(i *unstructured.Unstructured) *corev1.Service {
	s := &corev1.Service{}
	s.Namespace, s.Name = i.GetNamespace(), i.GetName()
	s.Spec.Type = corev1.ServiceTypeClusterIP
	if kind, _, _ := unstructured.NestedString(i.Object, "spec", "type"); kind == "Headless" {
		s.Spec.ClusterIP = corev1.ClusterIPNone
	}
	s.Spec.ClusterIPs, _, _ = unstructured.NestedStringSlice(i.Object, "spec", "ips")
	ports, _, _ := unstructured.NestedSlice(i.Object, "spec", "ports")
	for _, p := range ports {
		port, _ := p.(map[string]any)
		name, _ := port["name"].(string)
		protocol, _ := port["protocol"].(string)
		number, _ := port["port"].(int64)
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: name, Protocol: corev1.Protocol(protocol), Port: int32(number)})
	}
	return s
}

// importEndpoints returns the ready endpoints of a ServiceImport. The
// option noendpoints is not about them.
func (v *View) importEndpoints(namespace, service string) []Endpoint {
	return slices.DeleteFunc(v.allImportEndpoints(), func(e Endpoint) bool { return e.Namespace != namespace || e.Service != service })
}

func (v *View) allImportEndpoints() []Endpoint {
	var all []Endpoint
	for _, s := range v.world.ImportSlices {
		if !selected(v.Labels, s) || s.Labels[clusterLabel] == "" {
			continue
		}
		for i := range s.Endpoints {
			e := &s.Endpoints[i]
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			for _, text := range e.Addresses {
				if a, ok := parseAddr(text); ok {
					all = append(all, Endpoint{a, v.endpointName(e, a), s.Ports, s.Namespace, s.Labels[importLabel], s.Labels[clusterLabel]})
				}
			}
		}
	}
	return all
}

// importOwners returns the names of an address in the clusterset: of the
// first import that has it as ClusterSetIP, else of endpoints of headless ones.
func (v *View) importOwners(a netip.Addr) []Owner {
	if v.primarySet() == "" {
		return nil
	}
	var ips, endpoints []Owner
	for _, i := range v.world.Imports {
		s := asService(i)
		name := s.Name + "." + s.Namespace + ".svc." + v.primarySet()
		switch {
		case !v.exposed(s.Namespace):
		case !isHeadless(s):
			if slices.Contains(clusterIPs(s), a) {
				ips = append(ips, Owner{Target: name, Imported: true})
			}
		default:
			for _, e := range v.importEndpoints(s.Namespace, s.Name) {
				if e.Addr == a {
					endpoints = append(endpoints, Owner{Target: e.Name + "." + e.Cluster + "." + name, Imported: true})
				}
			}
		}
	}
	slices.SortFunc(ips, func(a, b Owner) int { return strings.Compare(key(a.Target), key(b.Target)) })
	if len(ips) > 0 {
		return ips[:1]
	}
	return endpoints
}

// key orders names of Services by namespace and name.
func key(name string) string {
	labels := dns.SplitDomainName(name)
	return labels[1] + " " + labels[0]
}

// anyImported reports whether the clusterset has an address within p.
func (v *View) anyImported(p netip.Prefix) bool {
	if v.primarySet() == "" {
		return false
	}
	for _, i := range v.world.Imports {
		if slices.ContainsFunc(clusterIPs(asService(i)), p.Contains) {
			return true
		}
	}
	return slices.ContainsFunc(v.allImportEndpoints(), func(e Endpoint) bool { return p.Contains(e.Addr) })
}

// nameless reports whether the endpoint at the address is one of an
// EndpointSlice that names no Service of the cluster: stock makes a name with
// an empty label of it.
func (d *Difference) nameless() bool {
	return d.Prefix.IsSingleIP() && slices.ContainsFunc(d.View.world.ImportSlices, func(s *discoveryv1.EndpointSlice) bool {
		return slices.ContainsFunc(s.Endpoints, func(e discoveryv1.Endpoint) bool {
			return slices.ContainsFunc(e.Addresses, func(text string) bool {
				a, ok := parseAddr(text)
				return ok && a == d.Prefix.Addr().Unmap()
			})
		})
	})
}
