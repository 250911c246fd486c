// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"strings"
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// inSet are the options of a stanza with "multicluster".
func inSet(changes ...func(o *answer.Options)) answer.Options {
	return with(func(o *answer.Options) {
		o.ClusterSetZone = setZone
		o.Kinds |= object.Imports
		for _, change := range changes {
			change(o)
		}
	})
}

// clusterset is a cluster and what it imports.
func clusterset() *index.Index {
	http := ports("http/tcp/8080")
	return newIndex(
		"demo", "void", // and not "ghost"
		clusterIP("demo/web", addrs("10.96.0.1"), "http/tcp/80"), slice("demo/web", "web-1", http, "10.0.0.1 web-0"),
		headless("demo/own", "http/tcp/80"), slice("demo/own", "own-1", http, "10.0.1.1 own-0"),
		slice("demo/orphan", "orphan-1", http, "10.0.7.1"),

		imported{clusterIP("demo/web", addrs("10.112.0.1", "fd00:112::1"), "http/tcp/80", "dns/udp/53", "/tcp/9090")},
		inCluster("east", slice("demo/web", "web", http, "10.0.0.1 web-0", "10.0.0.2")), // the same as in this cluster
		inCluster("west", slice("demo/web", "web", http, "10.1.0.1 web-0")),
		imported{clusterIP("demo/pending", nil, "http/tcp/80")},
		imported{clusterIP("demo/portless", addrs("10.112.0.2"))},
		imported{clusterIP("demo/taken", addrs("10.96.0.1"), "http/tcp/80")}, // an address that has a name here

		imported{headless("demo/db", "http/tcp/80")},
		inCluster("east", slice("demo/db", "db", http, "10.0.2.1 db-0", "10.0.2.2", "10.0.2.3 db-0")),
		inCluster("west", slice("demo/db", "db", http, "10.1.2.1 db-0", "10.0.2.2")), // Pod networks may overlap
		inCluster("west", slice("demo/db", "db6", ports("http/tcp/8080", "/udp/99"), "fd00:1::2:1 db-0")),
		imported{headless("demo/shadow")},
		inCluster("west", slice("demo/shadow", "shadow", nil, "10.0.1.1 shadow-0", "10.0.7.1 shadow-1")),
		imported{headless("demo/empty", "http/tcp/80")},
		inCluster("west", slice("demo/empty", "empty", http)),
		imported{headless("demo/quiet")},

		imported{clusterIP("ghost/web", addrs("10.112.9.1"), "http/tcp/80")},
		imported{headless("ghost/db")},
		inCluster("west", slice("ghost/db", "db", http, "10.1.9.1 g0")),
		inCluster("west", slice("demo/nobodys", "nobodys", http, "10.1.7.1")),

		object.Pod{Namespace: "demo", Name: "p", IPs: addrs("10.0.0.1")},
	)
}

