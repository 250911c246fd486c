// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package render makes a Corefile of the settings of a cluster's DNS.
package render

import (
	"net/netip"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
)

// Facts are what a Corefile needs to know of the cluster beside the spec.
type Facts struct {
	// ClusterDomain is the zone of Services and Pods, if the spec has none. Empty
	// is cluster.local.
	ClusterDomain string
	// Services are the cluster IPs of Services that are upstreams.
	Services map[v1alpha1.ServiceReference]netip.Addr
}

// A Problem is what a Corefile cannot say.
type Problem struct {
	// Field of the spec, as the API server writes it: stubZones[corp].upstreams.
	Field   string
	Message string
	// Remedy says what to do.
	Remedy string
	// Unresolved says that the spec names a Service whose address is not known.
	Unresolved bool
}

// String returns the problem as field: message; remedy.
func (p Problem) String() string { return p.Field + ": " + p.Message + "; " + p.Remedy }

// Corefile returns the Corefile of spec: the same for the same spec and facts.
// It never fails. What cannot be said is left out, so that it fails closed, and
// is a problem: such a Corefile is for people to look at, not for servers.
//
// With managementState Overlay it is what the spec adds to a Corefile of somebody
// else, see [Custom].
func Corefile(spec *v1alpha1.ClusterDNSSpec, facts Facts) (*corefile.File, []Problem) {
	r := &renderer{spec: spec, facts: facts, file: corefile.NewFile(), foreign: spec.ManagementState == v1alpha1.Overlay}
	r.extra = r.parseExtra()
	if r.foreign {
		r.overlay()
	} else {
		r.defaultBlock()
	}
	for i := range spec.StubZones {
		r.stubZone(&spec.StubZones[i])
	}
	for _, n := range r.extra.blocks {
		r.insert("extra.blocks", n)
	}
	return r.file, r.problems
}

// ClusterDomain returns the zone of Services and Pods.
func ClusterDomain(spec *v1alpha1.ClusterDNSSpec, facts Facts) string {
	switch {
	case spec.ClusterDomain != "":
		return string(spec.ClusterDomain)
	case facts.ClusterDomain != "":
		return facts.ClusterDomain
	}
	return "cluster.local"
}

// Port returns the port that servers listen on.
func Port(spec *v1alpha1.ClusterDNSSpec) int {
	if spec.Port != 0 {
		return int(spec.Port)
	}
	return 53
}

type renderer struct {
	spec     *v1alpha1.ClusterDNSSpec
	facts    Facts
	file     *corefile.File
	extra    extra
	problems []Problem
	// foreign says that the server is somebody else's.
	foreign bool
}

func (r *renderer) problem(field, message, remedy string) {
	r.problems = append(r.problems, Problem{Field: field, Message: message, Remedy: remedy})
}

func (r *renderer) domain() string { return ClusterDomain(r.spec, r.facts) }

// insert appends a node to the file.
func (r *renderer) insert(field string, n corefile.Node) {
	if err := r.file.Insert(len(r.file.Nodes), n); err != nil {
		r.problem(field, err.Error(), "change or remove it")
	}
}
