// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"bytes"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// The types of this file are those of the API with another decoder for
// protobuf: it fills only what DNS needs. What else an object has, which is most
// of it, would be garbage at once, and a list is when a process needs the most
// memory. Read from JSON they are complete, by the tags of the API types.
//
// A field is missing here if a From function makes something else of a partial
// object than of a complete one: a test compares them. The numbers of the fields
// are those of the generated.proto of the API.

type namespace corev1.Namespace

// Reset makes n empty.
func (n *namespace) Reset() { *n = namespace{} }

// DeepCopyObject implements [runtime.Object].
func (n *namespace) DeepCopyObject() runtime.Object {
	return (*namespace)((*corev1.Namespace)(n).DeepCopy())
}

// Unmarshal implements [unmarshaler].
func (n *namespace) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			d.message((*objectMeta)(&n.ObjectMeta))
		}
	}
	return d.err
}

type service corev1.Service

// Reset makes s empty.
func (s *service) Reset() { *s = service{} }

// DeepCopyObject implements [runtime.Object].
func (s *service) DeepCopyObject() runtime.Object {
	return (*service)((*corev1.Service)(s).DeepCopy())
}

// Unmarshal implements [unmarshaler].
func (s *service) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			d.message((*objectMeta)(&s.ObjectMeta))
		case 2:
			d.message((*serviceSpec)(&s.Spec))
		}
	}
	return d.err
}

type serviceSpec corev1.ServiceSpec

// Unmarshal implements [unmarshaler].
func (s *serviceSpec) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			s.Ports = append(s.Ports, corev1.ServicePort{})
			d.message((*servicePort)(&s.Ports[len(s.Ports)-1]))
		case 3:
			s.ClusterIP = d.text()
		case 4:
			s.Type = corev1.ServiceType(d.text())
		case 10:
			s.ExternalName = d.text()
		case 18:
			s.ClusterIPs = append(s.ClusterIPs, d.text())
		case 23:
			s.TrafficDistribution = new(d.text())
		}
	}
	return d.err
}

type servicePort corev1.ServicePort

// Unmarshal implements [unmarshaler].
func (p *servicePort) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			p.Name = d.text()
		case 2:
			p.Protocol = corev1.Protocol(d.text())
		case 3:
			p.Port = d.int32()
		}
	}
	return d.err
}

type endpointSlice discoveryv1.EndpointSlice

// Reset makes s empty.
func (s *endpointSlice) Reset() { *s = endpointSlice{} }

// DeepCopyObject implements [runtime.Object].
func (s *endpointSlice) DeepCopyObject() runtime.Object {
	return (*endpointSlice)((*discoveryv1.EndpointSlice)(s).DeepCopy())
}

// Unmarshal implements [unmarshaler].
func (s *endpointSlice) Unmarshal(data []byte) error {
	s.Endpoints = slices.Grow(s.Endpoints, count(data, 2))
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			d.message((*objectMeta)(&s.ObjectMeta))
		case 2:
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{})
			d.message((*endpoint)(&s.Endpoints[len(s.Endpoints)-1]))
		case 3:
			s.Ports = append(s.Ports, discoveryv1.EndpointPort{})
			d.message((*endpointPort)(&s.Ports[len(s.Ports)-1]))
		case 4:
			s.AddressType = discoveryv1.AddressType(d.text())
		}
	}
	return d.err
}

type endpoint discoveryv1.Endpoint

// Unmarshal implements [unmarshaler].
func (e *endpoint) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			e.Addresses = append(e.Addresses, d.text())
		case 2:
			d.message((*endpointConditions)(&e.Conditions))
		case 3:
			e.Hostname = new(d.text())
		case 4:
			if e.TargetRef == nil {
				e.TargetRef = new(corev1.ObjectReference)
			}
			d.message((*objectReference)(e.TargetRef))
		case 6:
			e.NodeName = new(d.text())
		case 7:
			e.Zone = new(d.text())
		}
	}
	return d.err
}

type endpointConditions discoveryv1.EndpointConditions

// Unmarshal implements [unmarshaler].
func (c *endpointConditions) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			c.Ready = d.optionalBool()
		case 2:
			c.Serving = d.optionalBool()
		case 3:
			c.Terminating = d.optionalBool()
		}
	}
	return d.err
}

type objectReference corev1.ObjectReference

// Unmarshal implements [unmarshaler].
func (r *objectReference) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 3:
			r.Name = d.text()
		}
	}
	return d.err
}

