// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// phases is how many states of a world a server sees.
const phases = 2

// sentinelNamespaces are those that [sentinel] needs.
const sentinelNamespaces = "sentinel sentinel-0 sentinel-1"

// sentinel returns objects, one or more of each kind, that tell the state
// numbered phase from others. They are applied last: who answers for all of
// them has been told of everything else.
func sentinel(phase int, sets bool) *World {
	meta := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"team": "a"}}
	}
	headless := &corev1.Service{ObjectMeta: meta("sentinel", "slice")}
	headless.Spec.Type, headless.Spec.ClusterIP = corev1.ServiceTypeClusterIP, corev1.ClusterIPNone
	alias := &corev1.Service{ObjectMeta: meta("sentinel", "alias")}
	alias.Spec.Type, alias.Spec.ExternalName = corev1.ServiceTypeExternalName, fmt.Sprintf("phase-%d.example.net", phase)

	slice := &discoveryv1.EndpointSlice{ObjectMeta: meta("sentinel", "slice"), AddressType: discoveryv1.AddressTypeIPv4}
	slice.Labels[discoveryv1.LabelServiceName] = "slice"
	slice.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{fmt.Sprintf("10.9.9.%d", phase)}}}

	pod := &corev1.Pod{ObjectMeta: meta("sentinel", fmt.Sprintf("pod-%d", phase))}
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIPs: []corev1.PodIP{{IP: fmt.Sprintf("10.9.8.%d", phase)}}}

	w := &World{}
	w.Add(
		&corev1.Namespace{ObjectMeta: meta("", "sentinel")}, &corev1.Namespace{ObjectMeta: meta("", fmt.Sprintf("sentinel-%d", phase))},
		headless, alias, slice, pod,
	)
	if sets {
		w.Add(sentinelImports(phase)...)
	}
	return w
}

// inStep returns what a server with these options answers once it is told of
// the state numbered phase: for a question, what the answer must contain.
func inStep(o *Options, phase int) map[Question]string {
	ask := func(name string, qtype uint16) Question {
		return Question{Name: name + "." + o.primary(), Type: qtype, Class: dns.ClassINET, TCP: true}
	}
	want := map[Question]string{
		ask("alias.sentinel.svc", dns.TypeCNAME):                  fmt.Sprintf("phase-%d.example.net.", phase),
		ask(fmt.Sprintf("sentinel-%d.svc", phase), dns.TypeHTTPS): "NOERROR qr aa",
	}
	if !o.NoEndpoints {
		want[ask("slice.sentinel.svc", dns.TypeA)] = fmt.Sprintf(" A 10.9.9.%d", phase)
	}
	if o.Pods == "verified" {
		want[ask(fmt.Sprintf("10-9-8-%d.sentinel.pod", phase), dns.TypeA)] = "NOERROR qr aa"
	}
	if set := o.primarySet(); set != "" {
		want[Question{Name: "ip.sentinel.svc." + set, Type: dns.TypeA, Class: dns.ClassINET, TCP: true}] = fmt.Sprintf(" A 10.112.255.%d", phase)
		want[Question{Name: "slice.sentinel.svc." + set, Type: dns.TypeA, Class: dns.ClassINET, TCP: true}] = fmt.Sprintf(" A 10.9.7.%d", phase)
	}
	return want
}
