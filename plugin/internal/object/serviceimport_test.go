// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

func TestFromServiceImport(t *testing.T) {
	type in struct {
		namespace, name string
		annotations     map[string]string
		spec            object.ImportSpec
	}
	web := func(spec object.ImportSpec) in { return in{"demo", "web", nil, spec} }
	tests := map[string]struct {
		in   in
		want result[object.Service]
	}{
		"ClusterSetIP": {
			web(object.ImportSpec{Type: "ClusterSetIP", IPs: []string{"10.112.0.1", "fd00:112::1"}, Ports: []corev1.ServicePort{{Name: "HTTP", Port: 80}}}),
			result[object.Service]{object.Service{
				Namespace: "demo", Name: "web", ClusterIPs: addrs("10.112.0.1", "fd00:112::1"),
				Ports: []object.Port{{Name: "http", Protocol: "tcp", Number: 80}},
			}, nil, true},
		},
		"no address yet": {web(object.ImportSpec{Type: "ClusterSetIP"}), result[object.Service]{object.Service{Namespace: "demo", Name: "web"}, nil, true}},
		"Headless": {
			web(object.ImportSpec{Type: "Headless", Ports: []corev1.ServicePort{{Port: 53, Protocol: corev1.ProtocolUDP}}}),
			result[object.Service]{object.Service{
				Namespace: "demo", Name: "web", Type: object.Headless, Ports: []object.Port{{Protocol: "udp", Number: 53}},
			}, nil, true},
		},
		"Headless with addresses": {
			web(object.ImportSpec{Type: "Headless", IPs: []string{"10.112.0.1"}}),
			result[object.Service]{object.Service{Namespace: "demo", Name: "web", Type: object.Headless}, nil, true},
		},
		"bad addresses": {
			web(object.ImportSpec{Type: "ClusterSetIP", IPs: []string{"", "10.112.0.1", "x", "::ffff:10.112.0.1"}}),
			result[object.Service]{object.Service{Namespace: "demo", Name: "web", ClusterIPs: addrs("10.112.0.1")}, []object.Skip{object.SkipAddress, object.SkipAddress}, true},
		},
		"bad port": {
			web(object.ImportSpec{Type: "ClusterSetIP", Ports: []corev1.ServicePort{{Port: 0}, {Port: 1}}}),
			result[object.Service]{object.Service{Namespace: "demo", Name: "web", Ports: []object.Port{{Protocol: "tcp", Number: 1}}}, []object.Skip{object.SkipPort}, true},
		},
		"TTL": {
			in{"demo", "web", map[string]string{object.TTLAnnotation: "30"}, object.ImportSpec{Type: "Headless"}},
			result[object.Service]{object.Service{Namespace: "demo", Name: "web", Type: object.Headless, TTL: object.TTL{Seconds: 30, Own: true}}, nil, true},
		},
		"bad name":      {in{"demo", "a.b", nil, object.ImportSpec{}}, result[object.Service]{Skipped: []object.Skip{object.SkipName}}},
		"bad namespace": {in{"", "web", nil, object.ImportSpec{}}, result[object.Service]{Skipped: []object.Skip{object.SkipName}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, skipped, ok := object.FromServiceImport(tc.in.namespace, tc.in.name, tc.in.annotations, &tc.in.spec)
			if diff := cmp.Diff(tc.want, result[object.Service]{got, skipped, ok}, same); diff != "" {
				t.Errorf("FromServiceImport (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSliceOfWhat tells by the labels of an EndpointSlice whose it is.
func TestSliceOfWhat(t *testing.T) {
	const local, imported, cluster = discoveryv1.LabelServiceName, object.LabelImport, object.LabelCluster
	slice := func(service, cluster string) object.EndpointSlice {
		return object.EndpointSlice{
			Namespace: "demo", Name: "web-abc", Service: service, Cluster: cluster,
			Endpoints: []object.Endpoint{{Addr: addrs("10.0.0.1")[0]}},
		}
	}
	yes := func(service, cluster string) result[object.EndpointSlice] {
		return result[object.EndpointSlice]{slice(service, cluster), nil, true}
	}
	no := func(reasons ...object.Skip) result[object.EndpointSlice] {
		return result[object.EndpointSlice]{Skipped: reasons}
	}
	tests := map[string]struct {
		labels          map[string]string
		local, imported result[object.EndpointSlice]
	}{
		"of a Service":               {map[string]string{local: "web"}, yes("web", ""), no(object.SkipService)},
		"of a ServiceImport":         {map[string]string{imported: "shop", cluster: "West"}, no(), yes("shop", "west")},
		"of both":                    {map[string]string{local: "web", imported: "shop", cluster: "west"}, yes("web", ""), yes("shop", "west")},
		"of nobody":                  {nil, no(object.SkipService), no(object.SkipService)},
		"of no cluster":              {map[string]string{imported: "shop"}, no(), no(object.SkipCluster)},
		"of a cluster with two dots": {map[string]string{imported: "shop", cluster: "a.b.c"}, no(), no(object.SkipCluster)},
		"of a cluster like a port":   {map[string]string{imported: "shop", cluster: "_tcp"}, no(), no(object.SkipCluster)},
		"of no ServiceImport's name": {map[string]string{imported: "a.b", cluster: "west"}, no(), no(object.SkipName)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := webSlice(discoveryv1.AddressTypeIPv4, endpoint("10.0.0.1"))
			s.Labels = tc.labels
			got, skipped, ok := object.FromEndpointSlice(&s, object.Keep{})
			if diff := cmp.Diff(tc.local, result[object.EndpointSlice]{got, skipped, ok}, same); diff != "" {
				t.Errorf("FromEndpointSlice (-want +got):\n%s", diff)
			}
			got, skipped, ok = object.FromImportSlice(&s, object.Keep{})
			if diff := cmp.Diff(tc.imported, result[object.EndpointSlice]{got, skipped, ok}, same); diff != "" {
				t.Errorf("FromImportSlice (-want +got):\n%s", diff)
			}
		})
	}
}
