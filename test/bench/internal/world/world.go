// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package world makes up the Services of a cluster, the same ones every time.
package world

import (
	"fmt"
	"net/netip"
)

// Zone is the domain of the cluster, ReverseZone has all its addresses.
const (
	Zone        = "cluster.local."
	ReverseZone = "10.in-addr.arpa."
	TTL         = 5 // what both plugins give without an option
)

// Size says how much there is.
type Size struct {
	Services   int // with a cluster IP
	Endpoints  int // of each of them
	Namespaces int
	Headless   []int // endpoints of each headless Service
	PerSlice   int   // endpoints in a slice of a headless Service
	Pods       int   // that no Service selects
}

// A Service is one with all its endpoints.
type Service struct {
	Namespace, Name string
	ClusterIP       netip.Addr // not valid if it is headless
	Endpoints       []netip.Addr
}

// FQDN is the name of the Service.
func (s Service) FQDN() string { return s.Name + "." + s.Namespace + ".svc." + Zone }

// Ports of every Service. Two, because costs may grow with their number.
var Ports = []Port{{"http", 80, 8080}, {"metrics", 9090, 9090}}

// A Port is one of a Service, by TCP.
type Port struct {
	Name         string
	Port, Target int32
}

// A World is all there is.
type World struct {
	Namespaces []string
	Services   []Service
	Headless   []Service
	Pods       []netip.Addr
	perSlice   int
}

// New makes a world. Cluster IPs begin at 10.96.16.0: the range that a test
// cluster gives out, without what it takes for itself. Endpoints begin at 10.128.0.1.
func New(size Size) World {
	w := World{perSlice: max(size.PerSlice, 1)}
	for i := range max(size.Namespaces, 1) {
		w.Namespaces = append(w.Namespaces, fmt.Sprintf("team-%03d", i))
	}
	clusterIP, endpoint := counter(10, 96, 16, 0), counter(10, 128, 0, 1)
	for i := range size.Services {
		w.Services = append(w.Services, Service{
			Namespace: w.Namespaces[i%len(w.Namespaces)],
			Name:      fmt.Sprintf("service-%05d", i),
			ClusterIP: clusterIP(),
			Endpoints: take(endpoint, size.Endpoints),
		})
	}
	for _, n := range size.Headless {
		w.Headless = append(w.Headless, Service{
			Namespace: w.Namespaces[0],
			Name:      fmt.Sprintf("headless-%d", n),
			Endpoints: take(endpoint, n),
		})
	}
	w.Pods = take(endpoint, size.Pods)
	return w
}

// counter returns addresses one after the other.
func counter(a, b, c, d byte) func() netip.Addr {
	next := netip.AddrFrom4([4]byte{a, b, c, d})
	return func() netip.Addr {
		this := next
		next = next.Next()
		return this
	}
}

func take(from func() netip.Addr, n int) []netip.Addr {
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		addrs[i] = from()
	}
	return addrs
}
