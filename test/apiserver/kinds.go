// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kind describes one kind of object to serve. A value is not modified once it was given to New or AddKind.
type Kind struct {
	Group      string // "" for the core group
	Version    string
	Resource   string // plural, as in the URL
	Kind       string
	Namespaced bool

	// New returns an empty object. Objects of the same Go type belong to this kind; if it returns an
	// *unstructured.Unstructured, objects are told apart by their apiVersion and kind.
	New func() runtime.Object

	// Protobuf says whether the kind may be asked for in protobuf. Custom resources cannot.
	Protobuf bool

	// Fields returns the fields that a fieldSelector may name besides metadata.name and metadata.namespace.
	// It may be nil.
	Fields func(runtime.Object) fields.Set
}

// Kinds returns the kinds every Server serves: services, pods, namespaces, nodes and endpointslices.
func Kinds() []Kind {
	return []Kind{
		{
			Version: "v1", Resource: "services", Kind: "Service", Namespaced: true, Protobuf: true,
			New: func() runtime.Object { return &corev1.Service{} },
			Fields: func(o runtime.Object) fields.Set {
				spec := o.(*corev1.Service).Spec
				return fields.Set{"spec.clusterIP": spec.ClusterIP, "spec.type": string(spec.Type)}
			},
		},
		{
			Version: "v1", Resource: "pods", Kind: "Pod", Namespaced: true, Protobuf: true,
			New: func() runtime.Object { return &corev1.Pod{} },
			Fields: func(o runtime.Object) fields.Set {
				pod := o.(*corev1.Pod)
				return fields.Set{
					"spec.nodeName": pod.Spec.NodeName,
					"status.phase":  string(pod.Status.Phase),
					"status.podIP":  pod.Status.PodIP,
				}
			},
		},
		{
			Version: "v1", Resource: "namespaces", Kind: "Namespace", Protobuf: true,
			New: func() runtime.Object { return &corev1.Namespace{} },
			Fields: func(o runtime.Object) fields.Set {
				return fields.Set{"status.phase": string(o.(*corev1.Namespace).Status.Phase)}
			},
		},
		{
			Version: "v1", Resource: "nodes", Kind: "Node", Protobuf: true,
			New: func() runtime.Object { return &corev1.Node{} },
			Fields: func(o runtime.Object) fields.Set {
				return fields.Set{"spec.unschedulable": fmt.Sprint(o.(*corev1.Node).Spec.Unschedulable)}
			},
		},
		{
			Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices", Kind: "EndpointSlice",
			Namespaced: true, Protobuf: true,
			New: func() runtime.Object { return &discoveryv1.EndpointSlice{} },
		},
	}
}

// ServiceImports returns the kind of the Multi-Cluster Services API. It is not served unless it is added,
// because clusters without its CRD are common.
func ServiceImports() Kind {
	return Kind{
		Group: "multicluster.x-k8s.io", Version: "v1alpha1", Resource: "serviceimports", Kind: "ServiceImport",
		Namespaced: true,
		New:        func() runtime.Object { return &unstructured.Unstructured{} },
	}
}

func (k *Kind) groupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: k.Group, Version: k.Version}
}

func (k *Kind) gvk() schema.GroupVersionKind { return k.groupVersion().WithKind(k.Kind) }

func (k *Kind) groupResource() schema.GroupResource {
	return schema.GroupResource{Group: k.Group, Resource: k.Resource}
}

func (k *Kind) typeMeta() metav1.TypeMeta {
	return metav1.TypeMeta{Kind: k.Kind, APIVersion: k.groupVersion().String()}
}

func (k *Kind) unstructured() bool {
	_, ok := k.New().(*unstructured.Unstructured)
	return ok
}

// holds reports whether obj is of this kind.
func (k *Kind) holds(obj runtime.Object) bool {
	if reflect.TypeOf(obj) != reflect.TypeOf(k.New()) {
		return false
	}
	return !k.unstructured() || obj.GetObjectKind().GroupVersionKind() == k.gvk()
}

// empty returns a new object with its apiVersion and kind where Unstructured needs them.
func (k *Kind) empty() runtime.Object {
	obj := k.New()
	if k.unstructured() {
		obj.GetObjectKind().SetGroupVersionKind(k.gvk())
	}
	return obj
}

// fields returns all fields of obj that a selector may name.
func (k *Kind) fields(obj runtime.Object, m metav1.Object) fields.Set {
	set := fields.Set{}
	if k.Fields != nil {
		set = k.Fields(obj)
	}
	set["metadata.name"] = m.GetName()
	set["metadata.namespace"] = m.GetNamespace()
	return set
}
