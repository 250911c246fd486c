// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	exact  = networkingv1.PathTypeExact
	prefix = networkingv1.PathTypePrefix
)

func TestRoute(t *testing.T) {
	for _, test := range []struct {
		name      string
		ingresses []*networkingv1.Ingress
		want      []server
	}{
		{"nothing", nil, []server{{}}},
		{"host and prefix", all(ingress(1, "one", rule("a.example", prefix, "/shop/", "web"))),
			[]server{{}, {"a.example", []place{{"/shop/", "ns_web_http"}, {"= /shop", "ns_web_http"}}}}},
		{"the root", all(ingress(1, "one", rule("a.example", prefix, "/", "web"))),
			[]server{{}, {"a.example", []place{{"/", "ns_web_http"}}}}},
		{"exact before prefix", all(ingress(1, "one", both("", "/x"))),
			[]server{{"", []place{{"/x/", "ns_web_http"}, {"= /x", "ns_other_http"}}}}},
		{"the older one has it", all(ingress(2, "new", rule("a.example", prefix, "/", "other")), ingress(1, "old", rule("a.example", prefix, "/", "web"))),
			[]server{{}, {"a.example", []place{{"/", "ns_web_http"}}}}},
		{"another class", all(class("else", ingress(1, "one", rule("a.example", prefix, "/", "web")))), []server{{}}},
		{"no such Service", all(ingress(1, "one", rule("a.example", prefix, "/", "missing"))),
			[]server{{}, {"a.example", []place{{"/", ""}}}}},
		{"no Pod is ready", all(ingress(1, "one", rule("a.example", prefix, "/", "unready"))),
			[]server{{}, {"a.example", []place{{"/", ""}}}}},
		{"a path with a meaning to nginx", all(ingress(1, "one", rule("a.example", prefix, "/;}return", "web"))), []server{{}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := world{ingresses: test.ingresses}
			for _, name := range []string{"web", "other", "unready"} {
				w.services = append(w.services, service(name))
				w.slices = append(w.slices, slice(name, name != "unready", "10.0.0.2"), slice(name, false, "10.0.0.9"))
			}
			got, _ := w.route("test")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBackend(t *testing.T) {
	w := world{
		ingresses: all(ingress(1, "one", rule("a.example", prefix, "/", "web"))),
		services:  []*corev1.Service{service("web")},
		slices:    []*discoveryv1.EndpointSlice{slice("web", true, "10.0.0.3"), slice("web", true, "10.0.0.2"), slice("web", true, "fd00::2"), slice("web", false, "10.0.0.4")},
	}
	servers, backends := w.route("test")
	want := []backend{{"ns_web_http", []string{"10.0.0.2:8080", "10.0.0.3:8080", "[fd00::2]:8080"}}}
	if diff := cmp.Diff(want, backends); diff != "" {
		t.Error(diff)
	}
	text, err := conf{Listen: []string{"80", "[::]:80"}, Ready: []string{"81"}, Folder: "/run", Servers: servers, Backends: backends}.render()
	if err != nil {
		t.Fatal(err)
	}
	const tail = `	upstream ns_web_http {
		server 10.0.0.2:8080;
		server 10.0.0.3:8080;
		server [fd00::2]:8080;
	}
	server {
		listen 81;
		return 200;
	}
	server {
		listen 80 default_server;
		listen [::]:80 default_server;
		server_name _;
		location / { return 404; }
	}
	server {
		listen 80;
		listen [::]:80;
		server_name a.example;
		location / { proxy_pass http://ns_web_http; }
	}
}
`
	if !strings.HasSuffix(string(text), tail) {
		t.Errorf("it does not end with what it should:\n%s", text)
	}
}

func all(i ...*networkingv1.Ingress) []*networkingv1.Ingress { return i }

func ingress(age int64, name string, rules ...networkingv1.IngressRule) *networkingv1.Ingress {
	return class("test", &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, CreationTimestamp: metav1.NewTime(time.Unix(age, 0))},
		Spec:       networkingv1.IngressSpec{Rules: rules},
	})
}

func class(name string, i *networkingv1.Ingress) *networkingv1.Ingress {
	i.Spec.IngressClassName = &name
	return i
}

func rule(host string, kind networkingv1.PathType, path, service string) networkingv1.IngressRule {
	return rules(host, networkingv1.HTTPIngressPath{Path: path, PathType: &kind, Backend: to(service)})
}

// both has a prefix before an exact path.
func both(host, path string) networkingv1.IngressRule {
	one, other := prefix, exact
	return rules(host, networkingv1.HTTPIngressPath{Path: path, PathType: &one, Backend: to("web")}, networkingv1.HTTPIngressPath{Path: path, PathType: &other, Backend: to("other")})
}

func rules(host string, paths ...networkingv1.HTTPIngressPath) networkingv1.IngressRule {
	return networkingv1.IngressRule{Host: host, IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: paths}}}
}

func to(service string) networkingv1.IngressBackend {
	return networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: service, Port: networkingv1.ServiceBackendPort{Name: "http"}}}
}

func service(name string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}}
}

func slice(service string, ready bool, address string) *discoveryv1.EndpointSlice {
	name, port := "http", int32(8080)
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: service + address, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		Ports:      []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
		Endpoints:  []discoveryv1.Endpoint{{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}},
	}
}
