// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"cmp"
	"slices"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
)

// FromEndpointSlice returns what DNS needs of s, and what keep says. ok is
// false if nothing of it can be served.
func FromEndpointSlice(s *discoveryv1.EndpointSlice, keep Keep) (slice EndpointSlice, skipped []Skip, ok bool) {
	if s.Labels[discoveryv1.LabelServiceName] == "" && s.Labels[LabelImport] != "" {
		return EndpointSlice{}, nil, false // of a ServiceImport only
	}
	return fromSlice(s, discoveryv1.LabelServiceName, keep)
}

// fromSlice is FromEndpointSlice for the Service that label names.
func fromSlice(s *discoveryv1.EndpointSlice, label string, keep Keep) (slice EndpointSlice, skipped []Skip, ok bool) {
	if s.AddressType == discoveryv1.AddressTypeFQDN {
		return EndpointSlice{}, []Skip{SkipFQDN}, false
	}
	service := s.Labels[label]
	if service == "" {
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
			slice.Endpoints = appendEndpoint(slice.Endpoints, e, s.AddressType, keep, skip)
		}
	}
	slices.SortFunc(slice.Endpoints, Endpoint.Compare)
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

func appendEndpoint(out []Endpoint, e *discoveryv1.Endpoint, family discoveryv1.AddressType, keep Keep, skip func(Skip)) []Endpoint {
	made := Endpoint{Hostname: hostLabel(deref(e.Hostname))}
	if made.Hostname == "" && deref(e.Hostname) != "" {
		skip(SkipHostname)
	}
	if keep.PodNames && e.TargetRef != nil {
		made.Pod = hostLabel(e.TargetRef.Name) // a Pod's name may be too long for a label, or have dots
	}
	if keep.Zones {
		made.Zone = intern(lower(deref(e.Zone)))
	}
	if keep.Nodes {
		made.Node = intern(deref(e.NodeName))
	}
	for _, text := range e.Addresses {
		a, ok := addr(text)
		if !ok || a.Is4() != (family == discoveryv1.AddressTypeIPv4) {
			skip(SkipAddress)
			continue
		}
		made.Addr = a
		out = append(out, made)
	}
	return out
}

// Compare orders endpoints by address, as the index searches, and those of one
// address by what they are called.
func (e Endpoint) Compare(other Endpoint) int {
	return cmp.Or(e.Addr.Compare(other.Addr), strings.Compare(e.Hostname, other.Hostname),
		strings.Compare(e.Pod, other.Pod), strings.Compare(e.Zone, other.Zone), strings.Compare(e.Node, other.Node))
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
