// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// later returns what w has become some time later: objects went, came, and changed.
func (g *generator) later(w *World) *World {
	next := &World{}
	for _, o := range w.clone().Objects() {
		if changed := g.change(o); changed != nil {
			next.Add(changed)
		}
	}
	for range g.IntN(8) {
		g.addService(next)
	}
	for range g.clusterSet(4) {
		g.addImport(next)
	}
	for range g.IntN(4) {
		next.Add(g.pod())
	}
	return next
}

// change returns what became of o, or nil if it is gone.
func (g *generator) change(o runtime.Object) runtime.Object {
	if g.chance(70) {
		return o
	}
	if g.chance(30) {
		return nil
	}
	switch o := o.(type) {
	case *corev1.Namespace:
		o.ObjectMeta = g.meta("", o.Name)
	case *corev1.Service:
		n := g.service(o.Namespace, o.Name)
		n.UID = o.UID
		return n
	case *discoveryv1.EndpointSlice:
		if o.AddressType == discoveryv1.AddressTypeFQDN {
			return o
		}
		if name := o.Labels[importLabel]; name != "" {
			n := g.importSlice(o.Namespace, name, o.AddressType, g.IntN(5))
			n.Name = o.Name
			return n
		}
		service := o.Labels[discoveryv1.LabelServiceName]
		if g.chance(20) {
			service = pick(g, serviceNames...) // it is another Service's now
		}
		n := g.slice(o.Namespace, service, o.AddressType, g.IntN(5))
		n.Name = o.Name
		return n
	case *unstructured.Unstructured:
		return g.serviceImport(o.GetNamespace(), o.GetName())
	case *corev1.Pod:
		if g.chance(50) {
			terminate(o)
			return o
		}
		n := g.pod()
		n.Namespace, n.Name = o.Namespace, o.Name
		return n
	}
	return o
}
