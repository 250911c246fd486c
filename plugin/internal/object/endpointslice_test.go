// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

func webSlice(family discoveryv1.AddressType, endpoints ...discoveryv1.Endpoint) discoveryv1.EndpointSlice {
	return discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "demo", Name: "web-abc", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
		AddressType: family,
		Endpoints:   endpoints,
	}
}

func endpoint(addresses ...string) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{Addresses: addresses}
}

func TestFromEndpointSlice(t *testing.T) {
	const v4, v6, fqdn = discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6, discoveryv1.AddressTypeFQDN
	slice := func(endpoints ...object.Endpoint) object.EndpointSlice {
		return object.EndpointSlice{Namespace: "demo", Name: "web-abc", Service: "web", Endpoints: endpoints}
	}
	ep := func(addr, hostname string) object.Endpoint {
		return object.Endpoint{Addr: addrs(addr)[0], Hostname: hostname}
	}
	ready := func(b *bool, addr string) discoveryv1.Endpoint {
		e := endpoint(addr)
		e.Conditions = discoveryv1.EndpointConditions{Ready: b, Serving: new(true), Terminating: new(true)}
		return e
	}
	hostname := func(h string, addresses ...string) discoveryv1.Endpoint {
		e := endpoint(addresses...)
		e.Hostname = &h
		return e
	}
	labelled := func(labels map[string]string) discoveryv1.EndpointSlice {
		s := webSlice(v4, endpoint("10.0.0.1"))
		s.Labels = labels
		return s
	}
	named := func(namespace, name string) discoveryv1.EndpointSlice {
		s := webSlice(v4, endpoint("10.0.0.1"))
		s.Namespace, s.Name = namespace, name
		return s
	}
	ports := func(ps ...discoveryv1.EndpointPort) discoveryv1.EndpointSlice {
		s := webSlice(v4)
		s.Ports = ps
		return s
	}
	refused := func(s object.Skip) result[object.EndpointSlice] {
		return result[object.EndpointSlice]{object.EndpointSlice{}, []object.Skip{s}, false}
	}
	taken := func(s object.EndpointSlice, skipped ...object.Skip) result[object.EndpointSlice] {
		return result[object.EndpointSlice]{s, skipped, true}
	}
	withPorts := func(ps ...object.Port) object.EndpointSlice {
		s := slice()
		s.Ports = ps
		return s
	}

	tests := map[string]struct {
		in   discoveryv1.EndpointSlice
		want result[object.EndpointSlice]
	}{
		"IPv4":                  {webSlice(v4, endpoint("10.0.0.1")), taken(slice(ep("10.0.0.1", "")))},
		"IPv6":                  {webSlice(v6, endpoint("fd00::1")), taken(slice(ep("fd00::1", "")))},
		"empty":                 {webSlice(v4), taken(slice())},
		"endpoint of nothing":   {webSlice(v4, discoveryv1.Endpoint{}), taken(slice())},
		"FQDN (B13)":            {webSlice(fqdn, endpoint("db.example.org")), refused(object.SkipFQDN)},
		"FQDN with addresses":   {webSlice(fqdn, endpoint("10.0.0.1")), refused(object.SkipFQDN)},
		"no labels":             {labelled(nil), refused(object.SkipService)},
		"another label":         {labelled(map[string]string{"app": "web"}), refused(object.SkipService)},
		"empty label":           {labelled(map[string]string{discoveryv1.LabelServiceName: ""}), refused(object.SkipService)},
		"label in upper case":   {labelled(map[string]string{discoveryv1.LabelServiceName: "Web"}), refused(object.SkipName)},
		"label with dots":       {labelled(map[string]string{discoveryv1.LabelServiceName: "web.demo"}), refused(object.SkipName)},
		"label of 64 octets":    {labelled(map[string]string{discoveryv1.LabelServiceName: label64}), refused(object.SkipName)},
		"no name":               {named("demo", ""), refused(object.SkipName)},
		"no namespace":          {named("", "web-abc"), refused(object.SkipName)},
		"namespace, upper case": {named("Demo", "web-abc"), refused(object.SkipName)},
		"name is no label": {named("demo", strings.Repeat("web.", 50)), func() result[object.EndpointSlice] {
			s := slice(ep("10.0.0.1", ""))
			s.Name = strings.Repeat("web.", 50)
			return taken(s)
		}()},

		"ready is nil":   {webSlice(v4, ready(nil, "10.0.0.1")), taken(slice(ep("10.0.0.1", "")))},
		"ready is true":  {webSlice(v4, ready(new(true), "10.0.0.1")), taken(slice(ep("10.0.0.1", "")))},
		"ready is false": {webSlice(v4, ready(new(false), "10.0.0.1")), taken(slice())},
		"not ready and malformed is not looked at": {
			webSlice(v4, ready(new(false), "x")), taken(slice()),
		},

		"sorted by address": {
			webSlice(v4, endpoint("10.0.0.10"), endpoint("10.0.0.9"), endpoint("9.255.255.255")),
			taken(slice(ep("9.255.255.255", ""), ep("10.0.0.9", ""), ep("10.0.0.10", ""))),
		},
		"several addresses of an endpoint": {
			webSlice(v4, hostname("a", "10.0.0.2", "10.0.0.1")), taken(slice(ep("10.0.0.1", "a"), ep("10.0.0.2", "a"))),
		},
		"IPv4 in an IPv6 slice": {webSlice(v6, endpoint("10.0.0.1", "fd00::1")), taken(slice(ep("fd00::1", "")), object.SkipAddress)},
		"IPv6 in an IPv4 slice": {webSlice(v4, endpoint("fd00::1", "10.0.0.1")), taken(slice(ep("10.0.0.1", "")), object.SkipAddress)},
		"IPv4-mapped is IPv4":   {webSlice(v4, endpoint("::ffff:10.0.0.1")), taken(slice(ep("10.0.0.1", "")))},
		"IPv4-mapped, not IPv6": {webSlice(v6, endpoint("::ffff:10.0.0.1")), taken(slice(), object.SkipAddress)},
		"with a zone":           {webSlice(v6, endpoint("fe80::1%eth0")), taken(slice(), object.SkipAddress)},
		"addresses of nothing":  {webSlice(v4, endpoint("", "10.0.0", "010.0.0.1", "10.0.0.1/32", "10.0.0.1:80")), taken(slice(), repeat(object.SkipAddress, 5)...)},
		"no address type": {
			webSlice("", endpoint("10.0.0.1")), taken(slice(), object.SkipAddress),
		},

		"hostname":               {webSlice(v4, hostname("web-0", "10.0.0.1")), taken(slice(ep("10.0.0.1", "web-0")))},
		"hostname in upper case": {webSlice(v4, hostname("WEB-0", "10.0.0.1")), taken(slice(ep("10.0.0.1", "web-0")))},
		"hostname is empty":      {webSlice(v4, hostname("", "10.0.0.1")), taken(slice(ep("10.0.0.1", "")))},
		"hostname of 63 octets":  {webSlice(v4, hostname(label63, "10.0.0.1")), taken(slice(ep("10.0.0.1", label63)))},
		"hostname of 64 octets":  {webSlice(v4, hostname(label64, "10.0.0.1")), taken(slice(ep("10.0.0.1", "")), object.SkipHostname)},
		"hostname with dots":     {webSlice(v4, hostname("a.b", "10.0.0.1")), taken(slice(ep("10.0.0.1", "")), object.SkipHostname)},
		"hostname, star":         {webSlice(v4, hostname("*", "10.0.0.1")), taken(slice(ep("10.0.0.1", "")), object.SkipHostname)},
		"hostname shared":        {webSlice(v4, hostname("a", "10.0.0.1"), hostname("A", "10.0.0.2")), taken(slice(ep("10.0.0.1", "a"), ep("10.0.0.2", "a")))},

		"duplicates": {
			webSlice(v4, endpoint("10.0.0.1"), endpoint("10.0.0.1", "10.0.0.1"), endpoint("::ffff:10.0.0.1")),
			taken(slice(ep("10.0.0.1", "")), repeat(object.SkipTwin, 3)...),
		},
		"duplicate hostnames in other letters": {
			webSlice(v4, hostname("a", "10.0.0.1"), hostname("A", "10.0.0.1")), taken(slice(ep("10.0.0.1", "a")), object.SkipTwin),
		},
		"one address, two hostnames": {
			webSlice(v4, hostname("b", "10.0.0.1"), hostname("a", "10.0.0.1"), endpoint("10.0.0.1")),
			taken(slice(ep("10.0.0.1", ""), ep("10.0.0.1", "a"), ep("10.0.0.1", "b"))),
		},

		"no ports": {ports(), taken(withPorts())},
		"ports": {
			ports(discoveryv1.EndpointPort{Name: new("HTTP"), Protocol: new(corev1.ProtocolTCP), Port: new(int32(80))},
				discoveryv1.EndpointPort{Protocol: new(corev1.ProtocolUDP), Port: new(int32(53))},
				discoveryv1.EndpointPort{Name: new(""), Port: new(int32(65535))}),
			taken(withPorts(object.Port{Name: "http", Protocol: "tcp", Number: 80}, object.Port{Protocol: "udp", Number: 53}, object.Port{Protocol: "tcp", Number: 65535})),
		},
		"port without a number": {
			ports(discoveryv1.EndpointPort{Name: new("all")}, discoveryv1.EndpointPort{Port: new(int32(1))}),
			taken(withPorts(object.Port{Protocol: "tcp", Number: 1})),
		},
		"ports out of range": {
			ports(discoveryv1.EndpointPort{Port: new(int32(0))}, discoveryv1.EndpointPort{Port: new(int32(-1))}, discoveryv1.EndpointPort{Port: new(int32(70000))}),
			taken(withPorts(), repeat(object.SkipPort, 3)...),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := tc.in.DeepCopy()
			got, skipped, ok := object.FromEndpointSlice(&tc.in, object.Keep{})
			if diff := cmp.Diff(tc.want, result[object.EndpointSlice]{got, skipped, ok}, same); diff != "" {
				t.Errorf("FromEndpointSlice (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, &tc.in); diff != "" {
				t.Errorf("FromEndpointSlice changed its argument:\n%s", diff)
			}
		})
	}
}

