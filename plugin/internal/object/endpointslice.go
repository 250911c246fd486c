// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"slices"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
)

// FromEndpointSlice returns what DNS needs of s. ok is false if nothing of it
// can be served. Names of pods are kept only if podNames is set.
func FromEndpointSlice(s *discoveryv1.EndpointSlice, podNames bool) (slice EndpointSlice, skipped []Skip, ok bool) {
	if s.AddressType == discoveryv1.AddressTypeFQDN {
		return EndpointSlice{}, []Skip{SkipFQDN}, false
	}
	service, ok := s.Labels[discoveryv1.LabelServiceName]
	if !ok || service == "" {
		return EndpointSlice{}, []Skip{SkipService}, false
	}
	if !isLabel(s.Namespace) || !isLabel(service) || s.Name == "" {
		return EndpointSlice{}, []Skip{SkipName}, false
	}
	slice = EndpointSlice{Namespace: intern(s.Namespace), Name: strings.Clone(s.Name), Service: strings.Clone(service)}
	skip := func(reason Skip) { skipped = append(skipped, reason) }

	slice.Ports = slicePorts(s.Ports, skip)
	for i := range s.Endpoints {
		if e := &s.Endpoints[i]; ready(e) {
			slice.Endpoints = appendEndpoint(slice.Endpoints, e, s.AddressType, podNames, skip)
		}
	}
	slices.SortFunc(slice.Endpoints, compareEndpoints)
	all := len(slice.Endpoints)
	slice.Endpoints = slices.Compact(slice.Endpoints)
	for range all - len(slice.Endpoints) {
		skip(SkipTwin)
	}
	return slice, skipped, true
}

// ready reports whether e is to be answered. The controller has already
// weighed serving, terminating and publishNotReadyAddresses; unknown is ready.
func ready(e *discoveryv1.Endpoint) bool {
	return e.Conditions.Ready == nil || *e.Conditions.Ready
}

func slicePorts(ports []discoveryv1.EndpointPort, skip func(Skip)) []Port {
	out := make([]Port, 0, len(ports))
	for _, p := range ports {
		if p.Port == nil {
			continue // "all ports": there is no number to answer with
		}
		if port, ok := newPort(deref(p.Name), string(deref(p.Protocol)), *p.Port); ok {
			out = append(out, port)
		} else {
			skip(SkipPort)
		}
	}
	return out
}

func appendEndpoint(out []Endpoint, e *discoveryv1.Endpoint, family discoveryv1.AddressType, podNames bool, skip func(Skip)) []Endpoint {
	hostname := hostLabel(deref(e.Hostname))
	if hostname == "" && deref(e.Hostname) != "" {
		skip(SkipHostname)
	}
	pod := ""
	if podNames && e.TargetRef != nil {
		pod = hostLabel(e.TargetRef.Name) // a Pod's name may be too long for a label, or have dots
	}
	for _, text := range e.Addresses {
		a, ok := addr(text)
		if !ok || a.Is4() != (family == discoveryv1.AddressTypeIPv4) {
			skip(SkipAddress)
			continue
		}
		out = append(out, Endpoint{Addr: a, Hostname: hostname, Pod: pod})
	}
	return out
}

// compareEndpoints orders endpoints by address: the index searches in that order.
func compareEndpoints(a, b Endpoint) int {
	if c := a.Addr.Compare(b.Addr); c != 0 {
		return c
	}
	if c := strings.Compare(a.Hostname, b.Hostname); c != 0 {
		return c
	}
	return strings.Compare(a.Pod, b.Pod)
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
