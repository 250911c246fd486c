// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A generator makes random objects. Names and addresses come from small pools,
// so that objects meet: EndpointSlices of one Service, Pods of one address,
// aliases of Services. What it makes a real API server would accept.
type generator struct {
	*rand.Rand
	serial int  // of names and cluster IPs that must be unique
	sets   bool // the cluster is of a clusterset
}

func newGenerator(seed, stream uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, stream))}
}

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

// chance is true in percent of cases.
func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

var (
	// Some namespaces have names that mean something elsewhere in a name.
	namespaceNames = []string{"default", "demo", "kube-system", "team-a", "team-b", "svc", "pod", "dns", "10"}
	serviceNames   = []string{"web", "db", "api", "cache", "1web", "dns", "ns", "svc", "pod", "kubernetes", "x-y", "dns-version"}
	hostNames      = []string{"web-0", "web-1", "db-0", "node", "svc", "10-1-0-1"}
	podNames       = []string{"web-0", "web-7d4b9c-x2x", "db-0", "p1", "p2", "p3", "a-pod-name-of-more-than-sixty-three-octets-0123456789-0123456789"}
	portNames      = []string{"http", "https", "dns", "dns-tcp", "grpc", "m"}
	protocols      = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}
	forwardZones   = []string{"cluster.local.", "cluster.local.", "cluster.local.", "k8s.example.", "b.cluster.local.", "example.org."}
)

// world returns the objects of a cluster.
func (g *generator) world() *World {
	w := &World{}
	for _, name := range namespaceNames {
		if g.chance(75) {
			w.Add(g.namespace(name))
		}
	}
	for range 15 + g.IntN(25) {
		g.addService(w)
	}
	for range g.IntN(4) { // no Service is theirs, or only sometimes
		w.Add(g.slice(pick(g, namespaceNames...), pick(g, serviceNames...), discoveryv1.AddressTypeIPv4, 1+g.IntN(3)))
	}
	for range 5 + g.IntN(15) {
		w.Add(g.pod())
	}
	if g.chance(70) {
		g.addServer(w)
	}
	if g.chance(50) {
		g.addChain(w)
	}
	if g.chance(40) {
		g.addLarge(w)
	}
	if g.sets {
		g.addImports(w)
	}
	return w
}

func (g *generator) meta(namespace, name string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: namespace, Name: name}
	if g.chance(80) {
		m.Labels = map[string]string{"team": pick(g, "a", "b")}
	}
	return m
}

func (g *generator) unique(name string) string {
	g.serial++
	return fmt.Sprintf("%s-%d", name, g.serial)
}

func (g *generator) namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: g.meta("", name)}
}

// addService adds a Service that is not there yet, mostly with EndpointSlices.
func (g *generator) addService(w *World) {
	namespace, name := pick(g, namespaceNames...), pick(g, serviceNames...)
	for _, s := range w.Services {
		if s.Namespace == namespace && s.Name == name {
			return
		}
	}
	s := g.service(namespace, name)
	w.Add(s)
	if isExternal(s) && g.chance(90) {
		return
	}
	for range g.IntN(4) {
		family := pick(g, discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6)
		w.Add(g.slice(namespace, name, family, g.IntN(5)))
	}
}

func (g *generator) service(namespace, name string) *corev1.Service {
	s := &corev1.Service{ObjectMeta: g.meta(namespace, name)}
	s.Spec.Type = pick(g, corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer)
	switch n := g.IntN(10); {
	case n < 3:
		s.Spec.Type = corev1.ServiceTypeExternalName
		s.Spec.ExternalName = g.externalName(namespace)
	case n < 6:
		s.Spec.Type = corev1.ServiceTypeClusterIP
		s.Spec.ClusterIP, s.Spec.ClusterIPs = corev1.ClusterIPNone, []string{corev1.ClusterIPNone}
	default:
		s.Spec.ClusterIPs = g.clusterIPs()
		s.Spec.ClusterIP = s.Spec.ClusterIPs[0]
	}
	s.Spec.Ports = g.servicePorts()
	if s.Spec.Type == corev1.ServiceTypeLoadBalancer && g.chance(50) {
		s.Spec.ExternalIPs = []string{"192.0.2.200"}
		s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.201"}}
	}
	return s
}