func TestClusterSet(t *testing.T) {
	run(t, clusterset(), inSet(), map[string]test{
		"ClusterSetIP, A":    {"web.demo.svc~ A", ok("web.demo.svc~ A 10.112.0.1")},
		"ClusterSetIP, AAAA": {"WEB.demo.svc~ AAAA", ok("WEB.demo.svc~ AAAA fd00:112::1")},
		"ClusterSetIP, TXT":  {"web.demo.svc~ TXT", noData},
		"the Service here":   {"web.demo.svc A", ok("web.demo.svc A 10.96.0.1")},
		"only imported":      {"db.demo.svc A", nameError},
		"only here":          {"own.demo.svc~ A", nameError},
		"no address yet":     {"pending.demo.svc~ A", noData},
		"without ports":      {"portless.demo.svc~ A", ok("portless.demo.svc~ A 10.112.0.2")},
		"in no namespace":    {"web.ghost.svc~ A", nameError},
		"of nobody":          {"nobodys.demo.svc~ A", nameError},

		"SRV of a port": {"_http._tcp.web.demo.svc~ SRV", ok("_http._tcp.web.demo.svc~ SRV 0 100 80 web.demo.svc~", "+",
			"web.demo.svc~ A 10.112.0.1", "web.demo.svc~ AAAA fd00:112::1")},
		"SRV of all ports": {"web.demo.svc~ SRV", ok(
			"web.demo.svc~ SRV 0 33 53 web.demo.svc~", "web.demo.svc~ SRV 0 33 80 web.demo.svc~", "web.demo.svc~ SRV 0 33 9090 web.demo.svc~", "+",
			"web.demo.svc~ A 10.112.0.1", "web.demo.svc~ AAAA fd00:112::1")},
		"protocol":    {"_tcp.web.demo.svc~ SRV", noData},
		"no protocol": {"_sctp.web.demo.svc~ SRV", nameError},
		"no port":     {"_dns._tcp.web.demo.svc~ SRV", nameError},
		"loose port":  {"http.tcp.web.demo.svc~ SRV", nameError},

		"union over clusters":      {"db.demo.svc~ A", ok("db.demo.svc~ A 10.0.2.1", "db.demo.svc~ A 10.0.2.2", "db.demo.svc~ A 10.0.2.3", "db.demo.svc~ A 10.1.2.1")},
		"union, AAAA":              {"db.demo.svc~ AAAA", ok("db.demo.svc~ AAAA fd00:1::2:1")},
		"no ready endpoint":        {"empty.demo.svc~ A", nameError},
		"no EndpointSlice":         {"quiet.demo.svc~ A", nameError},
		"port of no ready":         {"_http._tcp.empty.demo.svc~ SRV", nameError},
		"hostname in one cluster":  {"db-0.west.db.demo.svc~ A", ok("db-0.west.db.demo.svc~ A 10.1.2.1")},
		"hostname of two":          {"DB-0.East.db.demo.svc~ A", ok("DB-0.East.db.demo.svc~ A 10.0.2.1", "DB-0.East.db.demo.svc~ A 10.0.2.3")},
		"hostname, AAAA":           {"db-0.west.db.demo.svc~ AAAA", ok("db-0.west.db.demo.svc~ AAAA fd00:1::2:1")},
		"hostname, NODATA":         {"db-0.east.db.demo.svc~ AAAA", noData},
		"dashed address":           {"10-0-2-2.east.db.demo.svc~ A", ok("10-0-2-2.east.db.demo.svc~ A 10.0.2.2")},
		"the same, other cluster":  {"10-0-2-2.west.db.demo.svc~ A", ok("10-0-2-2.west.db.demo.svc~ A 10.0.2.2")},
		"dashed, has a hostname":   {"10-0-2-1.east.db.demo.svc~ A", nameError},
		"in no such cluster":       {"10-0-2-3.south.db.demo.svc~ A", nameError},
		"in the wrong cluster":     {"10-1-2-1.east.db.demo.svc~ A", nameError},
		"without the cluster":      {"db-0.db.demo.svc~ A", nameError},
		"with it in a local zone":  {"web-0.east.web.demo.svc A", nameError},
		"below an endpoint":        {"x.db-0.west.db.demo.svc~ A", nameError},
		"endpoint of ClusterSetIP": {"web-0.west.web.demo.svc~ A", ok("web-0.west.web.demo.svc~ A 10.1.0.1")},
		"SRV over clusters": {"_http._tcp.db.demo.svc~ SRV", ok(
			"_http._tcp.db.demo.svc~ SRV 0 25 8080 10-0-2-2.east.db.demo.svc~", "_http._tcp.db.demo.svc~ SRV 0 25 8080 10-0-2-2.west.db.demo.svc~",
			"_http._tcp.db.demo.svc~ SRV 0 25 8080 db-0.east.db.demo.svc~", "_http._tcp.db.demo.svc~ SRV 0 25 8080 db-0.west.db.demo.svc~", "+",
			"10-0-2-2.east.db.demo.svc~ A 10.0.2.2", "10-0-2-2.west.db.demo.svc~ A 10.0.2.2",
			"db-0.east.db.demo.svc~ A 10.0.2.1", "db-0.east.db.demo.svc~ A 10.0.2.3",
			"db-0.west.db.demo.svc~ A 10.1.2.1", "db-0.west.db.demo.svc~ AAAA fd00:1::2:1")},
		"SRV of an endpoint": {"db-0.west.db.demo.svc~ SRV", ok(
			"db-0.west.db.demo.svc~ SRV 0 50 8080 db-0.west.db.demo.svc~", "db-0.west.db.demo.svc~ SRV 0 50 99 db-0.west.db.demo.svc~", "+",
			"db-0.west.db.demo.svc~ A 10.1.2.1", "db-0.west.db.demo.svc~ AAAA fd00:1::2:1")},
		"protocol of endpoints": {"_tcp.db.demo.svc~ A", noData},

		// A cluster has no records of its own; but there are names below it (RFC 8020).
		"cluster":                    {"west.db.demo.svc~ A", noData},
		"cluster, SRV":               {"West.db.demo.svc~ SRV", noData},
		"cluster, ANY":               {"west.db.demo.svc~ ANY", noData},
		"cluster, ClusterSetIP":      {"east.web.demo.svc~ A", noData},
		"no such cluster":            {"south.db.demo.svc~ A", nameError},
		"cluster without endpoints":  {"west.empty.demo.svc~ A", nameError},
		"cluster of a portless name": {"west.shadow.demo.svc~ A", noData},
		"cluster of no Service":      {"west.none.demo.svc~ A", nameError},

		"version":              {"dns-version~ TXT", ok(`dns-version~ TXT "1.0.0" ttl 28800`)},
		"version of a cluster": {"dns-version TXT", ok(`dns-version TXT "1.1.0" ttl 28800`)},
		"apex":                 {"~ A", noData},
		"svc":                  {"svc~ A", noData},
		"namespace":            {"demo.svc~ A", noData},
		"without Services":     {"void.svc~ A", noData},
		"no namespace":         {"ghost.svc~ A", nameError},
		"pod":                  {"pod~ A", noData},
		"Pod":                  {"10-0-0-1.demo.pod~ A", nameError},
		"elsewhere":            {"www~ A", nameError},
	})
}

