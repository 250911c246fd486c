// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package specs makes random settings for tests.
package specs

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// Services are those that random settings may name.
var Services = map[v1alpha1.ServiceReference]netip.Addr{
	{Namespace: "dns", Name: "resolver"}: netip.MustParseAddr("10.96.7.7"),
	{Namespace: "dns", Name: "six"}:      netip.MustParseAddr("fd00:10:96::7"),
}

// Random returns a spec that the API server accepts, the same for the same r.
func Random(r *rand.Rand) *v1alpha1.ClusterDNSSpec {
	g := generator{r}
	spec := &v1alpha1.ClusterDNSSpec{}
	if g.maybe() {
		spec.ClusterDomain = pick(g, v1alpha1.Domain("cluster.local"), "k8s.example", "c")
	}
	if g.maybe() {
		spec.Port = pick(g, v1alpha1.Port(53), 1053, 5353)
	}
	spec.Upstreams = optional(g, g.upstreams)
	spec.Cache = optional(g, g.cache)
	spec.Cluster = optional(g, g.cluster)
	spec.StubZones = g.stubZones()
	spec.Hosts = g.hosts()
	spec.Rewrites = g.rewrites()
	spec.Extra = optional(g, g.extra)
	spec.Observability = optional(g, g.observability)
	if g.maybe() {
		spec.Rollout = &v1alpha1.Rollout{Lameduck: g.duration(0, 5*time.Second, time.Minute)}
	}
	return spec
}

type generator struct{ *rand.Rand }

func (g generator) maybe() bool { return g.IntN(2) == 0 }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

// some returns a part of from, in its order, which has at least n.
func some[T any](g generator, n int, from ...T) []T {
	var out []T
	for _, i := range slices.Sorted(slices.Values(g.Perm(len(from))[:n+g.IntN(len(from)-n+1)])) {
		out = append(out, from[i])
	}
	return out
}

func optional[T any](g generator, make func() *T) *T {
	if g.maybe() {
		return nil
	}
	return make()
}

func number[N any](g generator, from ...N) *N {
	if g.maybe() {
		return nil
	}
	n := pick(g, from...)
	return &n
}

func (g generator) duration(from ...time.Duration) *metav1.Duration {
	return &metav1.Duration{Duration: pick(g, from...)}
}

func (g generator) upstreams() *v1alpha1.Upstreams {
	u := &v1alpha1.Upstreams{
		Transport: pick(g, "", v1alpha1.TransportDNS, v1alpha1.TransportTCP, v1alpha1.TransportTLS, v1alpha1.TransportHTTPS, v1alpha1.TransportQUIC),
		Policy:    pick(g, "", v1alpha1.Random, v1alpha1.RoundRobin, v1alpha1.Sequential),
		Failover:  some(g, 0, v1alpha1.Rcode("SERVFAIL"), "NXDOMAIN", "REFUSED"), MaxConcurrent: number(g, int32(1), 1000),
	}
	for i := range 1 + g.IntN(3) {
		u.Endpoints = append(u.Endpoints, g.endpoint(u, i))
	}
	if secure(u) {
		g.secure(u)
	}
	if g.maybe() {
		u.HealthCheck = &v1alpha1.HealthCheck{MaxFails: number(g, int32(0), 3), Domain: pick(g, "", v1alpha1.Domain("health.example")), NoRecursion: g.maybe()}
		if g.maybe() {
			u.HealthCheck.Interval = g.duration(100*time.Millisecond, 5*time.Second)
		}
	}
	return u
}

func secure(u *v1alpha1.Upstreams) bool {
	return slices.Contains([]v1alpha1.Transport{v1alpha1.TransportTLS, v1alpha1.TransportHTTPS, v1alpha1.TransportQUIC}, u.Transport)
}

func (g generator) endpoint(u *v1alpha1.Upstreams, i int) v1alpha1.Endpoint {
	if !secure(u) && g.IntN(4) == 0 {
		return v1alpha1.Endpoint{ResolvConf: "/etc/resolv.conf"}
	}
	e := v1alpha1.Endpoint{Port: pick(g, 0, v1alpha1.Port(53), 853, 5353)}
	switch g.IntN(4) {
	case 0:
		e.Service = &v1alpha1.ServiceReference{Namespace: "dns", Name: pick(g, "resolver", "six")}
	case 1:
		e.Address = v1alpha1.Address(fmt.Sprintf("2001:db8::%d", i+1))
	default:
		e.Address = v1alpha1.Address(fmt.Sprintf("192.0.2.%d", i+1))
	}
	return e
}

// secure names the servers: each, where that is possible, or all.
func (g generator) secure(u *v1alpha1.Upstreams) {
	if u.Transport != v1alpha1.TransportHTTPS && g.maybe() {
		for i := range u.Endpoints {
			u.Endpoints[i].ServerName = v1alpha1.Domain(fmt.Sprintf("dns%d.example", i))
		}
		if g.maybe() {
			u.TLS = &v1alpha1.UpstreamTLS{}
		}
	} else {
		u.TLS = &v1alpha1.UpstreamTLS{ServerName: "dns.example"}
	}
	if u.TLS != nil {
		u.TLS.CAConfigMap = pick(g, "", v1alpha1.ObjectName("ca"))
		u.TLS.ClientCertificateSecret = pick(g, "", v1alpha1.ObjectName("client"))
	}
}

