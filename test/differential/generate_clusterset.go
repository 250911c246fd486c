// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// setZone is the zone of the clusterset.
const setZone = "set.example"

// clusterSetZones are zones that a Corefile of a clusterset may name.
var clusterSetZones = []string{
	"cluster.local set.example in-addr.arpa ip6.arpa",
	"cluster.local set.example in-addr.arpa ip6.arpa",
	"set.example cluster.local in-addr.arpa ip6.arpa",
	"cluster.local b.cluster.local set.example 10.0.0.0/8 fd00::/16",
}

var clusterNames = []string{"east", "west", "web", "svc", "10-1-0-1"}

// clusterSet returns a random number below n in a clusterset, else 0.
func (g *generator) clusterSet(n int) int {
	if !g.sets {
		return 0
	}
	return g.IntN(n)
}

func (g *generator) addImports(w *World) {
	for range 10 + g.IntN(15) {
		g.addImport(w)
	}
	for range g.IntN(4) { // of nobody, or only sometimes
		w.Add(g.importSlice(pick(g, namespaceNames...), pick(g, serviceNames...), discoveryv1.AddressTypeIPv4, 1+g.IntN(3)))
	}
}

// addImport adds a ServiceImport that is not there yet, mostly with EndpointSlices.
func (g *generator) addImport(w *World) {
	namespace, name := pick(g, namespaceNames...), pick(g, serviceNames...)
	for _, i := range w.Imports {
		if i.GetNamespace() == namespace && i.GetName() == name {
			return
		}
	}
	w.Add(g.serviceImport(namespace, name))
	for range g.IntN(5) {
		family := pick(g, discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6)
		w.Add(g.importSlice(namespace, name, family, g.IntN(5)))
	}
}

func (g *generator) serviceImport(namespace, name string) *unstructured.Unstructured {
	m := g.meta(namespace, name)
	spec := map[string]any{"type": "Headless"}
	if g.chance(50) {
		spec["type"] = "ClusterSetIP"
		v4, v6 := fmt.Sprintf("10.112.0.%d", 1+g.IntN(60)), fmt.Sprintf("fd00:112::%x", 1+g.IntN(60))
		if g.chance(10) {
			v4 = fmt.Sprintf("10.96.0.%d", 1+g.IntN(20)) // may be a cluster IP here
		}
		spec["ips"] = pick(g, []any{v4}, []any{v4}, []any{v6}, []any{v4, v6}, []any{})
	}
	ports := []any{}
	for _, p := range g.servicePorts() {
		port := map[string]any{"protocol": string(p.Protocol), "port": int64(p.Port)}
		if p.Name != "" {
			port["name"] = p.Name
		}
		ports = append(ports, port)
	}
	spec["ports"] = ports
	o := newImport(namespace, name, spec)
	o.SetLabels(m.Labels)
	return o
}

func newImport(namespace, name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport",
		"metadata": map[string]any{"namespace": namespace, "name": name}, "spec": spec,
	}}
}

// importSlice returns an EndpointSlice of a ServiceImport. Its addresses may be
// those of other clusters, and of this one.
func (g *generator) importSlice(namespace, service string, family discoveryv1.AddressType, n int) *discoveryv1.EndpointSlice {
	s := g.slice(namespace, service, family, n)
	delete(s.Labels, discoveryv1.LabelServiceName)
	s.Labels[importLabel], s.Labels[clusterLabel] = service, pick(g, clusterNames...)
	return s
}

// setName returns a name of an import, or in its zone.
func (g *generator) setName(v *View) string {
	zone := "." + setZone
	if len(v.world.ImportSlices) > 0 && g.chance(60) {
		s := pick(g, v.world.ImportSlices...)
		below := s.Labels[importLabel] + "." + s.Namespace + ".svc" + zone
		cluster := s.Labels[clusterLabel] + "." + below
		if len(s.Endpoints) == 0 || g.chance(15) {
			return pick(g, below, cluster)
		}
		e := pick(g, s.Endpoints...)
		a, _ := parseAddr(pick(g, e.Addresses...))
		switch {
		case g.chance(15):
			return arpa(a)
		case e.Hostname != nil && g.chance(60):
			return *e.Hostname + "." + cluster
		case e.TargetRef != nil && g.chance(20) && len(e.TargetRef.Name) < 64:
			return e.TargetRef.Name + "." + cluster
		}
		return g.spelled(a) + "." + pick(g, cluster, cluster, cluster, below)
	}
	if len(v.world.Imports) == 0 {
		return "svc" + zone
	}
	i := pick(g, v.world.Imports...)
	s := asService(i)
	if ips := clusterIPs(s); len(ips) > 0 && g.chance(15) {
		return arpa(pick(g, ips...))
	}
	name := s.Name + "." + s.Namespace + ".svc" + zone
	if len(s.Spec.Ports) > 0 && g.chance(40) {
		p := pick(g, s.Spec.Ports...)
		protocol := strings.ToLower(string(p.Protocol))
		return pick(g, "_"+p.Name+"._"+protocol+".", "_"+protocol+".", p.Name+"."+protocol+".") + name
	}
	return pick(g, name, name, name, "dns-version"+zone, strings.TrimPrefix(zone, "."))
}

// sentinelImports tell the state numbered phase from others in zones of the clusterset.
func sentinelImports(phase int) []runtime.Object {
	labels := map[string]string{"team": "a"}
	ip := newImport("sentinel", "ip", map[string]any{
		"type": "ClusterSetIP", "ips": []any{fmt.Sprintf("10.112.255.%d", phase)}, "ports": []any{map[string]any{"name": "http", "protocol": "TCP", "port": int64(80)}},
	})
	headless := newImport("sentinel", "slice", map[string]any{"type": "Headless", "ports": []any{}})
	ip.SetLabels(labels)
	headless.SetLabels(labels)
	port, name, protocol := int32(80), "http", corev1.ProtocolTCP
	slice := func(service string) *discoveryv1.EndpointSlice {
		return &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: "sentinel", Name: "imported-" + service, Labels: map[string]string{"team": "a", importLabel: service, clusterLabel: "east"}},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: &name, Protocol: &protocol, Port: &port}},
			Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{fmt.Sprintf("10.9.7.%d", phase)}}},
		}
	}
	return []runtime.Object{slice("ip"), ip, headless, slice("slice")}
}