type endpointPort discoveryv1.EndpointPort

// Unmarshal implements [unmarshaler].
func (p *endpointPort) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			p.Name = new(d.text())
		case 2:
			p.Protocol = new(corev1.Protocol(d.text()))
		case 3:
			p.Port = new(d.int32())
		}
	}
	return d.err
}

type pod corev1.Pod

// Reset makes p empty.
func (p *pod) Reset() { *p = pod{} }

// DeepCopyObject implements [runtime.Object].
func (p *pod) DeepCopyObject() runtime.Object { return (*pod)((*corev1.Pod)(p).DeepCopy()) }

// Unmarshal implements [unmarshaler].
func (p *pod) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			d.message((*objectMeta)(&p.ObjectMeta))
		case 2:
			d.message((*podSpec)(&p.Spec))
		case 3:
			d.message((*podStatus)(&p.Status))
		}
	}
	return d.err
}

type podSpec corev1.PodSpec

// Unmarshal implements [unmarshaler].
func (s *podSpec) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 11:
			s.HostNetwork = *d.optionalBool()
		}
	}
	return d.err
}

// A fullPod is a Pod with what only some servers keep: all of its labels, and its node.
type fullPod corev1.Pod

// Reset makes p empty.
func (p *fullPod) Reset() { *p = fullPod{} }

// DeepCopyObject implements [runtime.Object].
func (p *fullPod) DeepCopyObject() runtime.Object {
	return (*fullPod)((*corev1.Pod)(p).DeepCopy())
}

// Unmarshal implements [unmarshaler].
func (p *fullPod) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			d.message((*labelledMeta)(&p.ObjectMeta))
		case 2:
			d.message((*fullPodSpec)(&p.Spec))
		case 3:
			d.message((*podStatus)(&p.Status))
		}
	}
	return d.err
}

type fullPodSpec corev1.PodSpec

// Unmarshal implements [unmarshaler].
func (s *fullPodSpec) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 10:
			s.NodeName = d.text()
		case 11:
			s.HostNetwork = *d.optionalBool()
		}
	}
	return d.err
}

type podStatus corev1.PodStatus

// Unmarshal implements [unmarshaler].
func (s *podStatus) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			s.Phase = corev1.PodPhase(d.text())
		case 6:
			s.PodIP = d.text()
		case 12:
			s.PodIPs = append(s.PodIPs, corev1.PodIP{})
			d.message((*podIP)(&s.PodIPs[len(s.PodIPs)-1]))
		}
	}
	return d.err
}

type podIP corev1.PodIP

// Unmarshal implements [unmarshaler].
func (p *podIP) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			p.IP = d.text()
		}
	}
	return d.err
}

// A metadata is an object of any kind of which only the name and the version are asked for.
type metadata metav1.PartialObjectMetadata

// Reset makes m empty.
func (m *metadata) Reset() { *m = metadata{} }

// DeepCopyObject implements [runtime.Object].
func (m *metadata) DeepCopyObject() runtime.Object {
	return (*metadata)((*metav1.PartialObjectMetadata)(m).DeepCopy())
}

// Unmarshal implements [unmarshaler].
func (m *metadata) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			d.message((*objectName)(&m.ObjectMeta))
		}
	}
	return d.err
}

type objectName metav1.ObjectMeta

// Unmarshal implements [unmarshaler].
func (m *objectName) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			m.Name = d.text()
		case 3:
			m.Namespace = d.text()
		case 6:
			m.ResourceVersion = d.text()
		}
	}
	return d.err
}

type node corev1.Node

// Reset makes n empty.
func (n *node) Reset() { *n = node{} }

// DeepCopyObject implements [runtime.Object].
func (n *node) DeepCopyObject() runtime.Object { return (*node)((*corev1.Node)(n).DeepCopy()) }

// Unmarshal implements [unmarshaler].
func (n *node) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			d.message((*objectMeta)(&n.ObjectMeta))
		case 2:
			d.message((*nodeSpec)(&n.Spec))
		case 3:
			d.message((*nodeStatus)(&n.Status))
		}
	}
	return d.err
}

type nodeSpec corev1.NodeSpec

// Unmarshal implements [unmarshaler].
func (s *nodeSpec) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			s.PodCIDR = d.text()
		case 7:
			s.PodCIDRs = append(s.PodCIDRs, d.text())
		}
	}
	return d.err
}