// A name of an endpoint that would be too long for a name is none.
func TestClusterSetLongNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	name := long + "." + long + ".svc~"
	x := newIndex(long, imported{headless(long + "/" + long)},
		inCluster(long, slice(long+"/"+long, "s", ports("/tcp/1"), "10.0.0.1 "+long, "10.0.0.2 short")))
	run(t, x, inSet(), map[string]test{
		"SRV":            {name + " SRV", ok(name+" SRV 0 100 1 short."+long+"."+name, "+", "short."+long+"."+name+" A 10.0.0.2")},
		"A":              {name + " A", ok(name+" A 10.0.0.1", name+" A 10.0.0.2")},
		"PTR":            {"2.0.0.10.in-addr.arpa. PTR", ok("2.0.0.10.in-addr.arpa. PTR short." + long + "." + name)},
		"PTR of no name": {"1.0.0.10.in-addr.arpa. PTR", nameError},
	})
}

// Pods are those of the cluster in every zone.
func TestClusterSetPods(t *testing.T) {
	o := inSet(func(o *answer.Options) { o.Pods = answer.PodsVerified; o.Kinds |= object.Set(object.Pods) })
	run(t, clusterset(), o, map[string]test{
		"Pod":       {"10-0-0-1.demo.pod~ A", ok("10-0-0-1.demo.pod~ A 10.0.0.1")},
		"no Pod":    {"10-1-0-1.demo.pod~ A", nameError},
		"namespace": {"demo.pod~ A", noData},
	})
}