// clusterIPs returns addresses that no other Service has.
func (g *generator) clusterIPs() []string {
	g.serial++
	v4 := netip.AddrFrom4([4]byte{10, 96, byte(g.serial >> 8), byte(g.serial)}).String()
	v6 := fmt.Sprintf("fd00:96::%x", g.serial)
	if g.chance(5) {
		v6 = fmt.Sprintf("fd00:96:%x::", g.serial) // its text ends in a colon
	}
	return pick(g, []string{v4}, []string{v4}, []string{v6}, []string{v4, v6}, []string{v6, v4})
}

// externalName returns a name outside, in a zone, of another alias, of the Service itself.
func (g *generator) externalName(namespace string) string {
	zone := pick(g, forwardZones...)
	inside := func() string {
		return pick(g, serviceNames...) + "." + pick(g, namespace, pick(g, namespaceNames...)) + ".svc." + zone
	}
	switch g.IntN(12) {
	case 0, 1, 2, 3:
		return pick(g, pick(g, outsideNames...), "noise.example.net", "nodata.example.net")
	case 4, 5, 6, 7:
		return inside()
	case 8:
		return "nothing." + inside()
	case 9:
		return pick(g, "svc.", "ns.dns.", namespace+".svc.", "dns-version.", "") + zone
	case 10:
		return "Web." + namespace + ".SVC." + zone
	}
	return pick(g, "192.0.2.1", "WWW.Example.NET.", "_http._tcp."+inside(), "10-1-0-1."+inside())
}

// servicePorts returns ports: a name and a pair of number and protocol are used once.
func (g *generator) servicePorts() []corev1.ServicePort {
	if g.chance(15) {
		return []corev1.ServicePort{{Protocol: pick(g, protocols...), Port: 80}}
	}
	var ports []corev1.ServicePort
	for _, i := range g.Perm(len(portNames))[:g.IntN(4)] {
		ports = append(ports, corev1.ServicePort{
			Name: portNames[i], Protocol: protocols[i%len(protocols)], Port: pick[int32](g, 80, 53, 443), TargetPort: intstr.FromInt32(8080),
		})
	}
	return ports
}

// slice returns an EndpointSlice with n endpoints.
func (g *generator) slice(namespace, service string, family discoveryv1.AddressType, n int) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{ObjectMeta: g.meta(namespace, g.unique(service)), AddressType: family}
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	s.Labels[discoveryv1.LabelServiceName] = service
	s.Ports = g.slicePorts()
	for range n {
		s.Endpoints = append(s.Endpoints, g.endpoint(family))
	}
	return s
}

func (g *generator) slicePorts() []discoveryv1.EndpointPort {
	var ports []discoveryv1.EndpointPort
	for _, p := range g.servicePorts() {
		port := discoveryv1.EndpointPort{Name: &p.Name, Protocol: &p.Protocol, Port: &p.Port}
		if g.chance(25) {
			port.Port = nil // all ports
		}
		if p.Name == "" && g.chance(50) {
			port.Name = nil
		}
		ports = append(ports, port)
	}
	return ports
}

func (g *generator) endpoint(family discoveryv1.AddressType) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{g.podIP(family)}}
	if g.chance(15) {
		e.Addresses = append(e.Addresses, g.podIP(family))
	}
	switch g.IntN(4) {
	case 0:
		e.Conditions.Ready = new(bool)
	case 1:
		ready := true
		e.Conditions.Ready = &ready
	}
	if g.chance(30) {
		host := pick(g, hostNames...)
		e.Hostname = &host
	}
	if g.chance(60) {
		zone := pick(g, "a", "b", "eu.1c")
		e.Zone = &zone
	}
	if g.chance(60) {
		e.TargetRef = &corev1.ObjectReference{Kind: "Pod", Name: pick(g, podNames...)}
	}
	return e
}

