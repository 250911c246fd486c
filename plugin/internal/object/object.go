// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package object is the few fields of Kubernetes objects that DNS answers are made of.
//
// The From functions copy what they keep and never modify or retain their
// argument, so a decoded API object is garbage as soon as they return. They
// never fail as a whole: a field that cannot be used is left out and reported
// as a [Skip]; the rest of the object stays usable.
package object

import (
	"net/netip"
	"strings"
	"unique"
)

// A Kind is a Kubernetes kind that records are made of.
type Kind uint8

// The kinds, in the order in which they are watched.
const (
	Namespaces Kind = iota
	Services
	EndpointSlices
	Pods
	Nodes
	// ServiceImports are the Services of the clusterset, of the Multi-Cluster Services API (KEP-1645).
	ServiceImports
	// ImportSlices are the EndpointSlices of ServiceImports.
	ImportSlices
	NumKinds int = iota
)

// String returns a lower-case plural name of k that no other kind has.
func (k Kind) String() string {
	switch k {
	case Namespaces:
		return "namespaces"
	case Services:
		return "services"
	case EndpointSlices:
		return "endpointslices"
	case Pods:
		return "pods"
	case Nodes:
		return "nodes"
	case ServiceImports:
		return "serviceimports"
	case ImportSlices:
		return "imported_endpointslices"
	}
	return "unknown"
}

// Plural returns the plural resource name of k, as in a REST path.
func (k Kind) Plural() string {
	if k == ImportSlices {
		return EndpointSlices.String()
	}
	return k.String()
}

// Resource returns the name of k as a role names it: resource.group.
func (k Kind) Resource() string {
	switch k {
	case EndpointSlices, ImportSlices:
		return k.Plural() + ".discovery.k8s.io"
	case ServiceImports:
		return k.Plural() + ".multicluster.x-k8s.io"
	}
	return k.Plural()
}

// Kinds is a set of kinds.
type Kinds uint8

// Set returns the set of ks.
func Set(ks ...Kind) Kinds {
	var s Kinds
	for _, k := range ks {
		s |= 1 << k
	}
	return s
}

// Has reports whether every kind of other is in s.
func (s Kinds) Has(other Kinds) bool { return s&other == other }

// Needed returns the kinds of s that answers depend on. The others only tell
// more of who asks: without them there is an answer, and it is right.
func (s Kinds) Needed() Kinds { return s &^ Set(Nodes) }

// Imports are the kinds that only clusterset zones depend on.
const Imports Kinds = 1<<ServiceImports | 1<<ImportSlices

// Imported returns s in the words of a clusterset zone, where the Services are
// ServiceImports, with EndpointSlices of their own.
func (s Kinds) Imported() Kinds {
	own := s &^ (Imports | 1<<Services | 1<<EndpointSlices)
	return own | s>>ServiceImports&1<<Services | s>>ImportSlices&1<<EndpointSlices
}

// Importing undoes Imported.
func (s Kinds) Importing() Kinds {
	own := s &^ (1<<Services | 1<<EndpointSlices)
	return own | s>>Services&1<<ServiceImports | s>>EndpointSlices&1<<ImportSlices
}

// Each calls f for every kind in s, in the order in which they are watched.
func (s Kinds) Each(f func(Kind)) {
	for k := Kind(0); int(k) < NumKinds; k++ {
		if s.Has(Set(k)) {
			f(k)
		}
	}
}

// A Skip says why an object, or a part of it, cannot be served.
type Skip string

// The reasons. They are label values of a metric: keep them few.
const (
	SkipName     Skip = "invalid_name"     // a name that is no DNS label
	SkipAddress  Skip = "invalid_address"  // an address that is none, or of the wrong family
	SkipFQDN     Skip = "fqdn_slice"       // an EndpointSlice of address type FQDN
	SkipService  Skip = "no_service"       // an EndpointSlice that names no Service
	SkipExternal Skip = "invalid_external" // an externalName that is no domain name
	SkipPort     Skip = "invalid_port"     // a port out of 1..65535
	SkipHostname Skip = "invalid_hostname" // an endpoint's hostname that is no DNS label
	SkipTTL      Skip = "invalid_ttl"      // an annotation that is no TTL
	SkipCluster  Skip = "no_cluster"       // an EndpointSlice of a ServiceImport that names no cluster
	SkipTwin     Skip = "duplicate"        // an endpoint that the same EndpointSlice has already
)

// ServiceType says how a Service is answered.
type ServiceType uint8

