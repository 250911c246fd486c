// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
)

// objects are what the API server has of a cluster, as far as names come from it.
type objects struct {
	services []service
	slices   []endpointSlice
}

type metadata struct {
	Name      string
	Namespace string
	Labels    map[string]string
}

type service struct {
	Metadata metadata
	Spec     struct {
		Type         string
		ClusterIPs   []string
		ExternalName string
		Ports        []port
	}
}

type endpointSlice struct {
	Metadata  metadata
	Endpoints []endpoint
	Ports     []port
}

type endpoint struct {
	Addresses  []string
	Hostname   string
	Conditions struct{ Ready *bool }
}

type port struct {
	Name     string
	Protocol string
}

// objects reads the objects of a namespace, or, if it is empty, the first
// hundreds of all.
func (k kubectl) objects(ctx context.Context, namespace string) (objects, error) {
	in := ""
	if namespace != "" {
		in = "namespaces/" + url.PathEscape(namespace) + "/"
	}
	var services struct{ Items []service }
	var endpointSlices struct{ Items []endpointSlice }
	if err := k.get(ctx, &services, "/api/v1/"+in+"services?limit=500"); err != nil {
		return objects{}, err
	}
	if err := k.get(ctx, &endpointSlices, "/apis/discovery.k8s.io/v1/"+in+"endpointslices?limit=500"); err != nil {
		return objects{}, err
	}
	return objects{services.Items, endpointSlices.Items}, nil
}

// A shape is what the records of a Service look like.
type shape int

const (
	single   shape = iota // a cluster IP and a port
	dual                  // a cluster IP of each family
	many                  // a cluster IP and several ports
	headless              // its endpoints
	alias                 // an ExternalName
)

func (s service) shape() shape {
	switch {
	case s.Spec.Type == "ExternalName":
		return alias
	case slices.Contains(s.Spec.ClusterIPs, "None"):
		return headless
	case len(s.Spec.ClusterIPs) > 1:
		return dual
	case len(s.Spec.Ports) > 1:
		return many
	}
	return single
}

// name returns the name of the Service in the DNS.
func (s service) name() string { return s.Metadata.Name + "." + s.Metadata.Namespace + ".svc." + zone }

// addresses returns the cluster IPs.
func (s service) addresses() []netip.Addr { return parseAll(s.Spec.ClusterIPs) }

func parseAll(texts []string) []netip.Addr {
	var addrs []netip.Addr
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// ready returns the first slice of a Service that has ready endpoints, with
// these only. It reports whether there is one.
func (o objects) ready(s service) (endpointSlice, bool) {
	for _, slice := range o.slices {
		if slice.Metadata.Namespace != s.Metadata.Namespace || slice.Metadata.Labels["kubernetes.io/service-name"] != s.Metadata.Name {
			continue
		}
		slice.Endpoints = slices.DeleteFunc(slices.Clone(slice.Endpoints), func(e endpoint) bool {
			return e.Conditions.Ready != nil && !*e.Conditions.Ready || len(parseAll(e.Addresses)) == 0
		})
		if len(slice.Endpoints) > 0 {
			return slice, true
		}
	}
	return endpointSlice{}, false
}

// examples returns the first Service of each shape, without that of the API server.
func (o objects) examples() objects {
	seen := map[shape]bool{}
	o.services = slices.DeleteFunc(slices.Clone(o.services), func(s service) bool {
		if s.name() == apiServer || seen[s.shape()] || len(o.topic(s).questions) == 0 {
			return true
		}
		seen[s.shape()] = true
		return false
	})
	return o
}
