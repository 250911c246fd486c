// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile/render"
)

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// services are those that generated settings may name.
var services = render.Facts{Services: map[v1alpha1.ServiceReference]netip.Addr{
	{Namespace: "dns", Name: "corp"}: netip.MustParseAddr("10.96.7.7"),
}}

// A generator makes random settings that the API takes, and random Corefiles.
type generator struct{ *rand.Rand }

func (g generator) chance() bool { return g.IntN(3) == 0 }

func pick[E any](g generator, list ...E) E { return list[g.IntN(len(list))] }

// maybe returns nil in most cases.
func maybe[E any](g generator, list ...E) *E {
	if !g.chance() {
		return nil
	}
	return new(pick(g, list...))
}

func (g generator) pause(list ...time.Duration) *metav1.Duration {
	if !g.chance() {
		return nil
	}
	return &metav1.Duration{Duration: pick(g, list...)}
}

func (g generator) spec() v1alpha1.ClusterDNSSpec {
	s := v1alpha1.ClusterDNSSpec{
		ClusterDomain: pick(g, v1alpha1.Domain(""), "cluster.local", "k8s.example"),
		Port:          pick(g, v1alpha1.Port(0), 53, 8053),
		Cache:         g.cache(),
	}
	if g.chance() {
		s.Cluster = g.cluster()
	}
	if g.chance() {
		s.Upstreams = g.upstreams()
	}
	if g.chance() {
		s.Rollout = &v1alpha1.Rollout{Lameduck: g.pause(0, 5*time.Second, time.Minute)}
	}
	if g.chance() {
		s.Observability = &v1alpha1.Observability{Log: &v1alpha1.Log{
			Classes: pick(g, []v1alpha1.LogClass{"All"}, []v1alpha1.LogClass{"Error", "Denial"}),
			Zones:   pick(g, nil, []v1alpha1.Zone{"example.org", "10.0.0.0/8"}),
		}}
	}
	if g.chance() {
		s.Hosts = []v1alpha1.Host{
			{Name: "a.example", Addresses: []v1alpha1.Address{"192.0.2.1", "2001:db8::1"}},
			{Name: "b.example", Addresses: []v1alpha1.Address{"fd00::1"}},
		}
	}
	if g.chance() {
		s.Rewrites = []v1alpha1.Rewrite{
			{Kind: "Exact", From: "a.example", To: "b.default.svc.cluster.local", Stop: g.chance()},
			{Kind: "Regex", From: `(.*)\.old\.example`, To: "{1}.new.example"},
		}
	}
	if g.chance() {
		s.Extra = g.extra(s.Cluster == nil)
		if strings.Contains(s.Extra.After, "cache") {
			s.Cache = nil
		}
		if strings.Contains(s.Extra.After, "forward") {
			s.Upstreams = nil
		}
	}
	for i, zones := range [][]v1alpha1.Zone{{"corp.example", "corp2.example"}, {"10.0.0.0/8"}, {"31.172.in-addr.arpa", "x.example"}} {
		if g.chance() {
			s.StubZones = append(s.StubZones, v1alpha1.StubZone{Name: fmt.Sprint("zone-", i), Zones: zones, Upstreams: *g.upstreams(), Cache: g.cache()})
		}
	}
	return s
}

func (g generator) extra(cluster bool) *v1alpha1.Extra {
	e := &v1alpha1.Extra{
		Before: pick(g, "", "bufsize 1232", "# for us\nacl {\n  allow net 10.0.0.0/8\n}\nnsid \"\"", "rewrite name a.example b.example"),
		After:  pick(g, "", "reload", "cache 60 example.org\nerrors {\n  stacktrace\n} # all of them", "forward . 192.0.2.1\nforward example.org 192.0.2.2", "log\nloop"),
		Blocks: pick(g, "", "y.example:53 {\n    forward . ns.example\n}\n", "(s) {\n    errors\n}\nz.example {\n    import s\n}\nimport /etc/x/*\n"),
	}
	if cluster && g.chance() {
		e.Before += "\nclusterdns cluster.local {\n  kubeconfig /etc/k8s/config\n}"
	}
	return e
}