// podIP returns one of a few addresses.
func (g *generator) podIP(family discoveryv1.AddressType) string {
	n := 1 + g.IntN(40)
	switch {
	case family == discoveryv1.AddressTypeIPv4:
		return fmt.Sprintf("10.1.%d.%d", g.IntN(2), n)
	case g.chance(10):
		return fmt.Sprintf("fd00:1:%x::", n)
	}
	return fmt.Sprintf("fd00:1::%x", n)
}

func (g *generator) pod() *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: g.meta(pick(g, namespaceNames...), g.unique("pod"))}
	p.Status.Phase = pick(g, corev1.PodRunning, corev1.PodRunning, corev1.PodRunning, corev1.PodPending, corev1.PodSucceeded, corev1.PodFailed)
	v4, v6 := g.podIP(discoveryv1.AddressTypeIPv4), g.podIP(discoveryv1.AddressTypeIPv6)
	for _, ip := range pick(g, []string{v4}, []string{v4, v6}, []string{v6}, []string{v6, v4}, nil) {
		p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: ip})
	}
	if len(p.Status.PodIPs) > 0 {
		p.Status.PodIP = p.Status.PodIPs[0].IP
	}
	if g.chance(10) {
		terminate(p)
	}
	return p
}

func terminate(p *corev1.Pod) {
	now := metav1.NewTime(time.Unix(1, 0))
	p.DeletionTimestamp = &now
}

// addServer adds a Service whose endpoint is this machine: the name server of
// the zones. What else the world has does not depend on the machine.
func (g *generator) addServer(w *World) {
	own := newGenerator(g.Uint64(), 0)
	own.serial = 0xff00
	s := own.service("kube-system", "kube-dns")
	if isExternal(s) {
		return
	}
	w.Add(s)
	for _, a := range interfaceAddrs() {
		if a.IsLinkLocalUnicast() {
			continue
		}
		family := discoveryv1.AddressTypeIPv6
		if a.Is4() {
			family = discoveryv1.AddressTypeIPv4
		}
		for range 1 + own.IntN(3) {
			e := own.slice(s.Namespace, pick(own, s.Name, s.Name, s.Name, s.Name, "gone"), family, own.IntN(2))
			e.Endpoints = append(e.Endpoints, discoveryv1.Endpoint{Addresses: []string{a.String()}})
			w.Add(e)
		}
	}
}

// addChain adds aliases of each other: round in circles, or on for too long.
func (g *generator) addChain(w *World) {
	zone, n := pick(g, forwardZones...), pick(g, 1, 2, 3, 20, 20)
	names := make([]string, n)
	for i := range names {
		names[i] = g.unique("chain")
	}
	for i, name := range names {
		next := names[(i+1)%n] + ".demo.svc." + zone
		if i == n-1 && n > 4 {
			next = "www.example.net"
		}
		s := &corev1.Service{ObjectMeta: g.meta("demo", name)}
		s.Spec.Type, s.Spec.ExternalName = corev1.ServiceTypeExternalName, next
		w.Add(s)
	}
}

// addLarge adds a headless Service whose answers do not fit a small buffer.
func (g *generator) addLarge(w *World) {
	s := g.service("demo", g.unique("large"))
	s.Spec.Type, s.Spec.ClusterIP, s.Spec.ClusterIPs = corev1.ServiceTypeClusterIP, corev1.ClusterIPNone, []string{corev1.ClusterIPNone}
	e := g.slice("demo", s.Name, discoveryv1.AddressTypeIPv4, 0)
	for i := range 40 + g.IntN(160) {
		e.Endpoints = append(e.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.2.0.%d", i)}})
	}
	w.Add(s, e)
}
