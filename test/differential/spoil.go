// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

var (
	long         = strings.Repeat("long", 16) // 64 octets
	badLabels    = []string{"Web", "a.b", long, "sp ace", "-\\-", "x/y", ".", "ümlaut"}
	badAddrs     = []string{"10.1.0", "10.1.0.256", "010.1.0.1", "fe80::1%eth0", "10-1-0-1", "web-0", "", "fd00:1::g"}
	otherAddrs   = []string{"FD00:1::A", "fd00:1:0:0:0:0:0:b", "::ffff:10.1.0.9", "fd00:1::0c"}
	badTargets   = []string{"", ".", "a..b", "sp ace.example.net", long + ".example.net", strings.Repeat("long.", 60) + "example.net"}
	badNumbers   = []int32{0, -1, 65536, 131152}
	outsideHosts = []string{"www.example.net", "web.demo.svc.cluster.local"}
)

// spoil makes some objects of w malformed, as no real API server would hold them.
func (g *generator) spoil(w *World) {
	for _, s := range w.Services {
		if g.chance(35) {
			g.spoilService(s)
		}
	}
	for _, s := range w.Slices {
		if g.chance(35) {
			g.spoilSlice(s)
		}
	}
	for _, p := range w.Pods {
		if g.chance(20) && len(p.Status.PodIPs) > 0 {
			p.Status.PodIPs[0].IP = pick(g, pick(g, badAddrs...), pick(g, otherAddrs...))
		}
	}
	for _, name := range badLabels {
		if g.chance(30) {
			w.Add(g.namespace(name), g.service("demo", name), g.service(name, "web"), g.slice(name, "web", discoveryv1.AddressTypeIPv4, 1))
		}
	}
	for range g.IntN(5) {
		w.Add(g.names())
	}
}

func (g *generator) spoilService(s *corev1.Service) {
	switch {
	case isExternal(s):
		s.Spec.ExternalName = pick(g, badTargets...)
	case isHeadless(s), g.chance(60):
		if len(s.Spec.Ports) == 0 {
			return
		}
		if g.chance(50) {
			s.Spec.Ports[0].Port = pick(g, badNumbers...)
		} else {
			s.Spec.Ports[0].Name = strings.ToUpper(s.Spec.Ports[0].Name)
		}
	case g.chance(50):
		s.Spec.ClusterIPs = append(s.Spec.ClusterIPs, pick(g, badAddrs...))
	default:
		g.serial++
		s.Spec.ClusterIPs = []string{fmt.Sprintf(pick(g, "::ffff:10.96.7.%d", "FD00:96:A::%d", "fd00:96:0:b::%d"), g.serial%256)}
		s.Spec.ClusterIP = s.Spec.ClusterIPs[0]
	}
}

func (g *generator) spoilSlice(s *discoveryv1.EndpointSlice) {
	if len(s.Endpoints) == 0 || g.chance(35) {
		if g.chance(50) {
			delete(s.Labels, discoveryv1.LabelServiceName)
		} else {
			s.Labels[discoveryv1.LabelServiceName] = pick(g, badLabels...)
		}
		return
	}
	e := &s.Endpoints[g.IntN(len(s.Endpoints))]
	switch g.IntN(6) {
	case 0:
		e.Addresses[0] = pick(g, badAddrs...)
	case 1:
		e.Addresses[0] = pick(g, otherAddrs...)
	case 2:
		e.Addresses = append(e.Addresses, g.podIP(discoveryv1.AddressTypeIPv4), g.podIP(discoveryv1.AddressTypeIPv6))
	case 3:
		host := pick(g, badLabels...)
		e.Hostname = &host
	case 4:
		e.Hostname, e.TargetRef = nil, &corev1.ObjectReference{Kind: "Pod", Name: pick(g, "pod.with.dots", "POD", "web-0.web")}
	case 5:
		if len(s.Ports) > 0 {
			number := pick(g, badNumbers...)
			s.Ports[0].Port = &number
		}
	}
}

// names returns an EndpointSlice of type FQDN.
func (g *generator) names() *discoveryv1.EndpointSlice {
	s := g.slice(pick(g, namespaceNames...), pick(g, serviceNames...), discoveryv1.AddressTypeIPv4, 1+g.IntN(3))
	s.AddressType = discoveryv1.AddressTypeFQDN
	for i := range s.Endpoints {
		s.Endpoints[i].Addresses = []string{pick(g, outsideHosts...)}
	}
	return s
}