func (g generator) cluster() *v1alpha1.Cluster {
	c := &v1alpha1.Cluster{
		Pods:             pick(g, v1alpha1.PodNames(""), v1alpha1.PodsDisabled, v1alpha1.PodsInsecure, v1alpha1.PodsVerified),
		EndpointPodNames: g.chance(), TTL: maybe(g, v1alpha1.Seconds(0), 5, 60), NegativeTTL: maybe(g, v1alpha1.Seconds(0), 10),
		ReverseZones: pick(g, nil, nil, []v1alpha1.Zone{"10.0.0.0/8", "ip6.arpa"}, []v1alpha1.Zone{"in-addr.arpa", "ip6.arpa"}),
		ReverseNames: pick(g, v1alpha1.ReverseNames(""), "All", "Hostname", "Single"),
		ClusterSets:  pick(g, nil, []v1alpha1.Domain{"clusterset.local"}),
		MaxAnswers:   maybe(g, int32(8)), IgnoreEmptyService: g.chance(), Explain: g.chance(), StrictCompat: g.chance(),
		StaleAfter: g.pause(0, time.Minute), StaleTTL: maybe(g, v1alpha1.Seconds(3)), Audit: g.pause(0, 10*time.Minute),
		Selector: maybe(g, metav1.LabelSelector{MatchLabels: map[string]string{"b": "c", "a": "x"}}),
	}
	if c.StaleAfter != nil && c.StaleAfter.Duration == 0 {
		c.StaleTTL = nil
	}
	if c.Pods == v1alpha1.PodsVerified {
		c.PodRecords, c.Autopath = g.chance(), g.chance()
	}
	if g.chance() {
		c.Namespaces = []string{"default", "kube-system"}
	} else {
		c.NamespaceSelector = maybe(g, metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "env", Operator: metav1.LabelSelectorOpIn, Values: []string{"prod", "qa"}}}})
	}
	if c.NoEndpoints = g.chance(); !c.NoEndpoints {
		c.Zonal = g.chance()
		c.Topology = maybe(g, v1alpha1.Topology{Mode: "Order"}, v1alpha1.Topology{Mode: "Prefer", Min: new(int32(2))})
	}
	return c
}

func (g generator) cache() *v1alpha1.Cache {
	switch {
	case !g.chance():
		return nil
	case g.chance():
		return &v1alpha1.Cache{Disabled: true}
	}
	return &v1alpha1.Cache{
		Positive: maybe(g, v1alpha1.Seconds(30), 900), Negative: maybe(g, v1alpha1.Seconds(5), 30), ServeStale: g.pause(time.Hour, 90*time.Second),
		Prefetch: maybe(g, v1alpha1.Prefetch{Amount: 2}, v1alpha1.Prefetch{Amount: 3, Percentage: new(int32(20))},
			v1alpha1.Prefetch{Amount: 3, Duration: &metav1.Duration{Duration: 90 * time.Second}}),
	}
}

func (g generator) upstreams() *v1alpha1.Upstreams {
	u := &v1alpha1.Upstreams{
		Transport: pick(g, v1alpha1.Transport(""), v1alpha1.TransportTCP, v1alpha1.TransportTLS, v1alpha1.TransportHTTPS, v1alpha1.TransportQUIC),
		Policy:    pick(g, v1alpha1.Policy(""), v1alpha1.RoundRobin, v1alpha1.Sequential, v1alpha1.Random),
		Failover:  pick(g, nil, []v1alpha1.Rcode{"SERVFAIL", "REFUSED"}), MaxConcurrent: maybe(g, int32(1000)),
		HealthCheck: maybe(g, v1alpha1.HealthCheck{MaxFails: new(int32(0))}, v1alpha1.HealthCheck{Domain: "example.org", NoRecursion: true},
			v1alpha1.HealthCheck{Interval: &metav1.Duration{Duration: time.Second}}),
		Endpoints: pick(g, []v1alpha1.Endpoint{{Address: "192.0.2.53"}},
			[]v1alpha1.Endpoint{{Address: "2001:db8::53", Port: 5353}, {Address: "192.0.2.53", Port: 853}},
			[]v1alpha1.Endpoint{{Service: &v1alpha1.ServiceReference{Namespace: "dns", Name: "corp"}}}),
	}
	switch u.Transport {
	case v1alpha1.TransportTLS, v1alpha1.TransportHTTPS, v1alpha1.TransportQUIC:
		g.secure(u)
	default:
		if g.chance() {
			u.Endpoints = append(slices.Clone(u.Endpoints), v1alpha1.Endpoint{ResolvConf: "/etc/resolv.conf"})
		}
	}
	return u
}

func (g generator) secure(u *v1alpha1.Upstreams) {
	tls := v1alpha1.UpstreamTLS{CAConfigMap: pick(g, v1alpha1.ObjectName(""), "corp-ca"), ClientCertificateSecret: pick(g, v1alpha1.ObjectName(""), "client.tls")}
	if u.Transport == v1alpha1.TransportHTTPS || g.chance() {
		tls.ServerName = "dns.example"
	} else {
		u.Endpoints = slices.Clone(u.Endpoints)
		for i := range u.Endpoints {
			u.Endpoints[i].ServerName = pick(g, v1alpha1.Domain("a.example"), "b.example")
		}
	}
	if tls != (v1alpha1.UpstreamTLS{}) {
		u.TLS = &tls
	}
}