func TestFromEndpointSlicePodNames(t *testing.T) {
	tests := map[string]struct {
		in   *corev1.ObjectReference
		want string
	}{
		"no target":     {nil, ""},
		"pod":           {&corev1.ObjectReference{Kind: "Pod", Name: "web-0"}, "web-0"},
		"upper case":    {&corev1.ObjectReference{Name: "WEB-0"}, "web-0"},
		"63 octets":     {&corev1.ObjectReference{Name: label63}, label63},
		"64 octets":     {&corev1.ObjectReference{Name: label64}, ""},
		"dots":          {&corev1.ObjectReference{Name: "web.0"}, ""},
		"without name":  {&corev1.ObjectReference{Kind: "Pod"}, ""},
		"no label":      {&corev1.ObjectReference{Name: `a\b`}, ""},
		"253 octets":    {&corev1.ObjectReference{Name: strings.Repeat("a", 253)}, ""},
		"with a number": {&corev1.ObjectReference{Name: "0"}, "0"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			e := endpoint("10.0.0.1")
			e.TargetRef = tc.in
			in := webSlice(discoveryv1.AddressTypeIPv4, e)
			for _, podNames := range []bool{false, true} {
				want := object.Endpoint{Addr: addrs("10.0.0.1")[0]}
				if podNames {
					want.Pod = tc.want
				}
				got, skipped, ok := object.FromEndpointSlice(&in, object.Keep{PodNames: podNames})
				if diff := cmp.Diff([]object.Endpoint{want}, got.Endpoints, same); diff != "" || !ok || skipped != nil {
					t.Errorf("FromEndpointSlice(podNames %t): skipped %v, %t (-want +got):\n%s", podNames, skipped, ok, diff)
				}
			}
		})
	}
}

