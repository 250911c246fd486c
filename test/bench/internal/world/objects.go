// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// born is when all objects were made, so that they are equal in every run.
var born = metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

// Objects returns the world as an API server has it.
func (w World) Objects() []runtime.Object {
	var objects []runtime.Object
	for _, ns := range w.Namespaces {
		objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})
	}
	for _, s := range append(w.Services[:len(w.Services):len(w.Services)], w.Headless...) {
		objects = append(objects, s.Object())
		for _, slice := range s.Slices(w.perSlice) {
			objects = append(objects, slice)
		}
	}
	for i, addr := range w.Pods {
		objects = append(objects, pod(w.Namespaces[i%len(w.Namespaces)], i, addr))
	}
	return objects
}

// meta has what objects of a cluster usually carry and DNS does not need. A
// world without it would flatter a server that keeps it.
func meta(namespace, name, app string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace:         namespace,
		Name:              name,
		CreationTimestamp: born,
		Labels: map[string]string{
			"app.kubernetes.io/name":       app,
			"app.kubernetes.io/instance":   app + "-production",
			"app.kubernetes.io/managed-by": "Helm",
			"helm.sh/chart":                app + "-1.2.3",
		},
		Annotations: map[string]string{
			"meta.helm.sh/release-name":      app + "-production",
			"meta.helm.sh/release-namespace": namespace,
		},
	}
}

// Managed adds what an API server notes about who wrote which field; a real
// one does so by itself.
func Managed(m *metav1.ObjectMeta, fields string) {
	m.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: "helm", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1", Time: &born,
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
	}}
}

// Object returns the Service without its endpoints.
func (s Service) Object() *corev1.Service {
	single := corev1.IPFamilyPolicySingleStack
	o := &corev1.Service{
		ObjectMeta: meta(s.Namespace, s.Name, s.Name),
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, ClusterIP: corev1.ClusterIPNone, ClusterIPs: []string{corev1.ClusterIPNone},
			IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol}, IPFamilyPolicy: &single, SessionAffinity: corev1.ServiceAffinityNone,
		},
	}
	if s.ClusterIP.IsValid() {
		o.Spec.ClusterIP, o.Spec.ClusterIPs = s.ClusterIP.String(), []string{s.ClusterIP.String()}
	}
	for _, p := range Ports {
		o.Spec.Ports = append(o.Spec.Ports, corev1.ServicePort{
			Name: p.Name, Port: p.Port, TargetPort: intstr.FromInt32(p.Target), Protocol: corev1.ProtocolTCP,
		})
	}
	return o
}

// Slices returns the endpoints in slices of n.
func (s Service) Slices(n int) []*discoveryv1.EndpointSlice {
	var slices []*discoveryv1.EndpointSlice
	for at := 0; at < len(s.Endpoints); at += n {
		slices = append(slices, s.Slice(len(slices), s.Endpoints[at:min(at+n, len(s.Endpoints))]))
	}
	return slices
}

// Slice returns one slice of the Service with these endpoints.
func (s Service) Slice(number int, addrs []netip.Addr) *discoveryv1.EndpointSlice {
	name := fmt.Sprintf("%s-%05d", s.Name, number)
	o := &discoveryv1.EndpointSlice{
		ObjectMeta:  meta(s.Namespace, name, s.Name),
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	o.Labels[discoveryv1.LabelServiceName] = s.Name
	// Not the name of a controller that would tidy it up.
	o.Labels[discoveryv1.LabelManagedBy] = "bench.clusterdns.io"
	for _, p := range Ports {
		protocol := corev1.ProtocolTCP
		o.Ports = append(o.Ports, discoveryv1.EndpointPort{Name: &p.Name, Port: &p.Target, Protocol: &protocol})
	}
	yes, no := true, false
	for i, addr := range addrs {
		node := fmt.Sprintf("node-%04d", addr.As4()[3])
		o.Endpoints = append(o.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{addr.String()},
			Conditions: discoveryv1.EndpointConditions{Ready: &yes, Serving: &yes, Terminating: &no},
			NodeName:   &node,
			TargetRef: &corev1.ObjectReference{
				Kind: "Pod", Namespace: s.Namespace, Name: fmt.Sprintf("%s-5d8f7c9b6c-%05d", s.Name, i),
				UID: "00000000-0000-4000-8000-000000000000",
			},
		})
	}
	return o
}

func pod(namespace string, i int, addr netip.Addr) *corev1.Pod {
	name := fmt.Sprintf("worker-%05d-5d8f7c9b6c-x7k2p", i)
	o := &corev1.Pod{
		ObjectMeta: meta(namespace, name, fmt.Sprintf("worker-%05d", i)),
		Spec: corev1.PodSpec{
			NodeName: fmt.Sprintf("node-%04d", i%1000), ServiceAccountName: "default",
			Containers: []corev1.Container{{
				Name: "main", Image: "registry.example.org/team/worker:1.2.3",
				Env:   []corev1.EnvVar{{Name: "LOG_LEVEL", Value: "info"}, {Name: "REGION", Value: "north"}},
				Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}},
			}},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: addr.String(), PodIPs: []corev1.PodIP{{IP: addr.String()}}, HostIP: "192.0.2.1",
			StartTime:  &born,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: born}},
		},
	}
	return o
}
