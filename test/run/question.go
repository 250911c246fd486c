// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

const (
	zone      = "cluster.local"
	apiServer = "kubernetes.default.svc." + zone
)

// A question is what a user can ask, and what we ask before we say so.
type question struct {
	name     string     // without the dot at the end
	qtype    uint16     // PTR for an address
	addr     netip.Addr // whose PTR record is asked for; else not valid
	tcp      bool
	nslookup bool // is shown for nslookup, too
}

// dig returns the command that asks.
func (q question) dig(port int) string {
	line := fmt.Sprintf("dig @127.0.0.1 -p %d ", port)
	if q.tcp {
		line += "+tcp "
	}
	if q.addr.IsValid() {
		return line + "-x " + q.addr.String()
	}
	return line + q.name + " " + dns.TypeToString[q.qtype]
}

// nslookupLine returns the command that asks. The dot at the end of the name
// keeps the search list of the machine out of it.
func (q question) nslookupLine(port int) string {
	line := fmt.Sprintf("nslookup -port=%d ", port)
	switch {
	case q.addr.IsValid():
		return line + q.addr.String() + " 127.0.0.1"
	case q.qtype != dns.TypeA: // it asks for A and AAAA by itself
		line += "-type=" + dns.TypeToString[q.qtype] + " "
	}
	return line + q.name + ". 127.0.0.1"
}

// message returns the question in the form that is sent.
func (q question) message() (*dns.Msg, error) {
	name := q.name
	if q.addr.IsValid() {
		var err error
		if name, err = dns.ReverseAddr(q.addr.String()); err != nil {
			return nil, err
		}
	}
	return new(dns.Msg).SetQuestion(dns.Fqdn(name), q.qtype), nil
}

// A topic is what can be asked about one thing.
type topic struct {
	about     string
	questions []question
}

func questions(topics []topic) []question {
	var all []question
	for _, t := range topics {
		all = append(all, t.questions...)
	}
	return all
}

// wellKnown are the names that every cluster has.
func wellKnown() []topic {
	return []topic{
		{"the API server", []question{
			{name: apiServer, qtype: dns.TypeA, nslookup: true},
			{name: "_https._tcp." + apiServer, qtype: dns.TypeSRV},
			{name: apiServer, qtype: dns.TypeA, tcp: true},
		}},
		{"the version of the Kubernetes DNS specification", []question{{name: "dns-version." + zone, qtype: dns.TypeTXT}}},
	}
}

// topics returns one for each Service that has names, the usual kind first.
func (o objects) topics() []topic {
	var topics []topic
	inOrder := slices.SortedStableFunc(slices.Values(o.services), func(a, b service) int { return cmp.Compare(a.shape(), b.shape()) })
	for _, s := range inOrder {
		if t := o.topic(s); len(t.questions) > 0 {
			topics = append(topics, t)
		}
	}
	return topics
}

func (o objects) topic(s service) topic {
	t := topic{about: "Service " + s.Metadata.Namespace + "/" + s.Metadata.Name}
	switch s.shape() {
	case single:
		t.about += ", with a cluster IP"
		t.questions = append(append(forAddresses(s.name(), s.addresses()), forPorts(s.name(), s.Spec.Ports)...), forReverse(s.addresses())...)
	case dual:
		t.about += ", with cluster IPs of both families"
		t.questions = append(forAddresses(s.name(), s.addresses()), forReverse(s.addresses())...)
	case many:
		t.about += ", with several ports"
		t.questions = append(forAddresses(s.name(), s.addresses()), forPorts(s.name(), s.Spec.Ports)...)
	case headless:
		t.about += ", headless: its names stand for its ready endpoints"
		if slice, ok := o.ready(s); ok {
			t.questions = forEndpoints(s.name(), slice)
		}
	case alias:
		t.about += ", an alias for " + s.Spec.ExternalName
		t.questions = []question{o.forAlias(s)}
	}
	return t
}

// forAddresses asks for the addresses of a name.
func forAddresses(name string, addrs []netip.Addr) []question {
	var qs []question
	for _, a := range addrs {
		qs = append(qs, question{name: name, qtype: addressType(a), nslookup: len(qs) == 0})
	}
	return qs
}

func addressType(a netip.Addr) uint16 {
	if a.Is4() {
		return dns.TypeA
	}
	return dns.TypeAAAA
}

// forPorts asks for the first ports that have a name.
func forPorts(name string, ports []port) []question {
	var qs []question
	for _, p := range ports {
		if p.Name == "" || len(qs) == 3 {
			continue
		}
		protocol := strings.ToLower(p.Protocol)
		if protocol == "" {
			protocol = "tcp" // the default in an EndpointSlice
		}
		qs = append(qs, question{name: "_" + p.Name + "._" + protocol + "." + name, qtype: dns.TypeSRV, nslookup: len(qs) == 0 && len(ports) > 1})
	}
	return qs
}

// forReverse asks for the names of addresses.
func forReverse(addrs []netip.Addr) []question {
	var qs []question
	for _, a := range addrs {
		qs = append(qs, question{addr: a, qtype: dns.TypePTR, nslookup: len(qs) == 0})
	}
	return qs
}

// forEndpoints asks for what ready endpoints give a headless Service.
func forEndpoints(name string, slice endpointSlice) []question {
	first := slice.Endpoints[0]
	addrs := parseAll(first.Addresses)[:1]
	qs := forAddresses(name, addrs)
	if first.Hostname != "" {
		qs = append(qs, question{name: first.Hostname + "." + name, qtype: addressType(addrs[0])})
	}
	qs = append(qs, forPorts(name, slice.Ports)...)
	return append(qs, question{addr: addrs[0], qtype: dns.TypePTR})
}

// forAlias asks for the alias alone, unless it leads to a Service with an address.
func (o objects) forAlias(s service) question {
	for _, target := range o.services {
		if strings.TrimSuffix(s.Spec.ExternalName, ".") == target.name() && len(target.addresses()) > 0 {
			return question{name: s.name(), qtype: addressType(target.addresses()[0]), nslookup: true}
		}
	}
	return question{name: s.name(), qtype: dns.TypeCNAME, nslookup: true}
}
