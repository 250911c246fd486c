// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// A resource is how one kind is read and brought into the index.
type resource struct {
	client func(*client) rest.Interface
	labels func(Config) string
	fields string
	// optional says that the API server need not have the kind, nor let us read
	// it, for the rest to go on: its names are missing then, and no more.
	optional bool
	// list returns a new list object.
	list func(Config) runtime.Object
	// set brings o into the index; live is false while a list is read.
	set func(s *Store, o runtime.Object, gen uint32, live bool) []object.Skip
	// remove takes o out of the index.
	remove func(s *Store, o runtime.Object)
}

// notEnded selects the Pods that have an address of their own.
var notEnded = fields.AndSelectors(
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodSucceeded)),
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodFailed)),
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodUnknown)),
).String()

var resources = [object.NumKinds]resource{
	object.Namespaces: {
		client: func(c *client) rest.Interface { return c.core },
		labels: func(c Config) string { return c.NamespaceLabels },
		list:   func(Config) runtime.Object { return new(namespaceList) },
		set:    setNamespace,
		remove: func(s *Store, o runtime.Object) { s.index.DeleteNamespace(o.(*namespace).Name) },
	},
	object.Services: {
		client: func(c *client) rest.Interface { return c.core },
		labels: func(c Config) string { return c.Labels },
		list:   func(Config) runtime.Object { return new(serviceList) },
		set:    setService,
		remove: func(s *Store, o runtime.Object) { s.index.DeleteService(key(o)) },
	},
	object.EndpointSlices: {
		client: func(c *client) rest.Interface { return c.discovery },
		labels: func(c Config) string { return c.Labels },
		list:   func(Config) runtime.Object { return new(endpointSliceList) },
		set:    setEndpointSlice,
		remove: removeEndpointSlice,
	},
	object.Pods: {
		client: func(c *client) rest.Interface { return c.core },
		labels: func(c Config) string { return c.Labels },
		fields: notEnded,
		list:   newPodList,
		set:    setPod,
		remove: func(s *Store, o runtime.Object) { s.index.DeletePod(key(o)) },
	},
	object.Nodes: {
		client: func(c *client) rest.Interface { return c.core },
		labels: func(Config) string { return "" },
		list:   func(Config) runtime.Object { return new(nodeList) },
		set:    setNode,
		remove: func(s *Store, o runtime.Object) { s.index.DeleteNode(o.(*node).Name) },
	},
	object.ServiceImports: serviceImports,
	object.ImportSlices:   importSlices,
}

// place returns the index that k is brought into, and the kind that it is there.
func (s *Store) place(k object.Kind) (*index.Index, object.Kind) {
	switch k {
	case object.ServiceImports:
		return s.index.Imports(), object.Services
	case object.ImportSlices:
		return s.index.Imports(), object.EndpointSlices
	}
	return s.index, k
}

func key(o runtime.Object) (namespace, name string) {
	m := o.(metav1.Object)
	return m.GetNamespace(), m.GetName()
}

func setNamespace(s *Store, o runtime.Object, gen uint32, _ bool) []object.Skip {
	name, skipped, ok := object.FromNamespace((*corev1.Namespace)(o.(*namespace)))
	if ok {
		s.index.SetNamespace(name, gen)
	}
	return skipped
}

func setService(s *Store, o runtime.Object, gen uint32, _ bool) []object.Skip {
	svc, skipped, ok := object.FromService((*corev1.Service)(o.(*service)))
	if ok {
		if !s.cfg.Keep.Nodes {
			svc.Traffic = object.Anywhere // nobody can see it
		}
		s.index.SetService(svc, gen)
	} else {
		s.index.DeleteService(key(o)) // it may have been good before
	}
	return skipped
}

func setEndpointSlice(s *Store, o runtime.Object, gen uint32, live bool) []object.Skip {
	decoded := (*discoveryv1.EndpointSlice)(o.(*endpointSlice))
	slice, skipped, ok := object.FromEndpointSlice(decoded, s.cfg.Keep)
	if !ok {
		s.moving.drop(key(o))
		return skipped
	}
	s.moving.set(time.Now(), slice, decoded, gen)
	if live {
		s.programmed(slice, decoded)
	}
	return skipped
}

func removeEndpointSlice(s *Store, o runtime.Object) {
	namespace, name := key(o)
	s.moving.remove(time.Now(), namespace, name, s.gens[object.EndpointSlices].Load())
}

// full reports whether Pods are to be decoded with what keep says that only
// some servers need.
func full(keep object.Keep) bool { return keep.Pods.Labels || keep.Pods.Places }

func newPodList(cfg Config) runtime.Object {
	if full(cfg.Keep) {
		return new(fullPodList)
	}
	return new(podList)
}

// complete returns o, a Pod of either type, as the API's.
func complete(o runtime.Object) *corev1.Pod {
	if p, ok := o.(*fullPod); ok {
		return (*corev1.Pod)(p)
	}
	return (*corev1.Pod)(o.(*pod))
}

func setPod(s *Store, o runtime.Object, gen uint32, _ bool) []object.Skip {
	pod, skipped, ok := object.FromPod(complete(o), s.cfg.Keep.Pods)
	if ok {
		s.index.SetPod(pod, gen)
	} else {
		s.index.DeletePod(key(o)) // it terminates: its address may be another's any moment
	}
	return skipped
}

func setNode(s *Store, o runtime.Object, gen uint32, _ bool) []object.Skip {
	made, skipped, ok := object.FromNode((*corev1.Node)(o.(*node)))
	if ok {
		s.index.SetNode(made, gen)
	}
	return skipped
}

// programmed measures the DNS programming latency of a live change, if the
// controller wrote down when it began and the Service is known.
func (s *Store) programmed(slice object.EndpointSlice, o *discoveryv1.EndpointSlice) {
	began, err := time.Parse(time.RFC3339Nano, o.Annotations[corev1.EndpointsLastChangeTriggerTime])
	if err != nil || s.cfg.Hooks.Programmed == nil {
		return
	}
	if svc := s.index.Service(slice.Namespace, slice.Service); svc != nil {
		s.cfg.Hooks.Programmed(svc.Type == object.Headless, time.Since(began))
	}
}
