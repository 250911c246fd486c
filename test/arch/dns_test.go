// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// objects are what the API server of these tests has: what every cluster has,
// and a headless Service.
func objects() []runtime.Object {
	name, port, tcp := "https", int32(443), corev1.ProtocolTCP
	return []runtime.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}},
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kubernetes"},
			Spec: corev1.ServiceSpec{
				ClusterIP: "10.96.0.1", ClusterIPs: []string{"10.96.0.1"},
				Ports: []corev1.ServicePort{{Name: name, Port: port, Protocol: tcp}},
			},
		},
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "headless"},
			Spec:       corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, ClusterIPs: []string{corev1.ClusterIPNone}},
		},
		slice("kubernetes", "192.0.2.1"),
		slice("headless", "192.0.2.2"),
	}
}

// serviceImport returns a ServiceImport with the name and the address of a Service.
func serviceImport() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport",
		"metadata": map[string]any{"namespace": "default", "name": "kubernetes"},
		"spec":     map[string]any{"type": "ClusterSetIP", "ips": []any{"10.96.0.1"}},
	}}
}

// slice returns an EndpointSlice of a Service, which says when its Pod changed.
func slice(service, addr string) *discoveryv1.EndpointSlice {
	name, port, tcp := "https", int32(443), corev1.ProtocolTCP
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: service + "-1",
			Labels:      map[string]string{discoveryv1.LabelServiceName: service},
			Annotations: map[string]string{corev1.EndpointsLastChangeTriggerTime: time.Now().Format(time.RFC3339Nano)},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{addr}}},
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &port, Protocol: &tcp}},
	}
}

// ask returns the rcode and the data of the answer section.
func ask(network, addr, name string, qtype uint16) (string, error) {
	client := dns.Client{Net: network, Timeout: 10 * time.Second}
	resp, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, qtype), addr)
	if err != nil {
		return "", err
	}
	got := []string{dns.RcodeToString[resp.Rcode]}
	for _, rr := range resp.Answer {
		got = append(got, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return strings.Join(got, " "), nil
}

// freePort returns an address of this machine that is free for UDP and TCP.
func freePort(t *testing.T) string {
	t.Helper()
	for range 10 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := tcp.Addr().String()
		udp, err := net.ListenPacket("udp", addr)
		_ = tcp.Close()
		if err == nil {
			_ = udp.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}
