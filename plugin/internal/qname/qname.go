// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package qname turns query names into what they ask for in the schema of the
// Kubernetes DNS specification.
//
// Names are in presentation format as miekg/dns delivers them: fully qualified,
// with escapes. Parsing allocates nothing and keeps the letter case; labels are
// compared without regard to the case of ASCII letters (RFC 4343).
package qname

import (
	"net/netip"
	"strings"
)

// A Kind says what a name stands for.
type Kind uint8

const (
	// Unknown is a name that no record of a cluster can have.
	Unknown Kind = iota
	// Apex is the zone itself.
	Apex
	// Version is dns-version.<zone>.
	Version
	// NameServerParent is dns.<zone>, an empty non-terminal above [NameServer].
	NameServerParent
	// NameServer is ns.dns.<zone>.
	NameServer
	// Services is svc.<zone>.
	Services
	// Pods is pod.<zone>.
	Pods
	// ServiceNamespace is <namespace>.svc.<zone>.
	ServiceNamespace
	// PodNamespace is <namespace>.pod.<zone>.
	PodNamespace
	// Service is <service>.<namespace>.svc.<zone>.
	Service
	// Protocol is _<protocol>.<service>.<namespace>.svc.<zone>, an empty non-terminal above [Port].
	Protocol
	// Port is _<port>._<protocol>.<service>.<namespace>.svc.<zone>.
	Port
	// Endpoint is <hostname or dashed address>.<service>.<namespace>.svc.<zone>,
	// and in a clusterset zone <hostname or dashed address>.<cluster>.<service>.<namespace>.svc.<zone>.
	Endpoint
	// ZoneLabel is _zone.<service>.<namespace>.svc.<zone>, an empty non-terminal above [Zonal].
	ZoneLabel
	// ZoneRule is pin._zone.<service>.<namespace>.svc.<zone>, or prefer, an empty non-terminal above [Zonal].
	ZoneRule
	// Zonal is <topology zone>.pin._zone.<service>.<namespace>.svc.<zone>, or prefer.
	Zonal
	// Why is _why.<zone>.
	Why
	// Explained is <name without zone>._why.<zone>.
	Explained
	// Cluster is <cluster>.<service>.<namespace>.svc.<clusterset zone>, an empty non-terminal above [Endpoint].
	Cluster
	// Pod is <dashed address>.<namespace>.pod.<zone>.
	Pod
	// Address is an address below in-addr.arpa or ip6.arpa.
	Address
	// Arpa is arpa below the root zone, an empty non-terminal above both reverse trees.
	Arpa
	// Network is a name below in-addr.arpa or ip6.arpa that stands for a prefix.
	Network
)

// A Name is what a query name asks for. Its strings are parts of the query
// name, in the letter case of the query.
type Name struct {
	Kind      Kind
	Namespace string
	Service   string
	Endpoint  string       // of kind Endpoint
	Cluster   string       // of kinds Endpoint and Cluster, in a clusterset zone
	Port      string       // of kind Port, without the underscore
	Protocol  string       // of kinds Port and Protocol, without the underscore
	Topology  string       // of kind Zonal: the topology zone, of one label or several
	Prefer    bool         // of kind Zonal: all endpoints if the zone has none
	Below     string       // of kind Explained: what is asked about, without its zone
	Pod       string       // of kind Pod
	Prefix    netip.Prefix // of kinds Address and Network, and of an Apex that is one of them
}

// maxLabels is the number of labels that the longest known name has below its zone.
const maxLabels = 5

// Parse returns what name asks for in zone, which it is in (see [InZone]).
func Parse(name, zone string) Name {
	below := name[:len(name)-len(zone)]
	if why, ok := explained(below); ok {
		return why
	}
	if prefix, ok := parseReverse(name); ok {
		return reverse(name, zone, prefix)
	}
	var labels [maxLabels]string // from right to left
	n, rest := split(below, &labels)
	if rest != "" {
		return zonal(labels, rest)
	}
	if n == 0 {
		return Name{Kind: Apex}
	}
	switch below := labels[1:n]; {
	case EqualFold("svc", labels[0]):
		return service(below)
	case EqualFold("pod", labels[0]):
		return pod(below)
	case EqualFold("dns-version", labels[0]) && n == 1:
		return Name{Kind: Version}
	case EqualFold("dns", labels[0]) && n == 1:
		return Name{Kind: NameServerParent}
	case EqualFold("dns", labels[0]) && n == 2 && EqualFold("ns", labels[1]):
		return Name{Kind: NameServer}
	case EqualFold("arpa", labels[0]) && n == 1 && zone == ".":
		return Name{Kind: Arpa}
	}
	return Name{}
}

