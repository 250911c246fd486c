// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"slices"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// multicluster is the version of the Multi-Cluster Services API that every
// implementation serves.
var multicluster = schema.GroupVersion{Group: "multicluster.x-k8s.io", Version: "v1alpha1"}

// A serviceImport is what is needed of an object of that API, which is read from JSON.
type serviceImport struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              object.ImportSpec `json:"spec"`
}

// DeepCopyObject implements [runtime.Object].
func (s *serviceImport) DeepCopyObject() runtime.Object {
	c := &serviceImport{TypeMeta: s.TypeMeta, ObjectMeta: *s.ObjectMeta.DeepCopy(), Spec: s.Spec}
	c.Spec.IPs, c.Spec.Ports = slices.Clone(s.Spec.IPs), slices.Clone(s.Spec.Ports)
	return c
}

type serviceImportList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []serviceImport `json:"items"`
}

// DeepCopyObject implements [runtime.Object].
func (l *serviceImportList) DeepCopyObject() runtime.Object {
	c := &serviceImportList{TypeMeta: l.TypeMeta, ListMeta: *l.ListMeta.DeepCopy()}
	for i := range l.Items {
		c.Items = append(c.Items, *l.Items[i].DeepCopyObject().(*serviceImport))
	}
	return c
}

// serviceImports are read without a selector: labels is about the objects of
// the cluster, and namespace_labels about its Namespaces (B8).
var serviceImports = resource{
	client:   func(c *client) rest.Interface { return c.multicluster },
	labels:   func(Config) string { return "" },
	optional: true,
	list:     func(Config) runtime.Object { return new(serviceImportList) },
	set:      setServiceImport,
	remove:   func(s *Store, o runtime.Object) { s.index.Imports().DeleteService(key(o)) },
}

var importSlices = resource{
	client: func(c *client) rest.Interface { return c.discovery },
	labels: importLabels,
	list:   func(Config) runtime.Object { return new(endpointSliceList) },
	set:    setImportSlice,
	remove: func(s *Store, o runtime.Object) { s.index.Imports().DeleteEndpointSlice(key(o)) },
}

// importLabels selects the EndpointSlices of ServiceImports.
func importLabels(c Config) string {
	if c.Labels == "" {
		return object.LabelImport
	}
	return c.Labels + "," + object.LabelImport
}

func setServiceImport(s *Store, o runtime.Object, gen uint32, _ bool) []object.Skip {
	i := o.(*serviceImport)
	svc, skipped, ok := object.FromServiceImport(i.Namespace, i.Name, i.Annotations, &i.Spec)
	if ok {
		s.index.Imports().SetService(svc, gen)
	} else {
		s.index.Imports().DeleteService(key(o)) // it may have been good before
	}
	return skipped
}

func setImportSlice(s *Store, o runtime.Object, gen uint32, _ bool) []object.Skip {
	keep := object.Keep{PodNames: s.cfg.Keep.PodNames}
	slice, skipped, ok := object.FromImportSlice((*discoveryv1.EndpointSlice)(o.(*endpointSlice)), keep)
	if ok {
		s.index.Imports().SetEndpointSlice(slice, gen)
	} else {
		s.index.Imports().DeleteEndpointSlice(key(o))
	}
	return skipped
}