// An address that is nothing in the cluster may have a name in the clusterset.
func TestClusterSetReverse(t *testing.T) {
	tests := map[string]test{
		"ClusterSetIP":                   {"1.0.112.10.in-addr.arpa. PTR", ok("1.0.112.10.in-addr.arpa. PTR web.demo.svc~")},
		"ClusterSetIP, IPv6":             {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.1.1.0.0.0.d.f.ip6.arpa. PTR", ok("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.1.1.0.0.0.d.f.ip6.arpa. PTR web.demo.svc~")},
		"ClusterSetIP, A":                {"1.0.112.10.in-addr.arpa. A", noData},
		"a cluster IP too":               {"1.0.96.10.in-addr.arpa. PTR", ok("1.0.96.10.in-addr.arpa. PTR web.demo.svc")},
		"endpoint":                       {"1.2.1.10.in-addr.arpa. PTR", ok("1.2.1.10.in-addr.arpa. PTR db-0.west.db.demo.svc~")},
		"endpoint in two clusters":       {"2.2.0.10.in-addr.arpa. PTR", ok("2.2.0.10.in-addr.arpa. PTR 10-0-2-2.east.db.demo.svc~", "2.2.0.10.in-addr.arpa. PTR 10-0-2-2.west.db.demo.svc~")},
		"endpoint here too":              {"1.1.0.10.in-addr.arpa. PTR", ok("1.1.0.10.in-addr.arpa. PTR own-0.own.demo.svc")},
		"endpoint of nobody here":        {"1.7.0.10.in-addr.arpa. PTR", ok("1.7.0.10.in-addr.arpa. PTR shadow-1.west.shadow.demo.svc~")},
		"endpoint of a ClusterSetIP":     {"1.0.1.10.in-addr.arpa. PTR", nameError},
		"of no namespace":                {"1.9.112.10.in-addr.arpa. PTR", nameError},
		"endpoint of no namespace":       {"1.9.1.10.in-addr.arpa. PTR", nameError},
		"of a Service that is not there": {"1.7.1.10.in-addr.arpa. PTR", nameError},
		"of nobody":                      {"9.9.9.9.in-addr.arpa. PTR", nameError},
		"network of ClusterSetIPs":       {"112.10.in-addr.arpa. PTR", noData},
		"network of endpoints":           {"2.1.10.in-addr.arpa. PTR", noData},
		"network of nobody":              {"113.10.in-addr.arpa. PTR", nameError},
	}
	run(t, clusterset(), inSet(), tests)

	t.Run("noendpoints", func(t *testing.T) { // is about those of the cluster
		o := inSet(func(o *answer.Options) { o.Kinds &^= object.Set(object.EndpointSlices) })
		run(t, clusterset(), o, map[string]test{
			"headless":          {"db.demo.svc~ AAAA", ok("db.demo.svc~ AAAA fd00:1::2:1")},
			"endpoint":          {"1.2.1.10.in-addr.arpa. PTR", ok("1.2.1.10.in-addr.arpa. PTR db-0.west.db.demo.svc~")},
			"endpoint here too": {"1.1.0.10.in-addr.arpa. PTR", ok("1.1.0.10.in-addr.arpa. PTR shadow-0.west.shadow.demo.svc~")},
		})
	})
	t.Run("off", func(t *testing.T) {
		for name, tc := range tests {
			for _, rr := range tc.want.Answer {
				if got := ask(t, clusterset(), defaults(), tc.in); rr[len(rr)-1] == '~' && got.Result != "NXDOMAIN" {
					t.Errorf("%s: %s: got %v without the option, want NXDOMAIN", name, tc.in, got)
				}
			}
		}
	})
	t.Run("no zone of the cluster", func(t *testing.T) { // that its names could be in
		o := inSet(func(o *answer.Options) { o.PrimaryZone = "" })
		run(t, clusterset(), o, map[string]test{
			"ClusterSetIP":      {"1.0.112.10.in-addr.arpa. PTR", ok("1.0.112.10.in-addr.arpa. PTR web.demo.svc~")},
			"a cluster IP too":  {"1.0.96.10.in-addr.arpa. PTR", ok("1.0.96.10.in-addr.arpa. PTR taken.demo.svc~")},
			"endpoint here too": {"1.1.0.10.in-addr.arpa. PTR", ok("1.1.0.10.in-addr.arpa. PTR shadow-0.west.shadow.demo.svc~")},
			"endpoint of here":  {"1.0.0.10.in-addr.arpa. PTR", nameError},
			"network of here":   {"96.10.in-addr.arpa. PTR", noData}, // of demo/taken
		})
	})
}

func TestClusterSetNamespaces(t *testing.T) {
	o := inSet(func(o *answer.Options) { o.Namespaces = map[string]struct{}{"void": {}} })
	run(t, clusterset(), o, map[string]test{
		"Service":      {"web.demo.svc~ A", nameError},
		"namespace":    {"demo.svc~ A", nameError},
		"another":      {"void.svc~ A", noData},
		"ClusterSetIP": {"1.0.112.10.in-addr.arpa. PTR", nameError},
	})
}

func TestClusterSetOptions(t *testing.T) {
	t.Run("ignore empty_service", func(t *testing.T) {
		o := inSet(func(o *answer.Options) { o.IgnoreEmptyService = true })
		run(t, clusterset(), o, map[string]test{
			"with endpoints": {"web.demo.svc~ A", ok("web.demo.svc~ A 10.112.0.1")},
			"without":        {"portless.demo.svc~ A", nameError},
		})
	})
	t.Run("endpoint_pod_names", func(t *testing.T) {
		x := newIndex("demo", imported{headless("demo/db")},
			inCluster("east", slice("demo/db", "db", ports("/tcp/1"), "10.0.0.1 - db-pod")), inCluster("west", slice("demo/db", "db", ports("/tcp/1"), "10.1.0.1 - db-pod")))
		o := inSet(func(o *answer.Options) { o.EndpointPodNames = true })
		run(t, x, o, map[string]test{
			"Pod":            {"db-pod.west.db.demo.svc~ A", ok("db-pod.west.db.demo.svc~ A 10.1.0.1")},
			"dashed address": {"10-1-0-1.west.db.demo.svc~ A", nameError},
			"SRV": {"db.demo.svc~ SRV", ok("db.demo.svc~ SRV 0 50 1 db-pod.east.db.demo.svc~", "db.demo.svc~ SRV 0 50 1 db-pod.west.db.demo.svc~", "+",
				"db-pod.east.db.demo.svc~ A 10.0.0.1", "db-pod.west.db.demo.svc~ A 10.1.0.1")},
		})
	})
}

// The name servers are Services of the cluster: in the clusterset zone their
// names would have no address, or another one.
func TestClusterSetNameServers(t *testing.T) {
	o := inSet(func(o *answer.Options) { o.Local = addrs("10.0.0.1") })
	run(t, clusterset(), o, map[string]test{
		"NS":     {"~ NS", ok("~ NS web.demo.svc", "+", "web.demo.svc A 10.96.0.1")},
		"ns.dns": {"ns.dns~ A", ok("ns.dns~ A 10.96.0.1")},
		"dns":    {"dns~ A", noData},
	})
	o.PrimaryZone = ""
	run(t, clusterset(), o, map[string]test{
		"NS without a zone of the cluster": {"~ NS", ok("~ NS ns.dns~", "+", "ns.dns~ A 10.0.0.1")},
	})
}

// TestClusterSetSerials: every sort of zone has its own (B7).
func TestClusterSetSerials(t *testing.T) {
	x := clusterset()
	x.Raise(1000)
	x.Imports().Raise(2000)
	soa := func(zone string, serial string) reply {
		return ok(zone + " SOA ns.dns" + zone + " hostmaster" + zone + " " + serial + " 7200 1800 86400 5")
	}
	arpa := func(serial string) reply {
		return ok("in-addr.arpa. SOA ns.dns.in-addr.arpa. hostmaster.in-addr.arpa. " + serial + " 7200 1800 86400 5")
	}
	step := func(name, cluster, set, reverse string) {
		run(t, x, inSet(), map[string]test{
			name + ": cluster":    {"@ SOA", ok("@ SOA ns.dns hostmaster " + cluster + " 7200 1800 86400 5")},
			name + ": clusterset": {"~ SOA", soa("~", set)},
			name + ": reverse":    {"in-addr.arpa. SOA", arpa(reverse)},
		})
	}
	step("read", "1000", "2000", "2000")
	x.SetService(clusterIP("demo/new", addrs("10.96.0.9")), 1)
	step("a Service comes", "1001", "2000", "2001")
	x.Imports().SetService(clusterIP("demo/new", addrs("10.112.0.9")), 1)
	step("an import comes", "1001", "2001", "2002")
	x.Imports().DeleteService("demo", "new")
	step("an import goes", "1001", "2002", "2003")
	x.SetNamespace("more", 1)
	step("a namespace comes", "1002", "2003", "2004")
	x.Raise(500)
	step("nothing comes", "1002", "2003", "2004")
}

// What is not known yet is not denied, and nothing waits for what it does not need.
func TestClusterSetSync(t *testing.T) {
	o := inSet()
	all := o.Kinds
	set := object.Set
	const never = object.Kinds(0)
	tests := map[string]struct {
		in              string
		synced, refused object.Kinds
		want            reply
	}{
		"imports are not read":             {"none.demo.svc~ A", all &^ set(object.ServiceImports), never, notSynced},
		"nor is what they have":            {"web.demo.svc~ A", all &^ set(object.ServiceImports), never, notSynced},
		"endpoints are not read":           {"db.demo.svc~ A", all &^ set(object.ImportSlices), never, notSynced},
		"but are not needed":               {"web.demo.svc~ A", all &^ set(object.ImportSlices), never, ok("web.demo.svc~ A 10.112.0.1")},
		"but are, for a cluster":           {"east.web.demo.svc~ A", all &^ set(object.ImportSlices), never, notSynced},
		"namespaces are not read":          {"web.demo.svc~ A", all &^ set(object.Namespaces), never, notSynced},
		"Services are not needed":          {"web.demo.svc~ A", all &^ set(object.Services, object.EndpointSlices), never, ok("web.demo.svc~ A 10.112.0.1")},
		"imports are refused":              {"web.demo.svc~ A", all &^ set(object.ServiceImports), set(object.ServiceImports), notSynced},
		"a namespace needs no imports":     {"demo.svc~ A", all &^ object.Imports, never, noData},
		"nor does a cluster":               {"web.demo.svc A", all &^ object.Imports, never, ok("web.demo.svc A 10.96.0.1")},
		"nor its apex":                     {"@ SOA", all &^ object.Imports, never, ok("@ SOA ns.dns hostmaster 100 7200 1800 86400 5")},
		"the apex does":                    {"~ SOA", all &^ set(object.ImportSlices), never, notSynced},
		"a reverse apex too":               {"in-addr.arpa. SOA", all &^ set(object.ImportSlices), never, notSynced},
		"but not if they are refused":      {"in-addr.arpa. SOA", all &^ set(object.ServiceImports), set(object.ServiceImports), ok("in-addr.arpa. SOA ns.dns.in-addr.arpa. hostmaster.in-addr.arpa. 200 7200 1800 86400 5")},
		"an address of the cluster":        {"1.0.96.10.in-addr.arpa. PTR", all &^ object.Imports, never, ok("1.0.96.10.in-addr.arpa. PTR web.demo.svc")},
		"an address of neither":            {"9.9.9.9.in-addr.arpa. PTR", all &^ object.Imports, never, notSynced},
		"a ClusterSetIP":                   {"1.0.112.10.in-addr.arpa. PTR", all &^ set(object.ImportSlices), never, ok("1.0.112.10.in-addr.arpa. PTR web.demo.svc~")},
		"an endpoint":                      {"1.2.1.10.in-addr.arpa. PTR", all &^ set(object.ImportSlices), never, notSynced},
		"Services of the cluster":          {"1.0.112.10.in-addr.arpa. PTR", all &^ set(object.Services), never, notSynced},
		"an address, imports are refused":  {"9.9.9.9.in-addr.arpa. PTR", all &^ set(object.ServiceImports), set(object.ServiceImports), nameError},
		"a network":                        {"9.9.9.in-addr.arpa. PTR", all &^ object.Imports, never, notSynced},
		"a network, imports are refused":   {"9.9.9.in-addr.arpa. PTR", all &^ set(object.ServiceImports), set(object.ServiceImports), nameError},
		"a network of the cluster, unread": {"0.96.10.in-addr.arpa. PTR", all &^ object.Imports, never, noData},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			q := question(t, tc.in)
			q.Refused = tc.refused
			x := clusterset()
			x.Raise(100)
			x.Imports().Raise(200)
			got := inWords(answer.Lookup(x, tc.synced, &o, q))
			if diff := cmpReply(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.in, diff)
			}
		})
	}
}

