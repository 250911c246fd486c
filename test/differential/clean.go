// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The sorts of malformed objects that divergences.txt tells apart.
const (
	badName     = "name"     // a name that is no DNS label
	badLength   = "length"   // a label of more than 63 octets
	badAddress  = "address"  // an address that is none
	badSpelling = "spelling" // an address that is not in canonical form
	badFamily   = "family"   // an address of another family than its EndpointSlice
	badFQDN     = "fqdn"     // an EndpointSlice of names
	badService  = "nameless" // an EndpointSlice that names no Service
	badPort     = "port"     // a port that is no number of a port
)

// A Fault is something malformed in an object.
type Fault struct {
	Sort               string
	Namespace, Service string // whose names it concerns, in lower case
	Addrs              []netip.Addr
}

// A cleaner makes a world such as a real API server could hold: what is
// malformed is left out, and nothing more.
type cleaner struct {
	World
	faults []Fault
}

// Clean returns w without what is malformed in it, and what that was.
func Clean(w *World) (*World, []Fault) {
	c := &cleaner{}
	for _, o := range w.clone().Namespaces {
		if c.label(o.Name, o, "") {
			c.Add(o)
		}
	}
	for _, o := range w.clone().Services {
		c.service(o)
	}
	for _, o := range w.clone().Slices {
		c.slice(o)
	}
	for _, o := range w.clone().Pods {
		c.pod(o)
	}
	c.Imports, c.ImportSlices, c.unserved = w.clone().Imports, w.clone().ImportSlices, w.unserved
	return &c.World, c.faults
}

func (c *cleaner) fault(sort string, o metav1.Object, service string, texts ...string) {
	f := Fault{Sort: sort, Namespace: strings.ToLower(o.GetNamespace()), Service: strings.ToLower(service)}
	for _, text := range texts {
		if a, ok := parseAddr(text); ok {
			f.Addrs = append(f.Addrs, a)
		}
	}
	c.faults = append(c.faults, f)
}

var labelForm = regexp.MustCompile(`^[a-z0-9_-]+$`)

// label reports whether name is a label, and notes if it is not. texts are the
// addresses that are not served then.
func (c *cleaner) label(name string, o metav1.Object, service string, texts ...string) bool {
	switch {
	case len(name) > 63:
		c.fault(badLength, o, service, texts...)
	case !labelForm.MatchString(name):
		c.fault(badName, o, service, texts...)
	default:
		return true
	}
	return false
}

func (c *cleaner) service(s *corev1.Service) {
	ips := slices.Concat(s.Spec.ClusterIPs, []string{s.Spec.ClusterIP})
	if !c.label(s.Namespace, s, s.Name, ips...) || !c.label(s.Name, s, s.Name, ips...) {
		return
	}
	if isExternal(s) && !c.target(s) {
		s.Spec.ExternalName = "192.0.2.1" // which is no name, for both
	}
	if !isExternal(s) && !isHeadless(s) {
		s.Spec.ClusterIPs = distinct(c.addresses(ips, s, s.Name))
		s.Spec.ClusterIP = s.Spec.ClusterIPs[0]
	}
	s.Spec.Ports = slices.DeleteFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return c.port(p.Port, s, s.Name) })
	for i := range s.Spec.Ports {
		s.Spec.Ports[i].Name = c.lower(s.Spec.Ports[i].Name, s, s.Name)
	}
	c.Add(s)
}

// target reports whether s has a target.
func (c *cleaner) target(s *corev1.Service) bool {
	name := strings.TrimSuffix(s.Spec.ExternalName, ".")
	if len(name) > 253 {
		c.fault(badLength, s, s.Name)
		return false
	}
	for _, label := range strings.Split(name, ".") {
		if !c.label(strings.ToLower(label), s, s.Name) {
			return false
		}
	}
	return true
}

// addresses returns those of texts that are addresses, in canonical form.
func (c *cleaner) addresses(texts []string, o metav1.Object, service string) []string {
	var all []string
	for _, text := range texts {
		a, ok := parseAddr(text)
		if !ok {
			c.fault(badAddress, o, service, text)
			continue
		}
		canonical := a.String()
		if canonical != text {
			c.fault(badSpelling, o, service, text)
		}
		all = append(all, canonical)
	}
	return all
}

