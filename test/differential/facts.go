// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// Facts are what a name stands for, by the objects.
type Facts struct {
	Name
	View    *View
	Exposed bool            // its namespace
	Service *corev1.Service // at or above it, or nil
	// Endpoints are those of Service that the name asks for.
	Endpoints []Endpoint
	// Owners are the names that the address has.
	Owners []Owner
}

// An Owner is one name of an address.
type Owner struct {
	Target string // of its PTR record
	// Hidden: the namespace is not exposed. Orphan: it does not exist, or the
	// Service does not, or is an alias: no address is found at Target.
	Hidden, Orphan bool
	// Imported: of the clusterset; then no name of the cluster can be looked up.
	Imported bool
}

// Shown reports whether the name can be looked up.
func (o Owner) Shown() bool { return !o.Hidden && !o.Orphan }

// NewFacts works out what qname stands for.
func NewFacts(v *View, qname string) *Facts {
	f := &Facts{Name: ParseName(qname, v.Zones), View: v}
	if v.inSet(f.Zone) {
		f.Name = ofClusterSet(f.Name, qname)
	}
	f.Exposed = f.Namespace != "" && v.exposed(f.Namespace)
	if f.Exposed && f.Name.Service != "" {
		f.Service = f.service()
	}
	if f.Service != nil {
		f.Endpoints = f.asked(f.all())
	}
	if (f.Kind == kindAddress || f.Kind == kindApex) && f.Prefix.IsSingleIP() {
		f.Owners = v.owners(f.Prefix.Addr().Unmap())
	}
	return f
}

// asked returns those of a Service's endpoints that the name asks for.
func (f *Facts) asked(all []Endpoint) []Endpoint {
	return slices.DeleteFunc(all, func(e Endpoint) bool {
		switch f.Kind {
		case kindEndpoint:
			return !strings.EqualFold(e.Name, f.Label) || !strings.EqualFold(e.Cluster, f.Cluster)
		case kindCluster:
			return !strings.EqualFold(e.Cluster, f.Cluster)
		case kindPort, kindProtocol:
			return !slices.ContainsFunc(e.Ports, func(p discoveryv1.EndpointPort) bool {
				return f.matches(value(p.Name), string(value(p.Protocol)), p.Port)
			})
		}
		return false
	})
}

// matches reports whether a port is at the name or below it.
func (f *Facts) matches(name, protocol string, number *int32) bool {
	if protocol == "" {
		protocol = "TCP"
	}
	return name != "" && number != nil && strings.EqualFold(protocol, f.Protocol) &&
		(f.Kind == kindProtocol || strings.EqualFold(name, f.Port))
}

// hasPort reports whether the Service itself has a port at the name or below it.
func (f *Facts) hasPort() bool {
	return slices.ContainsFunc(f.Service.Spec.Ports, func(p corev1.ServicePort) bool {
		return f.matches(p.Name, string(p.Protocol), &p.Port)
	})
}

// owners returns the names of an address: of the Services that have it as
// cluster IP, else of the endpoints.
func (v *View) owners(a netip.Addr) []Owner {
	var all []Owner
	for _, s := range v.world.Services {
		if selected(v.Labels, s) && slices.Contains(clusterIPs(s), a) {
			all = append(all, v.owner(s, s.Namespace, v.ptr(s.Name, s.Namespace)))
		}
	}
	for _, e := range v.endpoints() {
		if e.Addr == a {
			all = append(all, v.owner(v.service(e.Namespace, e.Service), e.Namespace, v.ptr(e.Name, e.Service, e.Namespace)))
		}
	}
	if !slices.ContainsFunc(all, Owner.Shown) {
		all = append(all, v.importOwners(a)...)
	}
	return all
}

func (v *View) owner(s *corev1.Service, namespace, target string) Owner {
	there := slices.ContainsFunc(v.world.Namespaces, func(ns *corev1.Namespace) bool { return ns.Name == namespace })
	if v.Strict && v.NamespaceLabels != nil { // B5, which strict_compat repeats
		return Owner{Target: target, Orphan: s == nil || isExternal(s) || v.primary() == ""}
	}
	return Owner{Target: target, Hidden: !v.exposed(namespace), Orphan: !there || s == nil || isExternal(s) || v.primary() == ""}
}