// TestInTreeClusterSet asks what TestMultiClusterServeDNS of the kubernetes
// plugin asks, and says where the answer is another one on purpose.
func TestInTreeClusterSet(t *testing.T) {
	web := ports("http/tcp/80")
	x := newIndex("shop", "hidden",
		imported{clusterIP("shop/one", addrs("192.0.2.1"), "http/tcp/80")}, inCluster("c1", slice("shop/one", "one", web, "198.51.100.1 one-0")),
		imported{clusterIP("shop/six", addrs("2001:db8:1::1"), "http/tcp/80")},
		imported{clusterIP("shop/empty", addrs("192.0.2.1"), "http/tcp/80")}, inCluster("c1", slice("shop/empty", "empty", web)),
		imported{clusterIP("shop/both", addrs("192.0.2.3", "2001:db8:1::3"), "http/tcp/80")},
		imported{headless("shop/hl")},
		inCluster("c1", slice("shop/hl", "hl-4", web, "198.51.100.12", "198.51.100.13", "198.51.100.14 twin", "198.51.100.15 twin")),
		inCluster("c1", slice("shop/hl", "hl-6", web, "2001:db8:2::1", "2001:db8:2::2")),
		imported{headless("shop/hl-portless")}, inCluster("c1", slice("shop/hl-portless", "p", nil, "198.51.100.20")),
		imported{clusterIP("hidden/one", addrs("192.0.2.9"), "http/tcp/80")},
		external("shop/out", "www.example.com."),
	)
	o := inSet(func(o *answer.Options) { o.Namespaces = map[string]struct{}{"shop": {}} })
	run(t, x, o, map[string]test{
		"A of a Service":               {"one.shop.svc~ A", ok("one.shop.svc~ A 192.0.2.1")},
		"A without endpoints":          {"empty.shop.svc~ A", ok("empty.shop.svc~ A 192.0.2.1")},
		"SRV of a Service":             {"one.shop.svc~ SRV", ok("one.shop.svc~ SRV 0 100 80 one.shop.svc~", "+", "one.shop.svc~ A 192.0.2.1")},
		"SRV without endpoints":        {"empty.shop.svc~ SRV", ok("empty.shop.svc~ SRV 0 100 80 empty.shop.svc~", "+", "empty.shop.svc~ A 192.0.2.1")},
		"SRV of an IPv6 Service":       {"six.shop.svc~ SRV", ok("six.shop.svc~ SRV 0 100 80 six.shop.svc~", "+", "six.shop.svc~ AAAA 2001:db8:1::1")},
		"SRV of a port":                {"_http._tcp.one.shop.svc~ SRV", ok("_http._tcp.one.shop.svc~ SRV 0 100 80 one.shop.svc~", "+", "one.shop.svc~ A 192.0.2.1")},
		"SRV of a port, no endpoints":  {"_http._tcp.empty.shop.svc~ SRV", ok("_http._tcp.empty.shop.svc~ SRV 0 100 80 empty.shop.svc~", "+", "empty.shop.svc~ A 192.0.2.1")},
		"SRV of an IPv6 port":          {"_http._tcp.six.shop.svc~ SRV", ok("_http._tcp.six.shop.svc~ SRV 0 100 80 six.shop.svc~", "+", "six.shop.svc~ AAAA 2001:db8:1::1")},
		"A, headless":                  {"hl.shop.svc~ A", ok("hl.shop.svc~ A 198.51.100.12", "hl.shop.svc~ A 198.51.100.13", "hl.shop.svc~ A 198.51.100.14", "hl.shop.svc~ A 198.51.100.15")},
		"A, headless without ports":    {"hl-portless.shop.svc~ A", ok("hl-portless.shop.svc~ A 198.51.100.20")},
		"AAAA, headless":               {"hl.shop.svc~ AAAA", ok("hl.shop.svc~ AAAA 2001:db8:2::1", "hl.shop.svc~ AAAA 2001:db8:2::2")},
		"AAAA of an IPv4 Service":      {"one.shop.svc~ AAAA", noData},
		"AAAA of an IPv6 Service":      {"six.shop.svc~ AAAA", ok("six.shop.svc~ AAAA 2001:db8:1::1")},
		"AAAA of no Service":           {"none.shop.svc~ AAAA", nameError},
		"A of no Service":              {"none.shop.svc~ A", nameError},
		"A in no namespace":            {"none.none.svc~ A", nameError},
		"A in a hidden namespace":      {"one.hidden.svc~ A", nameError},
		"TXT of a Service":             {"one.shop.svc~ TXT", noData},
		"TXT in no namespace":          {"none.none.svc~ TXT", nameError},
		"endpoint of headless, none":   {"none.hl.shop.svc~ A", nameError},
		"endpoint of no Service":       {"none.none.shop.svc~ A", nameError},
		"svc":                          {"svc~ A", noData},
		"pod":                          {"pod~ A", noData},
		"namespace":                    {"shop.svc~ A", noData},
		"NS of svc":                    {"svc~ NS", noData},
		"NS of a namespace":            {"shop.svc~ NS", noData},
		"NS of nothing":                {"foo~ NS", nameError},
		"NS of no namespace":           {"foo.svc~ NS", nameError},
		"dual stack A":                 {"both.shop.svc~ A", ok("both.shop.svc~ A 192.0.2.3")},
		"dual stack AAAA":              {"both.shop.svc~ AAAA", ok("both.shop.svc~ AAAA 2001:db8:1::3")},
		"SOA of a Service":             {"one.shop.svc~ SOA", noData},
		"below an external name":       {"x.out.shop.svc~ CNAME", nameError},
		"two labels below an external": {"x.y.out.shop.svc~ CNAME", nameError},
		"dashed IPv6":                  {"2001-db8-2--2.c1.hl.shop.svc~ AAAA", ok("2001-db8-2--2.c1.hl.shop.svc~ AAAA 2001:db8:2::2")},
		"dashed, portless":             {"198-51-100-20.c1.hl-portless.shop.svc~ A", ok("198-51-100-20.c1.hl-portless.shop.svc~ A 198.51.100.20")},
		"dashed, no cluster":           {"2001-db8-2--1.hl.shop.svc~ AAAA", nameError},
		"dashed IPv4":                  {"198-51-100-12.c1.hl.shop.svc~ A", ok("198-51-100-12.c1.hl.shop.svc~ A 198.51.100.12")},
		"hostname of two":              {"twin.c1.hl.shop.svc~ A", ok("twin.c1.hl.shop.svc~ A 198.51.100.14", "twin.c1.hl.shop.svc~ A 198.51.100.15")},
		"endpoint of a ClusterSetIP":   {"one-0.c1.one.shop.svc~ A", ok("one-0.c1.one.shop.svc~ A 198.51.100.1")},

		// Differs (B19): the version of the other specification there.
		"TXT of the schema": {"dns-version~ TXT", ok(`dns-version~ TXT "1.0.0" ttl 28800`)},
		// Differs (B18): 50 and 16 there.
		"SRV, dual stack": {"both.shop.svc~ SRV", ok("both.shop.svc~ SRV 0 100 80 both.shop.svc~", "+",
			"both.shop.svc~ A 192.0.2.3", "both.shop.svc~ AAAA 2001:db8:1::3")},
		"SRV, headless": {"_http._tcp.hl.shop.svc~ SRV", ok(
			"_http._tcp.hl.shop.svc~ SRV 0 20 80 198-51-100-12.c1.hl.shop.svc~", "_http._tcp.hl.shop.svc~ SRV 0 20 80 198-51-100-13.c1.hl.shop.svc~",
			"_http._tcp.hl.shop.svc~ SRV 0 20 80 2001-db8-2--1.c1.hl.shop.svc~", "_http._tcp.hl.shop.svc~ SRV 0 20 80 2001-db8-2--2.c1.hl.shop.svc~",
			"_http._tcp.hl.shop.svc~ SRV 0 20 80 twin.c1.hl.shop.svc~", "+",
			"198-51-100-12.c1.hl.shop.svc~ A 198.51.100.12", "198-51-100-13.c1.hl.shop.svc~ A 198.51.100.13",
			"2001-db8-2--1.c1.hl.shop.svc~ AAAA 2001:db8:2::1", "2001-db8-2--2.c1.hl.shop.svc~ AAAA 2001:db8:2::2",
			"twin.c1.hl.shop.svc~ A 198.51.100.14", "twin.c1.hl.shop.svc~ A 198.51.100.15")},
		// Differs (RFC 8020): NXDOMAIN there.
		"cluster": {"c1.hl.shop.svc~ A", noData},
	})
}
