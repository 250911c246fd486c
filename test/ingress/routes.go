// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// A world is what the API server says. Nobody changes its objects.
type world struct {
	ingresses []*networkingv1.Ingress
	services  []*corev1.Service
	slices    []*discoveryv1.EndpointSlice
}

// A server answers for one host; the one with an empty host for all others.
type server struct {
	Host   string
	Places []place // sorted
}

// Whole reports whether a place takes what no other has.
func (s server) Whole() bool {
	return slices.ContainsFunc(s.Places, func(p place) bool { return p.Location == "/" })
}

// A place is a location of nginx, such as "/" or "= /exact".
type place struct {
	Location string
	Backend  string // that serves it; empty if it has no address
}

// A backend is a port of a Service, and the Pods that are ready.
type backend struct {
	Name      string   // namespace_service_port, which no two have in common
	Addresses []string // address:port, sorted
}

// route says what the Ingresses of a class want. Where two want the same place,
// the older one has it.
func (w world) route(class string) ([]server, []backend) {
	var ours []*networkingv1.Ingress
	for _, i := range w.ingresses {
		if i.Spec.IngressClassName != nil && *i.Spec.IngressClassName == class {
			ours = append(ours, i)
		}
	}
	slices.SortFunc(ours, func(a, b *networkingv1.Ingress) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	hosts, backends := map[string]map[string]string{"": {}}, map[string]backend{}
	for _, i := range ours {
		w.add(i, hosts, backends)
	}
	var servers []server
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		s := server{Host: host}
		for _, location := range slices.Sorted(maps.Keys(hosts[host])) {
			s.Places = append(s.Places, place{location, hosts[host][location]})
		}
		servers = append(servers, s)
	}
	return servers, slices.SortedFunc(maps.Values(backends), func(a, b backend) int { return cmp.Compare(a.Name, b.Name) })
}

// add adds the rules of an Ingress to the locations by host.
func (w world) add(i *networkingv1.Ingress, hosts map[string]map[string]string, backends map[string]backend) {
	claim := func(host, location string, to *networkingv1.IngressServiceBackend) {
		if to == nil {
			return // a resource as a backend is not for us
		}
		if hosts[host] == nil {
			hosts[host] = map[string]string{}
		}
		if _, taken := hosts[host][location]; taken {
			return
		}
		b := w.backend(i.Namespace, to)
		if len(b.Addresses) == 0 {
			hosts[host][location] = ""
			return
		}
		hosts[host][location], backends[b.Name] = b.Name, b
	}
	for _, rule := range i.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		// An exact path comes before a prefix of the same name.
		for _, exact := range []bool{true, false} {
			for _, path := range rule.HTTP.Paths {
				if is := path.PathType != nil && *path.PathType == networkingv1.PathTypeExact; is != exact || !plain(path.Path) {
					continue
				}
				for _, location := range locations(path.Path, exact) {
					claim(rule.Host, location, path.Backend.Service)
				}
			}
		}
	}
	if i.Spec.DefaultBackend != nil {
		claim("", "/", i.Spec.DefaultBackend.Service)
	}
}

// plain reports whether a path has no letter that means something to nginx.
func plain(path string) bool {
	return !strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'\\${};#", r) })
}

// locations are those for a path. A prefix is one of whole elements.
func locations(path string, exact bool) []string {
	bare := strings.TrimRight(path, "/")
	switch {
	case exact:
		return []string{"= " + path}
	case bare == "":
		return []string{"/"}
	}
	return []string{"= " + bare, bare + "/"}
}

// backend finds the addresses of the Pods that are ready.
func (w world) backend(namespace string, to *networkingv1.IngressServiceBackend) backend {
	port := cmp.Or(to.Port.Name, strconv.Itoa(int(to.Port.Number)))
	b := backend{Name: namespace + "_" + to.Name + "_" + port}
	name, ok := w.port(namespace, to)
	if !ok {
		return b
	}
	for _, s := range w.slices {
		if s.Namespace != namespace || s.Labels[discoveryv1.LabelServiceName] != to.Name || s.AddressType == discoveryv1.AddressTypeFQDN {
			continue
		}
		for _, p := range s.Ports {
			if p.Port == nil || p.Name == nil || *p.Name != name {
				continue
			}
			for _, e := range s.Endpoints {
				if e.Conditions.Ready == nil || *e.Conditions.Ready {
					b.Addresses = append(b.Addresses, net.JoinHostPort(e.Addresses[0], strconv.Itoa(int(*p.Port))))
				}
			}
		}
	}
	slices.Sort(b.Addresses)
	b.Addresses = slices.Compact(b.Addresses)
	return b
}

// port returns the name of a port of a Service, as its slices have it.
func (w world) port(namespace string, to *networkingv1.IngressServiceBackend) (string, bool) {
	for _, s := range w.services {
		if s.Namespace != namespace || s.Name != to.Name {
			continue
		}
		for _, p := range s.Spec.Ports {
			if (to.Port.Name != "" && p.Name == to.Port.Name) || (to.Port.Name == "" && p.Port == to.Port.Number) {
				return p.Name, true
			}
		}
	}
	return "", false
}
