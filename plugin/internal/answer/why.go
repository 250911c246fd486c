// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// explained answers for _why.<zone> and for every name below it.
func (l *lookup) explained() Answer {
	switch {
	case l.q.Type == dns.TypeANY:
		return l.any()
	case l.name.Kind == qname.Why || l.q.Type != dns.TypeTXT:
		return noData
	}
	asked := *l
	asked.q.Name = l.name.Below + "." + strings.TrimPrefix(l.q.Zone, ".")
	asked.q.Type = dns.TypeA
	if asked.name = qname.Parse(asked.q.Name, l.q.Zone); l.q.ClusterSet {
		asked.clusterSet()
	}
	if asked.name.Kind == qname.Address {
		asked.q.Type = dns.TypePTR
	}
	result := asked.answer().Result
	l.needed = asked.needed
	return Answer{Result: Reason, Why: asked.why(result)}
}

// why says why the question was answered with that result.
func (l *lookup) why(r Result) string {
	if r == NotSynced {
		var missing []string
		missed := l.kinds &^ l.synced
		if l.imported {
			missed = missed.Importing()
		}
		missed.Each(func(k object.Kind) { missing = append(missing, k.String()) })
		return "the API server has not told all of this yet: " + strings.Join(missing, ", ")
	}
	switch l.name.Kind {
	case qname.Unknown:
		return "names of this form do not exist: <service>.<namespace>.svc, and what stands before and beside that, do"
	case qname.Apex, qname.Services, qname.Pods, qname.Version, qname.NameServer, qname.NameServerParent, qname.Arpa, qname.Why, qname.Explained:
		return "this name always exists"
	case qname.PodNamespace, qname.Pod:
		return l.whyPod()
	case qname.Address, qname.Network:
		return l.whyAddress()
	}
	if text := l.whyNamespace(); text != "" {
		return text
	}
	if l.name.Kind == qname.ServiceNamespace {
		return fmt.Sprintf("namespace %s exists", l.name.Namespace)
	}
	s := l.x.Service(l.name.Namespace, l.name.Service)
	if s == nil {
		return fmt.Sprintf("namespace %s has no %s %s", l.name.Namespace, l.sort(), l.name.Service)
	}
	return l.whyService(s, r)
}

// sort returns of which kind the Services are that the name asks for.
func (l *lookup) sort() string { return choose(l.imported, "ServiceImport", "Service") }

// whyNamespace says what is wrong with the namespace, or "".
func (l *lookup) whyNamespace() string {
	if _, ok := l.x.Namespace(l.name.Namespace); !ok {
		return fmt.Sprintf("namespace %s does not exist, or namespace_labels does not select it", l.name.Namespace)
	}
	if !l.exposed(l.name.Namespace) {
		return fmt.Sprintf("namespace %s is not in the list of the option namespaces", l.name.Namespace)
	}
	return ""
}

func (l *lookup) whyPod() string {
	if l.o.Pods == PodsDisabled {
		return "names of Pods are not answered: the option pods is disabled"
	}
	if text := l.whyNamespace(); text != "" {
		return text
	}
	a, ok := qname.ParseDashed(l.name.Pod)
	switch {
	case l.name.Kind == qname.PodNamespace:
		return fmt.Sprintf("namespace %s exists", l.name.Namespace)
	case !ok:
		return fmt.Sprintf("%s is no address with dashes", l.name.Pod)
	case l.o.Pods == PodsVerified && !l.x.HasPod(l.name.Namespace, a):
		return fmt.Sprintf("no Pod of namespace %s that runs has the address %s", l.name.Namespace, a)
	}
	return fmt.Sprintf("the name says the address %s", a)
}

func (l *lookup) whyAddress() string {
	if l.name.Kind == qname.Network {
		return fmt.Sprintf("it stands for the addresses %s: %s", l.name.Prefix, choose(l.x.AnyBelow(l.name.Prefix), "some are known", "none is known"))
	}
	a := l.name.Prefix.Addr().Unmap()
	var owners []string
	hidden := false
	for s := range l.x.Owners(a) {
		if !l.named(s.Namespace) {
			hidden = true
			continue
		}
		owners = append(owners, s.Namespace+"/"+s.Name)
	}
	switch {
	case len(owners) > 0:
		return fmt.Sprintf("address %s is of Service %s", a, strings.Join(owners[:min(len(owners), 3)], ", "))
	case hidden:
		return fmt.Sprintf("address %s is only of Services in namespaces that are not exposed", a)
	}
	return fmt.Sprintf("no Service and no ready endpoint has the address %s", a)
}

func (l *lookup) whyService(s *index.Service, r Result) string {
	name := s.Namespace + "/" + s.Name
	switch s.Type {
	case object.ExternalName:
		if s.ExternalName() == "" {
			return fmt.Sprintf("Service %s has an externalName that is no domain name", name)
		}
		if l.name.Kind != qname.Service {
			return fmt.Sprintf("Service %s is an ExternalName: nothing is below its name", name)
		}
		return fmt.Sprintf("Service %s is an alias of %s", name, s.ExternalName())
	case object.Headless:
		if !l.kinds.Has(object.Set(object.EndpointSlices)) {
			return fmt.Sprintf("Service %s is headless, and the option noendpoints leaves endpoints out", name)
		}
	case object.ClusterIP:
	}
	return l.whyEndpoints(s, r, name)
}

func (l *lookup) whyEndpoints(s *index.Service, r Result, name string) string {
	endpoints := 0
	for _, g := range s.Groups {
		endpoints += g.Len()
	}
	sort := choose(s.Type == object.Headless, "is headless", "has the cluster IPs "+joinAddrs(s.ClusterIPs.AppendTo(nil)))
	ready := fmt.Sprintf("%s %s %s, with %d addresses of ready endpoints", l.sort(), name, sort, endpoints)
	if r != NameError {
		return ready
	}
	switch l.name.Kind {
	case qname.Port:
		return fmt.Sprintf("%s; it has no port %s/%s", ready, l.name.Port, l.name.Protocol)
	case qname.Protocol:
		return fmt.Sprintf("%s; it has no named port of protocol %s", ready, l.name.Protocol)
	case qname.Cluster:
		return fmt.Sprintf("%s; none that is ready is in the cluster %s", ready, l.name.Cluster)
	case qname.Endpoint:
		return fmt.Sprintf("%s; none that is ready is called %s", ready, l.name.Endpoint)
	case qname.ZoneLabel, qname.ZoneRule, qname.Zonal:
		if !l.o.Zonal {
			return ready + "; names with zones need the option zonal"
		}
		return ready + choose(s.Type == object.ClusterIP, "; a cluster IP is in no zone", "")
	}
	return ready
}

func joinAddrs(list []netip.Addr) string {
	var texts []string
	for _, a := range list {
		texts = append(texts, a.String())
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, " and ")
}

func choose(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}