func distinct(texts []string) []string {
	var all []string
	for _, text := range texts {
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

func (c *cleaner) port(number int32, o metav1.Object, service string) bool {
	if number >= 1 && number <= 65535 {
		return false
	}
	c.fault(badPort, o, service)
	return true
}

// lower returns name in lower case.
func (c *cleaner) lower(name string, o metav1.Object, service string, texts ...string) string {
	if l := strings.ToLower(name); l != name {
		c.fault(badName, o, service, texts...)
		return l
	}
	return name
}

func (c *cleaner) slice(s *discoveryv1.EndpointSlice) {
	service := s.Labels[discoveryv1.LabelServiceName]
	var texts []string
	for _, e := range s.Endpoints {
		texts = append(texts, e.Addresses...)
	}
	switch {
	case s.AddressType == discoveryv1.AddressTypeFQDN:
		c.fault(badFQDN, s, service, texts...)
		return
	case service == "":
		c.fault(badService, s, service, texts...)
		return
	case !c.label(s.Namespace, s, service, texts...), !c.label(service, s, service, texts...):
		return
	}
	for i := range s.Endpoints {
		c.endpoint(&s.Endpoints[i], s, service)
	}
	s.Ports = slices.DeleteFunc(s.Ports, func(p discoveryv1.EndpointPort) bool { return p.Port != nil && c.port(*p.Port, s, service) })
	for _, p := range s.Ports {
		if p.Name != nil {
			*p.Name = c.lower(*p.Name, s, service, texts...)
		}
	}
	c.Add(s)
}

func (c *cleaner) endpoint(e *discoveryv1.Endpoint, s *discoveryv1.EndpointSlice, service string) {
	if e.Hostname != nil {
		*e.Hostname = c.lower(*e.Hostname, s, service, e.Addresses...)
		if *e.Hostname == "" || !c.label(*e.Hostname, s, service, e.Addresses...) {
			e.Hostname = nil
		}
	}
	if e.TargetRef != nil && len(e.TargetRef.Name) < 64 {
		e.TargetRef.Name = c.lower(e.TargetRef.Name, s, service, e.Addresses...)
		if e.TargetRef.Name == "" || !c.label(e.TargetRef.Name, s, service, e.Addresses...) {
			e.TargetRef = nil
		}
	}
	e.Addresses = slices.DeleteFunc(c.addresses(e.Addresses, s, service), func(text string) bool {
		if strings.Contains(text, ":") == (s.AddressType == discoveryv1.AddressTypeIPv6) {
			return false
		}
		c.fault(badFamily, s, service, text)
		return true
	})
}

func (c *cleaner) pod(p *corev1.Pod) {
	var texts []string
	for _, ip := range p.Status.PodIPs {
		texts = append(texts, ip.IP)
	}
	if !c.label(p.Namespace, p, "", texts...) {
		return
	}
	p.Status.PodIPs = nil
	for _, text := range c.addresses(texts, p, "") {
		p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: text})
	}
	c.Add(p)
}

// touches reports whether a fault concerns the name, or one that it is an alias of.
func (x Fault) touches(f *Facts) bool {
	for hops := 0; hops <= maxAliases; hops++ {
		if x.concerns(f) {
			return true
		}
		target, ok := f.Alias()
		if !ok {
			return false
		}
		f = NewFacts(f.View, target)
	}
	return false
}

func (x Fault) concerns(f *Facts) bool {
	switch f.Kind {
	case kindService, kindProtocol, kindPort, kindLoosePort, kindEndpoint, kindZoneNode, kindZonal:
		return x.Namespace == f.Namespace && x.Service == f.Name.Service
	case kindNamespace, kindPodSpace:
		return x.Namespace == f.Namespace
	case kindPodName, kindBelowPod:
		a, ok := undashed(f.Label)
		return ok && x.Namespace == f.Namespace && slices.Contains(x.Addrs, a)
	case kindAddress, kindBelowAddr:
		return slices.Contains(x.Addrs, f.Prefix.Addr().Unmap())
	case kindApex:
		return f.Prefix.IsSingleIP() && slices.Contains(x.Addrs, f.Prefix.Addr().Unmap()) || x.ofServer(f.View)
	case kindNS:
		return x.ofServer(f.View)
	}
	return false
}

// ofServer reports whether a fault concerns a Service that has this machine as an endpoint.
func (x Fault) ofServer(v *View) bool {
	local := interfaceAddrs()
	return slices.ContainsFunc(x.Addrs, func(a netip.Addr) bool { return slices.Contains(local, a) }) ||
		slices.ContainsFunc(v.endpoints(), func(e Endpoint) bool {
			return slices.Contains(local, e.Addr) && e.Namespace == x.Namespace && e.Service == x.Service
		})
}

// concerned returns the sorts of those of faults that touch the name, joined by a plus sign; "none" if there is none.
func concerned(faults []Fault, f *Facts) string {
	var sorts []string
	for _, x := range faults {
		if !slices.Contains(sorts, x.Sort) && x.touches(f) {
			sorts = append(sorts, x.Sort)
		}
	}
	if len(sorts) == 0 {
		return "none"
	}
	slices.Sort(sorts)
	return strings.Join(sorts, "+")
}