const (
	// ClusterIP is a Service that is answered with its cluster IPs; NodePort and LoadBalancer are too.
	ClusterIP ServiceType = iota
	// Headless is a Service that is answered with the addresses of its ready endpoints.
	Headless
	// ExternalName is a Service that is answered with a CNAME.
	ExternalName
)

// A Service is what DNS needs of a Kubernetes Service.
type Service struct {
	Namespace, Name string // lower case
	Type            ServiceType
	ClusterIPs      []netip.Addr
	ExternalName    string // fully qualified, as the user wrote it; empty if not of that type or not usable
	Ports           []Port
	TTL             TTL
	Traffic         Traffic
}

// TTLAnnotation of a Service is the TTL of its records, in seconds, 0..3600.
const TTLAnnotation = "clusterdns.io/ttl"

// MaxTTL is the longest TTL of a record, in seconds.
const MaxTTL = 3600

// A TTL is that of the records of a Service, if it has one of its own.
type TTL struct {
	Seconds uint32
	Own     bool
}

// Traffic says which endpoints clients of a Service should prefer (spec.trafficDistribution, KEP-4444).
type Traffic uint8

const (
	// Anywhere prefers none.
	Anywhere Traffic = iota
	// SameZone prefers those in the client's zone.
	SameZone
	// SameNode prefers those on the client's node, and then those in its zone.
	SameNode
)

// Keep says what is kept beyond what every answer needs. It costs memory for
// each endpoint.
type Keep struct {
	PodNames bool // of the Pods behind endpoints
	Zones    bool // of endpoints
	Nodes    bool // of endpoints
	Pods     KeepPods
}

// KeepPods says what is kept of each Pod beyond its addresses.
type KeepPods struct {
	Records bool // its name, if that is a record of its own
	Names   bool
	Labels  bool
	Places  bool // its node and zone
}

// Any reports whether anything is kept.
func (k KeepPods) Any() bool { return k != KeepPods{} }

// A Port is a port of a Service or of an EndpointSlice.
type Port struct {
	Name     string // lower case; empty for an unnamed port
	Protocol string // lower case: tcp, udp, sctp
	Number   uint16
}

// An EndpointSlice is what DNS needs of a Kubernetes EndpointSlice: the ready
// addresses. All are of one family.
type EndpointSlice struct {
	Namespace, Name string
	Service         string // lower case
	Cluster         string // that the endpoints are in; lower case; only of the slices of ServiceImports
	Ports           []Port
	Endpoints       []Endpoint
}

// An Endpoint is one address of a ready endpoint.
type Endpoint struct {
	Addr     netip.Addr
	Hostname string // lower case; empty if the endpoint has none
	Pod      string // name of the target Pod if it is a usable DNS label and kept
	Zone     string // lower case; empty if it has none or zones are not kept
	Node     string // empty if it has none or nodes are not kept
}

// A Pod is what DNS needs of a Kubernetes Pod.
type Pod struct {
	Namespace, Name string
	IPs             []netip.Addr
	HostNetwork     bool   // its addresses are its node's
	Record          bool   // its name is a DNS label, and a record
	Named           bool   // its name is kept
	Labels          Labels // empty if they are not kept
	Node, Zone      string // empty if they are not kept; the zone is in lower case
}

// A Node is what DNS needs of a Kubernetes Node.
type Node struct {
	Name     string
	Zone     string // lower case; empty if it has none
	Addrs    []netip.Addr
	PodCIDRs []netip.Prefix // masked
}

// intern returns a copy of s that all equal strings share and that does not
// keep the buffer alive from which s was decoded.
func intern(s string) string {
	if s == "" {
		return ""
	}
	return unique.Make(s).Value()
}

// isLabel reports whether s is a label in lower case that can be part of a query
// name without escapes: letters, digits, hyphens and underscores, 1..63 octets.
// Kubernetes' own rules are stricter and differ between versions (a Service
// name may begin with a digit since 1.36), so they are not repeated here.
func isLabel(s string) bool {
	if len(s) == 0 || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// lowerLabel returns a copy of s in lower case if that is a label, else "".
func lowerLabel(s string) string {
	if s = lower(s); isLabel(s) {
		return strings.Clone(s)
	}
	return ""
}

// hostLabel is lowerLabel for what stands left of a Service's name, where a
// label with an underscore in front is a port or a protocol.
func hostLabel(s string) string {
	if strings.HasPrefix(s, "_") {
		return ""
	}
	return lowerLabel(s)
}

// lower returns s with its ASCII letters in lower case: DNS folds no others (RFC 4343).
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// addr parses s as an IP address without a zone. An IPv4 address that is
// written as an IPv6 one is returned as IPv4.
func addr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}