// lines are those of the default server block. One of each row may be in it.
var lines = [][]string{
	{"errors", "errors {\n consolidate 5m \".*\"\n}"},
	{"health", "health {\n lameduck 5s\n}", "health :8081", "health {\n lameduck 1m\n}", "health {\n lameduck 10m\n}"},
	{"ready", "ready :8182"},
	{"kubernetes cluster.local in-addr.arpa ip6.arpa", "kubernetes Cluster.Local. cluster.local in-addr.arpa ip6.arpa {\n pods verified\n fallthrough in-addr.arpa ip6.arpa\n}",
		"kubernetes cluster.local {\n upstream\n ttl 30\n}", "clusterdns {$DOMAIN} in-addr.arpa", "kubernetes cluster.local in-addr.arpa ip6.arpa {\n resyncperiod 5m\n labels a in (b, c)\n ttl 3601\n}",
		"kubernetes cluster.local in-addr.arpa ip6.arpa {\n pods insecure\n fallthrough\n}", "kubernetes cluster.local in-addr.arpa ip6.arpa {\n labels app = x, b in (d,c)\n transfer to *\n}"},
	{"autopath @kubernetes", "autopath /etc/resolv.conf"},
	{"prometheus :9153", "prometheus localhost:9153", "prometheus"},
	{"log", "log . {\n class error\n}", "log . {\n class denial error\n}", "log . {\n class all error\n}", "log {$ZONE}"},
	{"hosts {\n 192.0.2.1 a.example\n fallthrough\n}", "hosts {\n fallthrough\n fd00::2 b.example\n 192.0.2.1 a.example\n 192.0.2.2 b.example\n}",
		"hosts {\n 192.0.2.1 a.example b.example\n fallthrough\n}", "hosts /etc/hosts", "hosts {\n 192.0.2.1 a.example\n}"},
	{"rewrite stop name exact a.example b.example answer auto", "rewrite name a.example b.example", "rewrite continue name regex (.*)\\.a {1}.b answer auto"},
	{"rewrite stop name suffix .a.example .b.example answer auto", "rewrite stop {\n name regex a b\n answer name b a\n}"},
	{"proxy . /etc/resolv.conf", "forward . /etc/resolv.conf {\n max_concurrent 1000\n}", "forward . 8.8.8.8:53 dns://1.1.1.1 [2001:db8::1]:53 2001:db8::2", "forward . tls://9.9.9.9",
		"forward . tls://9.9.9.9:853 {\n tls_servername DNS.quad9.net\n health_check 5000ms domain Example.org\n}", "forward . dns.example", "forward . 8.8.8.8 8.8.8.8:53",
		"forward . 8.8.8.8 {\n except x.example\n}", "forward . 8.8.8.8 {\n failover servfail REFUSED\n policy round_robin\n}", "forward . 8.8.8.8 {\n tls /x/cert\n}",
		"proxy . 8.8.8.8 {\n policy least_conn\n max_fails 2\n protocol dns force_tcp\n}", "forward . 10.0.0.1\nforward example.org 10.0.0.2"},
	{"cache", "cache 30", "cache 60 {\n denial 9984 5\n success 9984 30\n}", "cache 3601", "cache 30 {\n disable success\n}", "cache 30 {\n disable success cluster.local\n serve_stale 1h\n prefetch 10 60s 10%\n}",
		"cache 30 {\n denial 9984 5\n}", "cache 30 {\n prefetch 3\n keepttl\n}", "cache 30 example.org"},
	{"loop"}, {"reload", "reload 10s"}, {"loadbalance", "loadbalance round_robin"},
	{"federation cluster.local {\n prod prod.example\n}"}, {"template ANY ANY x.example {\n rcode NXDOMAIN\n}"}, {"bufsize 1232"}, {"import /etc/x/*.conf"},
}

// stubs are server blocks beside the default one.
var stubs = []string{
	"corp.example:53 {\n errors\n cache 30\n loop\n forward . 10.0.0.1 10.0.0.2:5353\n}",
	"Corp2.Example. corp3.example {\n forward . 10.0.0.1\n}",
	"corp4.example:5353 {\n forward . 10.0.0.1\n}",
	"corp5.example {\n errors\n cache 60\n forward . 10.0.0.1\n log\n}",
	"corp6.example {\n errors\n cache\n proxy . 10.0.0.1\n whoami\n}",
	"10.0.0.0/8 {\n forward . 10.0.0.1\n}",
	"x.cluster.local {\n forward . 10.0.0.1\n}",
	"tls://corp7.example {\n forward . 10.0.0.1\n}",
	"corp8.example {\n forward . ns.corp.svc.cluster.local\n cache 30 {\n  denial 9984 5\n }\n}",
	"corp9.example {\n forward . /etc/resolv.conf {\n  max_concurrent 1000\n }\n cache 30\n log . {\n  class error\n }\n}",
}

func (g generator) corefile() string {
	var chosen []string
	for _, row := range lines {
		if g.IntN(4) > 0 {
			chosen = append(chosen, pick(g, row...))
		}
	}
	g.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	blocks := []string{pick(g, ".:53", ".", ".:8053", "dns://.:53") + " {\n" + strings.Join(chosen, "\n") + "\n}"}
	for _, s := range stubs {
		if g.chance() {
			blocks = append(blocks, s)
		}
	}
	g.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	return strings.Join(blocks, "\n") + "\n"
}