// service parses the labels left of svc.
func service(labels []string) Name {
	switch len(labels) {
	case 0:
		return Name{Kind: Services}
	case 1:
		return Name{Kind: ServiceNamespace, Namespace: labels[0]}
	case 2:
		return Name{Kind: Service, Namespace: labels[0], Service: labels[1]}
	}
	name := Name{Namespace: labels[0], Service: labels[1]}
	if EqualFold("_zone", labels[2]) {
		return zoneRule(name, labels[2:])
	}
	protocol, underscored := underscored(labels[2])
	switch {
	case len(labels) == 3 && underscored:
		name.Kind, name.Protocol = Protocol, protocol
	case len(labels) == 3:
		name.Kind, name.Endpoint = Endpoint, labels[2]
	case len(labels) == 4 && underscored:
		port, ok := underscoredName(labels[3])
		if !ok {
			return Name{}
		}
		name.Kind, name.Protocol, name.Port = Port, protocol, port
	default:
		return Name{}
	}
	return name
}

// pod parses the labels left of pod.
func pod(labels []string) Name {
	switch len(labels) {
	case 0:
		return Name{Kind: Pods}
	case 1:
		return Name{Kind: PodNamespace, Namespace: labels[0]}
	case 2:
		return Name{Kind: Pod, Namespace: labels[0], Pod: labels[1]}
	}
	return Name{}
}

// underscored returns a label without the underscore of RFC 2782.
func underscored(label string) (string, bool) { return strings.CutPrefix(label, "_") }

func underscoredName(label string) (string, bool) {
	name, ok := underscored(label)
	return name, ok && name != ""
}

// zonal parses a name of more labels than any other has: what is left of them is rest.
func zonal(labels [maxLabels]string, rest string) Name {
	name := service(labels[1:])
	if !EqualFold("svc", labels[0]) || name.Kind != ZoneRule {
		return Name{}
	}
	name.Kind, name.Topology = Zonal, rest
	return name
}

// zoneRule parses the labels left of a Service's name from _zone on.
func zoneRule(name Name, labels []string) Name {
	switch {
	case len(labels) == 1:
		name.Kind = ZoneLabel
	case len(labels) == 2 && EqualFold("pin", labels[1]):
		name.Kind = ZoneRule
	case len(labels) == 2 && EqualFold("prefer", labels[1]):
		name.Kind, name.Prefer = ZoneRule, true
	default:
		return Name{}
	}
	return name
}

// explained parses what is left of the zone if it ends in the label _why.
func explained(below string) (name Name, ok bool) {
	below = strings.TrimSuffix(below, ".") // there is none below the root zone
	asked := len(below) - len("_why")
	switch {
	case asked < 0 || !EqualFold("_why", below[asked:]):
		return Name{}, false
	case asked == 0:
		return Name{Kind: Why}, true
	}
	return Name{Kind: Explained, Below: below[:asked-1]}, separator(below, asked-1)
}

// split cuts s, which ends in a dot or is empty, into its labels from right to
// left. What is left of those that fit is rest, without its last dot.
func split(s string, labels *[maxLabels]string) (n int, rest string) {
	if s == "" {
		return 0, ""
	}
	end := len(s)
	if separator(s, end-1) { // not so below the root zone, whose name is that dot
		end--
	}
	for start := end; start >= 0; start-- {
		if start > 0 && !separator(s, start-1) {
			continue
		}
		if n == maxLabels {
			return n, s[:end]
		}
		labels[n] = s[start:end]
		n++
		end = start - 1
	}
	return n, ""
}

// separator reports whether the octet i of s is a dot that ends a label, not one that is escaped.
func separator(s string, i int) bool {
	if s[i] != '.' {
		return false
	}
	backslashes := 0
	for j := i - 1; j >= 0 && s[j] == '\\'; j-- {
		backslashes++
	}
	return backslashes%2 == 0
}

// InZone reports whether name is zone or below it. zone is in lower case.
func InZone(name, zone string) bool {
	if zone == "." {
		return true
	}
	below := len(name) - len(zone)
	if below < 0 || !EqualFold(zone, name[below:]) {
		return false
	}
	return below == 0 || separator(name, below-1)
}

// Join returns the name label.zone. label may be several labels.
func Join(label, zone string) string {
	if zone == "." {
		return label + "."
	}
	return label + "." + zone
}

// EqualFold compares names as DNS does: without regard to the case of ASCII
// letters (RFC 4343). lower is in lower case.
func EqualFold[T string | []byte](lower T, s string) bool {
	if len(lower) != len(s) {
		return false
	}
	for i := range len(s) {
		if lower[i] != lowerByte(s[i]) {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