type nodeStatus corev1.NodeStatus

// Unmarshal implements [unmarshaler].
func (s *nodeStatus) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 5:
			s.Addresses = append(s.Addresses, corev1.NodeAddress{})
			d.message((*nodeAddress)(&s.Addresses[len(s.Addresses)-1]))
		}
	}
	return d.err
}

type nodeAddress corev1.NodeAddress

// Unmarshal implements [unmarshaler].
func (a *nodeAddress) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			a.Type = corev1.NodeAddressType(d.text())
		case 2:
			a.Address = d.text()
		}
	}
	return d.err
}

type objectMeta metav1.ObjectMeta

// Unmarshal implements [unmarshaler].
func (m *objectMeta) Unmarshal(data []byte) error {
	return unmarshalMeta((*metav1.ObjectMeta)(m), data, neededLabel)
}

// A labelledMeta is an objectMeta with all labels.
type labelledMeta metav1.ObjectMeta

// Unmarshal implements [unmarshaler].
func (m *labelledMeta) Unmarshal(data []byte) error {
	return unmarshalMeta((*metav1.ObjectMeta)(m), data, anyLabel)
}

func unmarshalMeta(m *metav1.ObjectMeta, data []byte, neededLabel func(key []byte) bool) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			m.Name = d.text()
		case 3:
			m.Namespace = d.text()
		case 6:
			m.ResourceVersion = d.text()
		case 9:
			m.DeletionTimestamp = new(metav1.Time)
			d.message(m.DeletionTimestamp)
		case 11:
			m.Labels = keep(m.Labels, &d, neededLabel)
		case 12:
			m.Annotations = keep(m.Annotations, &d, neededAnnotation)
		}
	}
	return d.err
}

// keep returns m with the entry that d is at, if its key is needed.
func keep(m map[string]string, d *decoder, needed func(key []byte) bool) map[string]string {
	key, value := d.entry()
	if !needed(key) {
		return m
	}
	if m == nil {
		m = make(map[string]string)
	}
	m[string(key)] = string(value)
	return m
}

func anyLabel([]byte) bool { return true }

func neededLabel(key []byte) bool {
	switch string(key) {
	case discoveryv1.LabelServiceName, object.LabelImport, object.LabelCluster, corev1.LabelTopologyZone:
		return true
	}
	return false
}

func neededAnnotation(key []byte) bool {
	switch string(key) {
	case corev1.EndpointsLastChangeTriggerTime, metav1.InitialEventsAnnotationKey:
		return true
	}
	return bytes.HasPrefix(key, []byte("clusterdns.io/"))
}

// A list is a page of objects of one kind.
type list[T any, P decodable[T]] struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []T `json:"items"`
}

// decodable is a pointer to a T that decodes it.
type decodable[T any] interface {
	*T
	runtime.Object
	unmarshaler
}

type (
	namespaceList     = list[namespace, *namespace]
	serviceList       = list[service, *service]
	endpointSliceList = list[endpointSlice, *endpointSlice]
	podList           = list[pod, *pod]
	fullPodList       = list[fullPod, *fullPod]
	nodeList          = list[node, *node]
	metadataList      = list[metadata, *metadata]
)

// Reset makes l empty.
func (l *list[T, P]) Reset() { *l = list[T, P]{} }

// DeepCopyObject implements [runtime.Object].
func (l *list[T, P]) DeepCopyObject() runtime.Object {
	c := &list[T, P]{TypeMeta: l.TypeMeta, ListMeta: *l.ListMeta.DeepCopy()}
	for i := range l.Items {
		c.Items = append(c.Items, *P(&l.Items[i]).DeepCopyObject().(P))
	}
	return c
}

// Unmarshal implements [unmarshaler].
func (l *list[T, P]) Unmarshal(data []byte) error {
	l.Items = slices.Grow(l.Items, count(data, 2))
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 1:
			d.message((*listMeta)(&l.ListMeta))
		case 2:
			l.Items = append(l.Items, *new(T))
			d.message(P(&l.Items[len(l.Items)-1]))
		}
	}
	return d.err
}

type listMeta metav1.ListMeta

// Unmarshal implements [unmarshaler].
func (m *listMeta) Unmarshal(data []byte) error {
	d := decoder{rest: data}
	for d.next() {
		switch d.number {
		case 2:
			m.ResourceVersion = d.text()
		case 3:
			m.Continue = d.text()
		}
	}
	return d.err
}