// TestBugHostnameWithKelvinSign: see [TestBugExternalNameWithKelvinSign].
func TestBugHostnameWithKelvinSign(t *testing.T) {
	e := endpoint("10.0.0.1")
	e.Hostname = new(kelvin + "8s")
	in := webSlice(discoveryv1.AddressTypeIPv4, e)
	got, skipped, _ := object.FromEndpointSlice(&in, object.Keep{})
	if got.Endpoints[0].Hostname != "" || !cmp.Equal(skipped, []object.Skip{object.SkipHostname}) {
		t.Errorf("hostname %q is taken as %q, skipped %v", *e.Hostname, got.Endpoints[0].Hostname, skipped)
	}
}

// TestBugHostnameWithUnderscore: a label that begins with an underscore below a
// Service is a protocol (RFC 2782), so an endpoint of that hostname is the
// target of SRV and PTR records that has no address. The API refuses such
// hostnames (they are RFC 1123 labels); what is malformed is to be skipped.
func TestBugHostnameWithUnderscore(t *testing.T) {
	e := endpoint("10.0.0.1")
	e.Hostname = new("_tcp")
	in := webSlice(discoveryv1.AddressTypeIPv4, e)
	got, skipped, _ := object.FromEndpointSlice(&in, object.Keep{})
	if got.Endpoints[0].Hostname != "" || !cmp.Equal(skipped, []object.Skip{object.SkipHostname}) {
		t.Errorf("hostname %q is taken as %q, skipped %v", *e.Hostname, got.Endpoints[0].Hostname, skipped)
	}
}

