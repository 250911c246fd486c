// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package answer decides what a cluster's DNS says to a question.
//
// All DNS policy is here: which names exist (RFC 1034, 2308, 8020), which
// records they have (the Kubernetes DNS specification 1.1.0), and what may not
// be said before the index is complete. How an answer leaves the process is not.
package answer

import (
	"net/netip"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// PodMode says which names below pod.<zone> are answered.
type PodMode uint8

const (
	// PodsDisabled answers none.
	PodsDisabled PodMode = iota
	// PodsInsecure answers every dashed address without asking whether there is such a Pod.
	PodsInsecure
	// PodsVerified answers the dashed addresses of the Pods of the namespace.
	PodsVerified
)

// Options say what is answered, and how. They must not change once they are in use.
type Options struct {
	// PrimaryZone is the zone, in lower case, that names in PTR records are in;
	// empty if all zones are of the clusterset or reverse zones.
	PrimaryZone string
	// ClusterSetZone is the zone, in lower case, that names in PTR records of
	// imported Services are in; empty if there is none.
	ClusterSetZone string
	// Namespaces are the exposed namespaces, in lower case. If it is nil all are.
	Namespaces map[string]struct{}
	// Kinds are the kinds that the index is fed with.
	Kinds object.Kinds
	Pods  PodMode
	// PodNames answers for Pods by their names too; it needs PodsVerified.
	PodNames bool
	// PTR says which names of an endpoint a reverse lookup tells.
	PTR PTRMode
	// EndpointPodNames names endpoints without a hostname after their Pod.
	EndpointPodNames bool
	// IgnoreEmptyService makes a ClusterIP Service without a ready endpoint a name error.
	IgnoreEmptyService bool
	// TTL of records whose Service has none of its own, in seconds; 0..3600.
	TTL uint32
	// NegativeTTL is that of denials, in seconds; 0..3600.
	NegativeTTL uint32
	// Zonal answers <topology zone>.pin._zone.<service> and the like.
	Zonal bool
	// MaxAnswers is the most endpoints that are answered, as many as fit the
	// response; 0 is all of them, and a response that they do not fit is truncated.
	MaxAnswers int
	// Topology says how answers depend on where the client is.
	Topology Topology
	// Explain answers <name>._why.<zone>.
	Explain bool
	// StrictCompat repeats what the kubernetes plugin denies by mistake.
	StrictCompat bool
	// HiddenPTR has PTR records name what is in namespaces that are not exposed.
	HiddenPTR bool
	// Local are the addresses that this server listens on: the name servers of
	// the zones are the Services that have one of them as an endpoint.
	Local []netip.Addr
}

// A Question is a query for one name.
type Question struct {
	Name string // fully qualified, in the letter case of the query
	Zone string // the end of Name that is the zone of the answer, in the letter case of the query
	Type uint16
	// ClusterSet says that the zone is one of the clusterset (KEP-1645).
	ClusterSet bool
	// Refused are kinds that the API server does not tell us and that most names
	// do not need: what only may depend on them is answered without them.
	Refused object.Kinds
	// Client is who asks, for Options.Topology. If it is not valid nobody is known.
	Client netip.Addr
	// Limit is a number of records that is sure not to fit the response, or 0
	// if all do: of a larger RRset so many are answered.
	Limit int
	// Explain asks for the reason of a denial.
	Explain bool
	// Room is how many octets the records may take with MaxAnswers.
	Room int
	// Start rotates which records of an RRset larger than Limit are answered.
	Start uint32
}

// A Result says of which kind an answer is.
type Result uint8

const (
	// Success is an answer with records.
	Success Result = iota
	// NoData says that the name exists and has no record of that type (RFC 2308 section 2.2).
	NoData
	// NameError says that the name does not exist, and nothing below it (RFC 8020).
	NameError
	// NotSynced says that the index does not hold yet what the answer depends on.
	NotSynced
	// Alias is an answer with a CNAME record whose Target is not followed yet.
	Alias
	// Reason is an answer with a TXT record that says Why.
	Reason
)

// An Answer is what to say. Its records are the caller's: they share nothing with the index.
type Answer struct {
	Result Result
	Answer []dns.RR
	Extra  []dns.RR
	Target string // of result Alias
	Why    string // of result Reason, and of denials with Question.Explain
	// Needed are the kinds that the answer was made from, or that were missed.
	Needed object.Kinds
}

// A lookup is one question being answered.
type lookup struct {
	x        *index.Index
	kinds    object.Kinds // that x is fed with
	synced   object.Kinds
	imported bool // x is of the Services that the cluster imports
	o        *Options
	q        Question
	name     qname.Name
	zone     string         // only endpoints in this topology zone, unless it is empty
	ttl      uint32         // of the records of the Service that is asked for
	groups   []*index.Group // its endpoints, as far as the name may ask for them
	needed   object.Kinds   // so far
}

// Lookup answers q from x, of which the kinds synced are complete.
func Lookup(x *index.Index, synced object.Kinds, o *Options, q Question) Answer {
	l := lookup{x: x, kinds: o.Kinds &^ object.Imports, synced: synced, o: o, q: q, name: qname.Parse(q.Name, q.Zone), ttl: o.TTL}
	if q.ClusterSet {
		l.clusterSet()
	}
	a := l.answer()
	if o.StrictCompat {
		a = l.strict(a)
	}
	if q.Explain && (a.Result == NoData || a.Result == NameError) {
		a.Why = l.why(a.Result)
	}
	a.Needed = l.needed
	return a
}

func (l *lookup) answer() Answer {
	switch l.name.Kind {
	case qname.Apex:
		return l.apex()
	case qname.Version:
		return l.version()
	case qname.NameServer:
		return l.nameServer()
	case qname.NameServerParent, qname.Services, qname.Pods:
		return noData
	case qname.ServiceNamespace:
		return l.namespace()
	case qname.PodNamespace:
		if l.o.Pods == PodsDisabled {
			return nameError
		}
		return l.namespace()
	case qname.Service, qname.Protocol, qname.Port, qname.Endpoint, qname.Cluster:
		return l.service()
	case qname.ZoneLabel, qname.ZoneRule, qname.Zonal:
		if l.o.Zonal {
			return l.service()
		}
	case qname.Why, qname.Explained:
		if l.o.Explain {
			return l.explained()
		}
	case qname.Pod:
		return l.pod()
	case qname.Address:
		return l.address()
	case qname.Network:
		return l.network(l.name.Prefix)
	case qname.Arpa:
		return l.network(netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	case qname.Unknown:
	}
	return nameError
}

var (
	noData    = Answer{Result: NoData}
	nameError = Answer{Result: NameError}
	notSynced = Answer{Result: NotSynced}
)

// needs reports whether ks are synced, as far as they are fed at all.
func (l *lookup) needs(ks ...object.Kind) bool {
	return l.needsAll(object.Set(ks...) & l.kinds)
}

// needsAll is needs for a set of kinds that are all fed. Those of what is
// imported go by the names of the cluster's own.
func (l *lookup) needsAll(ks object.Kinds) bool {
	if l.imported {
		l.needed |= ks.Importing()
	} else {
		l.needed |= ks
	}
	return l.synced.Has(ks)
}

// exposed reports whether namespace, in any letter case, exists for this server.
func (l *lookup) exposed(namespace string) bool {
	name, ok := l.x.Namespace(namespace)
	if !ok || l.o.Namespaces == nil {
		return ok
	}
	_, ok = l.o.Namespaces[name]
	return ok
}

// namespace answers for a name that is an empty non-terminal if the namespace exists.
func (l *lookup) namespace() Answer {
	switch {
	case !l.needs(object.Namespaces):
		return notSynced
	case !l.exposed(l.name.Namespace):
		return nameError
	}
	return noData
}

// version answers for dns-version.<zone>, section 2.2 of both specifications.
func (l *lookup) version() Answer {
	schema := SchemaVersion
	if l.q.ClusterSet {
		schema = ClusterSetVersion
	}
	switch l.q.Type {
	case dns.TypeTXT:
		hdr := dns.RR_Header{Name: l.q.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: versionTTL}
		return Answer{Answer: []dns.RR{&dns.TXT{Hdr: hdr, Txt: []string{schema}}}}
	case dns.TypeANY:
		return l.any()
	}
	return noData
}

// SchemaVersion is the version of the Kubernetes DNS specification that is answered.
const SchemaVersion = "1.1.0"

// versionTTL is the TTL that the specification shows for the version record, in seconds.
const versionTTL = 28800

// pod answers for <dashed address>.<namespace>.pod.<zone>, and for
// <pod>.<namespace>.pod.<zone> if there is no such address.
func (l *lookup) pod() Answer {
	if l.o.Pods == PodsDisabled {
		return nameError
	}
	if !l.needs(object.Namespaces) {
		return notSynced
	}
	a, ok := qname.ParseDashed(l.name.Pod)
	if !ok && !l.o.PodNames || !l.exposed(l.name.Namespace) {
		return nameError
	}
	if l.o.Pods == PodsVerified {
		if !l.needs(object.Pods) {
			return notSynced
		}
		if !ok || !l.x.HasPod(l.name.Namespace, a) {
			return l.podByName()
		}
	}
	return l.addrs([]netip.Addr{a})
}

// podByName answers for the name of a Pod.
func (l *lookup) podByName() Answer {
	if !l.o.PodNames {
		return nameError
	}
	var buf [4]netip.Addr
	ips := l.x.AppendPodAddrs(buf[:0], l.name.Namespace, l.name.Pod)
	if len(ips) == 0 {
		return nameError
	}
	return l.addrs(ips)
}

// any answers a query for all types with one synthetic record (RFC 8482 section 4.2).
func (l *lookup) any() Answer {
	hdr := dns.RR_Header{Name: l.q.Name, Rrtype: dns.TypeHINFO, Class: dns.ClassINET, Ttl: l.o.TTL}
	return Answer{Answer: []dns.RR{&dns.HINFO{Hdr: hdr, Cpu: "RFC8482"}}}
}