func (v *View) ptr(labels ...string) string {
	return strings.Join(labels, ".") + ".svc." + v.primary()
}

// anyBelow reports whether the cluster has an address within p.
func (v *View) anyBelow(p netip.Prefix) bool {
	for _, s := range v.world.Services {
		if selected(v.Labels, s) && slices.ContainsFunc(clusterIPs(s), p.Contains) {
			return true
		}
	}
	return slices.ContainsFunc(v.endpoints(), func(e Endpoint) bool { return p.Contains(e.Addr) })
}

// anyNamed is anyBelow for the cluster, if its names can be written, and the clusterset.
func (v *View) anyNamed(p netip.Prefix) bool {
	return v.primary() != "" && v.anyBelow(p) || v.anyImported(p)
}

// Exists reports whether there is a record at the name or below it (RFC 8020).
func (f *Facts) Exists() bool {
	switch f.Kind {
	case kindApex, kindVersion, kindNSParent, kindNS, kindServices, kindPods:
		return true
	case kindNamespace:
		return f.Exposed
	case kindPodSpace:
		return f.Exposed && f.View.Pods != "disabled"
	case kindService, kindProtocol, kindPort, kindEndpoint, kindCluster:
		return f.serviceExists()
	case kindZoneNode, kindZonal:
		return f.View.Zonal && f.Service != nil && isHeadless(f.Service) && f.anyEndpoint()
	case kindPodName:
		a, ok := undashed(f.Label)
		return ok && f.Exposed && (f.View.Pods == "insecure" || f.View.Pods == "verified" && f.View.hasPod(f.View.world, f.Namespace, a))
	case kindAddress:
		return slices.ContainsFunc(f.Owners, Owner.Shown)
	case kindNetwork:
		return f.View.anyNamed(f.Prefix)
	}
	return false
}

func (f *Facts) serviceExists() bool {
	switch {
	case f.Service == nil:
		return false
	case isExternal(f.Service):
		return f.Kind == kindService && target(f.Service) != ""
	case isHeadless(f.Service), f.Kind == kindEndpoint, f.Kind == kindCluster:
		return len(f.Endpoints) > 0 && (!f.View.IgnoreEmpty || isHeadless(f.Service) || f.anyEndpoint())
	case f.View.IgnoreEmpty && !f.anyEndpoint():
		return false
	}
	return f.Kind == kindService || f.hasPort()
}

// anyEndpoint reports whether the Service has a ready endpoint.
func (f *Facts) anyEndpoint() bool { return len(f.all()) > 0 }

// ServiceKind returns the sort of Service at or above the name.
func (f *Facts) ServiceKind() string {
	switch {
	case f.Service == nil:
		return "none"
	case isExternal(f.Service):
		return "external"
	case isHeadless(f.Service):
		return "headless"
	}
	return "clusterip"
}

// Alias returns the target, if the name is an alias.
func (f *Facts) Alias() (string, bool) {
	if f.Kind != kindService || f.Service == nil || !isExternal(f.Service) {
		return "", false
	}
	t := target(f.Service)
	return t, t != ""
}

// maxAliases is how many aliases both plugins follow.
const maxAliases = 11

// AliasKind says where the alias at the name leads: "outside" of the zones,
// "inside" to a name in them, into a "loop", through "many" aliases; or "none".
func (f *Facts) AliasKind() string {
	seen := map[string]bool{}
	at := f
	for hops := 0; ; hops++ {
		t, ok := at.Alias()
		switch {
		case !ok && hops == 0:
			return "none"
		case !ok && hops > maxAliases:
			return "many"
		case !ok && at.Kind == kindOutside:
			return "outside"
		case !ok:
			return "inside"
		case seen[strings.ToLower(t)]:
			return "loop"
		}
		seen[strings.ToLower(t)] = true
		at = NewFacts(f.View, t)
	}
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