// FuzzFromEndpointSlice checks what the index relies on: endpoints are in the
// order of their address, of one family, no two are the same, and every name is
// a label in lower case.
func FuzzFromEndpointSlice(f *testing.F) {
	f.Add("demo", "web-abc", "web", "IPv4", "10.0.0.1,10.0.0.1,x", "web-0,WEB-0", "web-0", "http", int32(80), true)
	f.Add("demo", "web-abc", "web", "IPv6", "fd00::2,fd00::1,::ffff:10.0.0.1", "a", "a.b", "", int32(0), false)
	f.Add("demo", "web-abc", "web", "FQDN", "example.org", "", "", "", int32(-1), true)
	f.Add("Demo", "", "", "", "", "", "", "", int32(70000), true)
	f.Fuzz(func(t *testing.T, namespace, name, service, family, addresses, hostnames, pods, port string, number int32, podNames bool) {
		in := &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
			AddressType: discoveryv1.AddressType(family),
			Ports:       []discoveryv1.EndpointPort{{Name: &port, Port: &number}, {Name: &port}, {Port: &number}, {}},
		}
		hosts, refs := strings.Split(hostnames, ","), strings.Split(pods, ",")
		for i, a := range strings.Split(addresses, ",") {
			in.Endpoints = append(in.Endpoints, discoveryv1.Endpoint{
				Addresses: []string{a, a}, Hostname: &hosts[i%len(hosts)], TargetRef: &corev1.ObjectReference{Name: refs[i%len(refs)]},
			})
		}
		before := in.DeepCopy()
		got, _, ok := object.FromEndpointSlice(in, object.Keep{PodNames: podNames})
		if diff := cmp.Diff(before, in); diff != "" {
			t.Fatalf("FromEndpointSlice changed its argument:\n%s", diff)
		}
		if !ok {
			if diff := cmp.Diff(object.EndpointSlice{}, got, same); diff != "" {
				t.Errorf("not served, and yet:\n%s", diff)
			}
			return
		}
		if !isLabel(got.Namespace) || !isLabel(got.Service) || got.Name == "" {
			t.Errorf("names %q, %q, %q", got.Namespace, got.Service, got.Name)
		}
		for i, e := range got.Endpoints {
			if !e.Addr.IsValid() || e.Addr.Is4() != (family == "IPv4") || e.Addr.Is4In6() || e.Addr.Zone() != "" {
				t.Errorf("address %s in a slice of %s", e.Addr, family)
			}
			if e.Hostname != "" && !isLabel(e.Hostname) || e.Pod != "" && !isLabel(e.Pod) || e.Pod != "" && !podNames {
				t.Errorf("endpoint %+v", e)
			}
			if i > 0 && (got.Endpoints[i-1].Addr.Compare(e.Addr) > 0 || got.Endpoints[i-1] == e) {
				t.Errorf("%+v follows %+v", e, got.Endpoints[i-1])
			}
		}
		for _, p := range got.Ports {
			if p.Number == 0 || int32(p.Number) != number || p.Protocol != "tcp" || strings.ContainsAny(p.Name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
				t.Errorf("port %+v of %d", p, number)
			}
		}
	})
}

// isLabel is another way to say what a label is.
func isLabel(s string) bool {
	return s != "" && len(s) <= 63 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" &&
		!strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_", r) })
}

// TestFromEndpointSliceKeep: where endpoints are is kept only for who wants it.
func TestFromEndpointSliceKeep(t *testing.T) {
	e := endpoint("10.0.0.1")
	e.Zone, e.NodeName = new("Eu-West-1A"), new("node-1")
	in := webSlice(discoveryv1.AddressTypeIPv4, e)
	for keep, want := range map[object.Keep]object.Endpoint{
		{}:                         {},
		{Zones: true}:              {Zone: "eu-west-1a"},
		{Nodes: true}:              {Node: "node-1"},
		{Zones: true, Nodes: true}: {Zone: "eu-west-1a", Node: "node-1"},
	} {
		want.Addr = addrs("10.0.0.1")[0]
		got, skipped, ok := object.FromEndpointSlice(&in, keep)
		if diff := cmp.Diff([]object.Endpoint{want}, got.Endpoints, same); diff != "" || !ok || skipped != nil {
			t.Errorf("FromEndpointSlice(%+v): skipped %v, %t (-want +got):\n%s", keep, skipped, ok, diff)
		}
	}
}
