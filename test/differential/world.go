// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// A World is the objects of a cluster.
type World struct {
	Namespaces []*corev1.Namespace
	Services   []*corev1.Service
	Slices     []*discoveryv1.EndpointSlice
	Pods       []*corev1.Pod

	Imports      []*unstructured.Unstructured // ServiceImports
	ImportSlices []*discoveryv1.EndpointSlice // that are not in Slices
	unserved     bool                         // the API server has no ServiceImports, or does not show them
}

// Objects returns all objects, by kind.
func (w *World) Objects() []runtime.Object {
	var all []runtime.Object
	for _, o := range w.Namespaces {
		all = append(all, o)
	}
	for _, o := range w.Services {
		all = append(all, o)
	}
	for _, o := range w.Slices {
		all = append(all, o)
	}
	for _, o := range w.Pods {
		all = append(all, o)
	}
	for _, o := range w.Imports {
		all = append(all, o)
	}
	for _, o := range w.ImportSlices {
		all = append(all, o)
	}
	return all
}

// Add adds objects.
func (w *World) Add(objects ...runtime.Object) {
	for _, o := range objects {
		switch o := o.(type) {
		case *corev1.Namespace:
			w.Namespaces = append(w.Namespaces, o)
		case *corev1.Service:
			w.Services = append(w.Services, o)
		case *discoveryv1.EndpointSlice:
			if o.Labels[importLabel] != "" && o.Labels[discoveryv1.LabelServiceName] == "" {
				w.ImportSlices = append(w.ImportSlices, o)
			} else {
				w.Slices = append(w.Slices, o)
			}
		case *unstructured.Unstructured:
			w.Imports = append(w.Imports, o)
		case *corev1.Pod:
			w.Pods = append(w.Pods, o)
		}
	}
}

// clone returns a world of copies.
func (w *World) clone() *World {
	c := &World{}
	for _, o := range w.Objects() {
		c.Add(o.DeepCopyObject())
	}
	return c
}

// fingerprint is equal for equal states of one API server.
func (w *World) fingerprint() string {
	var b strings.Builder
	for _, o := range w.Objects() {
		m := o.(metav1.Object)
		fmt.Fprintln(&b, m.GetNamespace(), m.GetName(), m.GetResourceVersion())
	}
	return b.String()
}

// A View is what a plugin with some options is told of a world.
type View struct {
	*Options
	world *World
	// before is what it was told of earlier, or nil.
	before *World
	// denied: the API server does not let it list some kind.
	denied bool
}

// An Endpoint is one ready address of an EndpointSlice.
type Endpoint struct {
	Addr      netip.Addr
	Name      string // its label
	Ports     []discoveryv1.EndpointPort
	Namespace string
	Service   string
	Cluster   string // that it is imported from
}

func selected(s labels.Selector, o metav1.Object) bool {
	return s == nil || s.Matches(labels.Set(o.GetLabels()))
}

// namespace returns the Namespace of that name, if the plugin is told of it.
func (v *View) namespace(name string) *corev1.Namespace {
	for _, ns := range v.world.Namespaces {
		if ns.Name == name && selected(v.NamespaceLabels, ns) {
			return ns
		}
	}
	return nil
}

// exposed reports whether names in the namespace may be answered.
func (v *View) exposed(name string) bool {
	return v.namespace(name) != nil && (v.Namespaces == nil || slices.Contains(v.Namespaces, name))
}

// service returns the Service of that name, or nil.
func (v *View) service(namespace, name string) *corev1.Service {
	for _, s := range v.world.Services {
		if s.Namespace == namespace && s.Name == name && selected(v.Labels, s) {
			return s
		}
	}
	return nil
}

// endpoints returns the ready endpoints of all EndpointSlices, with a Service or not.
func (v *View) endpoints() []Endpoint {
	if v.NoEndpoints {
		return nil
	}
	var all []Endpoint
	for _, s := range v.world.Slices {
		service := s.Labels[discoveryv1.LabelServiceName]
		if !selected(v.Labels, s) || service == "" || s.AddressType == discoveryv1.AddressTypeFQDN {
			continue
		}
		for i := range s.Endpoints {
			e := &s.Endpoints[i]
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			for _, text := range e.Addresses {
				if a, ok := parseAddr(text); ok {
					all = append(all, Endpoint{Addr: a, Name: v.endpointName(e, a), Ports: s.Ports, Namespace: s.Namespace, Service: service})
				}
			}
		}
	}
	return all
}

// endpointName returns the label of an endpoint.
func (v *View) endpointName(e *discoveryv1.Endpoint, a netip.Addr) string {
	if e.Hostname != nil && *e.Hostname != "" {
		return *e.Hostname
	}
	if v.PodNames && e.TargetRef != nil && e.TargetRef.Name != "" && len(e.TargetRef.Name) < 64 {
		return e.TargetRef.Name
	}
	return dashed(a)
}

// endpointsOf returns the ready endpoints of a Service.
func (v *View) endpointsOf(namespace, service string) []Endpoint {
	return slices.DeleteFunc(v.endpoints(), func(e Endpoint) bool { return e.Namespace != namespace || e.Service != service })
}

// isHeadless reports whether s has endpoints and no address of its own.
func isHeadless(s *corev1.Service) bool {
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		return false
	}
	return s.Spec.ClusterIP == corev1.ClusterIPNone || slices.Contains(s.Spec.ClusterIPs, corev1.ClusterIPNone)
}

func isExternal(s *corev1.Service) bool { return s.Spec.Type == corev1.ServiceTypeExternalName }

// clusterIPs returns the addresses of s.
func clusterIPs(s *corev1.Service) []netip.Addr {
	if isExternal(s) || isHeadless(s) {
		return nil
	}
	texts := s.Spec.ClusterIPs
	if len(texts) == 0 {
		texts = []string{s.Spec.ClusterIP}
	}
	var all []netip.Addr
	for _, text := range texts {
		if a, ok := parseAddr(text); ok {
			all = append(all, a)
		}
	}
	return all
}

// target returns the name that a Service of type ExternalName stands for, or
// "" if that is none: a name that reads as an IPv4 address is not one (RFC 1123 section 2.1).
func target(s *corev1.Service) string {
	name := strings.TrimSuffix(s.Spec.ExternalName, ".")
	if _, ok := parseAddr(name); ok || name == "" {
		return ""
	}
	return name + "."
}

// hasPod reports whether a Pod of the namespace that w has holds the address a.
func (v *View) hasPod(w *World, namespace string, a netip.Addr) bool {
	return w != nil && slices.ContainsFunc(w.Pods, func(p *corev1.Pod) bool {
		return p.Namespace == namespace && selected(v.Labels, p) && running(p) && slices.Contains(podIPs(p), a)
	})
}

// running reports whether the Pod still owns its addresses.
func running(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && !ended(p)
}

func ended(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodUnknown
}

func podIPs(p *corev1.Pod) []netip.Addr {
	var all []netip.Addr
	for _, ip := range p.Status.PodIPs {
		if a, ok := parseAddr(ip.IP); ok {
			all = append(all, a)
		}
	}
	return all
}

// parseAddr reads an address of an object.
func parseAddr(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a.Unmap(), err == nil && a.Zone() == ""
}