func (g generator) cache() *v1alpha1.Cache {
	if g.IntN(4) == 0 {
		return &v1alpha1.Cache{Disabled: true}
	}
	c := &v1alpha1.Cache{Positive: number(g, v1alpha1.Seconds(0), 30, 3600), Negative: number(g, v1alpha1.Seconds(0), 5, 30)}
	if g.maybe() {
		c.ServeStale = g.duration(time.Second, time.Hour)
	}
	if g.maybe() {
		c.Prefetch = &v1alpha1.Prefetch{Amount: 1 + g.Int32N(9), Percentage: number(g, int32(10), 90)}
		if g.maybe() {
			c.Prefetch.Duration = g.duration(time.Second, time.Minute)
		}
	}
	return c
}

func (g generator) cluster() *v1alpha1.Cluster {
	c := &v1alpha1.Cluster{
		Pods: pick(g, "", v1alpha1.PodsDisabled, v1alpha1.PodsInsecure, v1alpha1.PodsVerified),
		TTL:  number(g, v1alpha1.Seconds(0), 5, 30), NegativeTTL: number(g, v1alpha1.Seconds(5), 3600),
		EndpointPodNames: g.maybe(), ReverseNames: pick(g, "", v1alpha1.ReverseNames("All"), "Hostname", "Single"),
		ReverseZones: some(g, 0, v1alpha1.Zone("10.0.0.0/8"), "fd00::/8", "168.192.in-addr.arpa"),
		ClusterSets:  some(g, 0, v1alpha1.Domain("clusterset.local"), "set.example"),
		MaxAnswers:   number(g, int32(1), 500), IgnoreEmptyService: g.maybe(), Explain: g.maybe(), StrictCompat: g.maybe(),
	}
	if c.Pods == v1alpha1.PodsVerified {
		c.PodRecords, c.Autopath = g.maybe(), g.maybe()
	}
	if g.maybe() {
		c.NoEndpoints = true
	} else {
		c.Zonal = g.maybe()
		c.Topology = pick(g, nil, &v1alpha1.Topology{Mode: "Order"}, &v1alpha1.Topology{Mode: "Prefer", Min: number(g, int32(2))})
	}
	switch g.IntN(3) {
	case 0:
		c.Namespaces = []string{"a", "b-c"}
	case 1:
		c.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "team", Operator: "In", Values: []string{"a", "b"}}}}
	}
	if g.maybe() {
		c.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"dns": "yes"}}
	}
	if g.maybe() {
		if c.StaleAfter = g.duration(0, time.Second, time.Hour); c.StaleAfter.Duration > 0 {
			c.StaleTTL = number(g, v1alpha1.Seconds(0), 5)
		}
		c.Audit = g.duration(0, time.Minute)
	}
	return c
}

func (g generator) stubZones() []v1alpha1.StubZone {
	var out []v1alpha1.StubZone
	zones := []v1alpha1.Zone{"corp.example", "lab.corp.example", "10.0.0.0/9", "172.16.0.0/12", "2001:db8::/32", "partner.test", "_udp.example", "64.100.in-addr.arpa"}
	g.Shuffle(len(zones), func(i, j int) { zones[i], zones[j] = zones[j], zones[i] })
	for i := range g.IntN(4) {
		n := 1 + g.IntN(2)
		out = append(out, v1alpha1.StubZone{Name: fmt.Sprintf("zone-%d", i), Zones: zones[:n:n], Upstreams: *g.upstreams(), Cache: optional(g, g.cache)})
		zones = zones[n:]
	}
	return out
}

func (g generator) hosts() []v1alpha1.Host {
	return some(g, 0,
		v1alpha1.Host{Name: "router.example", Addresses: []v1alpha1.Address{"192.0.2.254", "2001:db8::fe"}},
		v1alpha1.Host{Name: "printer.example", Addresses: []v1alpha1.Address{"192.0.2.253"}})
}

func (g generator) rewrites() []v1alpha1.Rewrite {
	return some(g, 0,
		v1alpha1.Rewrite{Kind: "Exact", From: "old.example", To: "new.example", Stop: true},
		v1alpha1.Rewrite{Kind: "Suffix", From: "old.test", To: "new.test"},
		v1alpha1.Rewrite{Kind: "Prefix", From: "a-", To: "b-"},
		v1alpha1.Rewrite{Kind: "Regex", From: `(.*)\.in\.example`, To: "{1}.out.example"})
}

func (g generator) extra() *v1alpha1.Extra {
	return &v1alpha1.Extra{
		Before: pick(g, "", "bufsize 1232\n", "# why\nacl {\n  block net 192.0.2.0/24\n}"),
		After:  pick(g, "", "nsid here", "template ANY ANY internal.example {\n    rcode NXDOMAIN\n}\n"),
		Blocks: pick(g, "", "(snippet) {\n errors\n}\nwho.example:5300 {\n import snippet\n whoami\n}\n"),
	}
}

func (g generator) observability() *v1alpha1.Observability {
	o := &v1alpha1.Observability{ServiceMonitor: g.maybe()}
	if g.maybe() {
		o.Log = &v1alpha1.Log{Classes: pick(g, []v1alpha1.LogClass{"All"}, []v1alpha1.LogClass{"Denial", "Error"}), Zones: some(g, 0, v1alpha1.Zone("example.org"), "10.0.0.0/8")}
	}
	return o
}
