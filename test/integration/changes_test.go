// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

// Each test has cluster IPs of its own: the API server may take a while to
// release one.

// namespace returns the manifest of a namespace.
func namespace(name string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {name: %s}}}\n---\n", name, name)
}

// A service is a manifest with spec, in the flow style of YAML.
func service(namespace, name, spec string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Service, metadata: {namespace: %s, name: %s}, spec: {%s}}\n---\n", namespace, name, spec)
}

// slice returns the manifest of an EndpointSlice of the Service name.
func slice(namespace, name, family, endpoints string) string {
	return fmt.Sprintf(`{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice,
  metadata: {namespace: %s, name: %s-1, labels: {kubernetes.io/service-name: %s}},
  addressType: %s, ports: [{name: http, port: 80}], endpoints: [%s]}
---
`, namespace, name, name, family, endpoints)
}

// pod returns the manifest of a Pod that runs.
func pod(namespace, name, ip string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {namespace: %s, name: %s},
  spec: {containers: [{name: c, image: none}]},
  status: {phase: Running, podIP: %s, podIPs: [{ip: %s}]}}
---
`, namespace, name, ip, ip)
}

const http = "ports: [{name: http, port: 80}]"

// What is there when CoreDNS starts is answered from the first query on.
func TestList(t *testing.T) {
	noStore(t)
	logs(t)
	apply(t, namespace("list")+
		service("list", "web", "clusterIP: 10.96.11.1, "+http)+
		service("list", "db", "clusterIP: None, "+http)+
		slice("list", "db", "IPv4", "{addresses: [10.1.11.1], hostname: db-0}, {addresses: [10.1.11.2]}, {addresses: [10.1.11.3], conditions: {ready: false}}")+
		service("list", "out", "type: ExternalName, externalName: example.org")+
		pod("list", "p", "10.1.11.9"))
	s := start(t, block(real()))
	are(t, s,
		fact{"web.list.svc.cluster.local", dns.TypeA, "NOERROR 10.96.11.1"},
		fact{"WEB.List.svc.CLUSTER.local", dns.TypeA, "NOERROR 10.96.11.1"},
		fact{"web.list.svc.cluster.local", dns.TypeAAAA, "NOERROR"},
		fact{"_http._tcp.web.list.svc.cluster.local", dns.TypeSRV, "NOERROR 0 100 80 web.list.svc.cluster.local."},
		fact{"1.11.96.10.in-addr.arpa", dns.TypePTR, "NOERROR web.list.svc.cluster.local."},
		fact{"db.list.svc.cluster.local", dns.TypeA, "NOERROR 10.1.11.1 10.1.11.2"},
		fact{"db-0.db.list.svc.cluster.local", dns.TypeA, "NOERROR 10.1.11.1"},
		fact{"10-1-11-2.db.list.svc.cluster.local", dns.TypeA, "NOERROR 10.1.11.2"},
		fact{"1.11.1.10.in-addr.arpa", dns.TypePTR, "NOERROR db-0.db.list.svc.cluster.local."},
		fact{"3.11.1.10.in-addr.arpa", dns.TypePTR, "NXDOMAIN"},
		fact{"out.list.svc.cluster.local", dns.TypeCNAME, "NOERROR example.org."},
		fact{"10-1-11-9.list.pod.cluster.local", dns.TypeA, "NOERROR 10.1.11.9"},
		fact{"kubernetes.default.svc.cluster.local", dns.TypeA, "NOERROR 10.96.0.1"},
		fact{"missing.list.svc.cluster.local", dns.TypeA, "NXDOMAIN"},
		fact{"list.svc.cluster.local", dns.TypeA, "NOERROR"},
		fact{"missing.svc.cluster.local", dns.TypeA, "NXDOMAIN"},
	)
}

// The creation, change and deletion of each kind is answered.
func TestWatch(t *testing.T) {
	noStore(t)
	logs(t)
	s := start(t, block(real()))
	relists := metric(t, "watch_relists_total", theStore(t))
	apply(t, namespace("watch"))
	become(t, s, fact{"watch.svc.cluster.local", dns.TypeA, "NOERROR"})

	t.Run("services", func(t *testing.T) {
		const name = "web.watch.svc.cluster.local"
		apply(t, service("watch", "web", "clusterIP: 10.96.12.1, "+http))
		become(t, s, fact{name, dns.TypeA, "NOERROR 10.96.12.1"}, fact{name, dns.TypeSRV, "NOERROR 0 100 80 " + name + "."})
		apply(t, service("watch", "web", "clusterIP: 10.96.12.1, ports: [{name: http, port: 8080}]"))
		become(t, s, fact{name, dns.TypeSRV, "NOERROR 0 100 8080 " + name + "."})
		remove(t, service("watch", "web", ""))
		become(t, s, fact{name, dns.TypeA, "NXDOMAIN"}, fact{"1.12.96.10.in-addr.arpa", dns.TypePTR, "NXDOMAIN"})
	})
	t.Run("endpointslices", func(t *testing.T) {
		const name = "db.watch.svc.cluster.local"
		apply(t, service("watch", "db", "clusterIP: None, "+http)+slice("watch", "db", "IPv4", "{addresses: [10.1.12.1]}"))
		become(t, s, fact{name, dns.TypeA, "NOERROR 10.1.12.1"})
		apply(t, slice("watch", "db", "IPv4", "{addresses: [10.1.12.1], conditions: {ready: false}}, {addresses: [10.1.12.2]}"))
		become(t, s, fact{name, dns.TypeA, "NOERROR 10.1.12.2"}, fact{"1.12.1.10.in-addr.arpa", dns.TypePTR, "NXDOMAIN"})
		remove(t, slice("watch", "db", "IPv4", ""))
		become(t, s, fact{name, dns.TypeA, "NXDOMAIN"})
	})
	t.Run("pods", func(t *testing.T) {
		apply(t, pod("watch", "p", "10.1.12.9"))
		become(t, s, fact{"10-1-12-9.watch.pod.cluster.local", dns.TypeA, "NOERROR 10.1.12.9"})
		remove(t, pod("watch", "p", "10.1.12.9"))
		become(t, s, fact{"10-1-12-9.watch.pod.cluster.local", dns.TypeA, "NXDOMAIN"})
	})
	t.Run("namespaces", func(t *testing.T) {
		remove(t, namespace("watch"))
		become(t, s, fact{"watch.svc.cluster.local", dns.TypeA, "NXDOMAIN"})
	})
	if got := metric(t, "watch_relists_total", theStore(t)); got != relists {
		t.Errorf("relists: got %v, want %v: changes come by watch", got, relists)
	}
}

// A namespace that is deleted takes its names with it, and what is in one of
// the same name later has nothing to do with them.
func TestNamespaceRecreated(t *testing.T) {
	noStore(t)
	logs(t)
	s := start(t, block(real()))
	const web, db = "web.again.svc.cluster.local", "db.again.svc.cluster.local"
	apply(t, namespace("again")+
		service("again", "web", "clusterIP: 10.96.13.1, "+http)+
		service("again", "db", "clusterIP: None, "+http)+slice("again", "db", "IPv4", "{addresses: [10.1.13.1]}"))
	become(t, s, fact{web, dns.TypeA, "NOERROR 10.96.13.1"}, fact{db, dns.TypeA, "NOERROR 10.1.13.1"})

	remove(t, namespace("again"))
	become(t, s,
		fact{"again.svc.cluster.local", dns.TypeA, "NXDOMAIN"},
		fact{web, dns.TypeA, "NXDOMAIN"}, fact{db, dns.TypeA, "NXDOMAIN"},
		fact{"1.13.96.10.in-addr.arpa", dns.TypePTR, "NXDOMAIN"}, fact{"1.13.1.10.in-addr.arpa", dns.TypePTR, "NXDOMAIN"})

	apply(t, namespace("again")+service("again", "web", "clusterIP: 10.96.13.2, "+http))
	become(t, s, fact{web, dns.TypeA, "NOERROR 10.96.13.2"}, fact{"2.13.96.10.in-addr.arpa", dns.TypePTR, "NOERROR " + web + "."})
	are(t, s, fact{db, dns.TypeA, "NXDOMAIN"}, fact{"1.13.96.10.in-addr.arpa", dns.TypePTR, "NXDOMAIN"})
}

// A Service becomes one of another type under the same name, and nothing stays
// of what it was.
func TestServiceChangesItsType(t *testing.T) {
	noStore(t)
	logs(t)
	s := start(t, block(real()))
	const name, ptr = "svc.types.svc.cluster.local", "1.14.96.10.in-addr.arpa"
	external := func() {
		apply(t, service("types", "svc", "type: ExternalName, externalName: example.org"))
		become(t, s, fact{name, dns.TypeCNAME, "NOERROR example.org."})
		become(t, s, fact{ptr, dns.TypePTR, "NXDOMAIN"})
	}
	clusterIP := func() {
		apply(t, service("types", "svc", "type: ClusterIP, clusterIP: 10.96.14.1, "+http))
		become(t, s,
			fact{name, dns.TypeA, "NOERROR 10.96.14.1"}, fact{name, dns.TypeCNAME, "NOERROR"},
			fact{ptr, dns.TypePTR, "NOERROR " + name + "."})
	}
	headless := func() {
		// The cluster IP of a Service cannot be taken away: it has to be another Service.
		remove(t, service("types", "svc", ""))
		apply(t, service("types", "svc", "clusterIP: None, "+http))
		become(t, s,
			fact{name, dns.TypeA, "NOERROR 10.1.14.1"}, fact{name, dns.TypeCNAME, "NOERROR"},
			fact{ptr, dns.TypePTR, "NXDOMAIN"}, fact{"1.14.1.10.in-addr.arpa", dns.TypePTR, "NOERROR 10-1-14-1." + name + "."})
	}
	apply(t, namespace("types"))
	external()
	clusterIP()
	external() // frees the address
	clusterIP()
	apply(t, slice("types", "svc", "IPv4", "{addresses: [10.1.14.1]}"))
	headless()
	remove(t, service("types", "svc", ""))
	external()
}

// A dual-stack Service has addresses of both families, as its EndpointSlices do.
func TestDualStack(t *testing.T) {
	noStore(t)
	logs(t)
	apply(t, namespace("dual")+
		service("dual", "web", "ipFamilyPolicy: RequireDualStack, clusterIP: 10.96.15.1, clusterIPs: [10.96.15.1, 'fd00:10:96::71'], "+http)+
		service("dual", "six", "ipFamilyPolicy: SingleStack, ipFamilies: [IPv6], clusterIP: 'fd00:10:96::72', "+http)+
		service("dual", "db", "clusterIP: None, ipFamilyPolicy: RequireDualStack, "+http)+
		slice("dual", "db", "IPv4", "{addresses: [10.1.15.1]}")+
		`{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice,
  metadata: {namespace: dual, name: db-6, labels: {kubernetes.io/service-name: db}},
  addressType: IPv6, ports: [{name: http, port: 80}], endpoints: [{addresses: ['fd00::7:1'], hostname: six}]}`)
	s := start(t, block(real()))
	const reverse = "1.7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa"
	are(t, s,
		fact{"web.dual.svc.cluster.local", dns.TypeA, "NOERROR 10.96.15.1"},
		fact{"web.dual.svc.cluster.local", dns.TypeAAAA, "NOERROR fd00:10:96::71"},
		fact{reverse, dns.TypePTR, "NOERROR web.dual.svc.cluster.local."},
		fact{"six.dual.svc.cluster.local", dns.TypeA, "NOERROR"},
		fact{"six.dual.svc.cluster.local", dns.TypeAAAA, "NOERROR fd00:10:96::72"},
		fact{"db.dual.svc.cluster.local", dns.TypeA, "NOERROR 10.1.15.1"},
		fact{"db.dual.svc.cluster.local", dns.TypeAAAA, "NOERROR fd00::7:1"},
		fact{"six.db.dual.svc.cluster.local", dns.TypeAAAA, "NOERROR fd00::7:1"},
		fact{"six.db.dual.svc.cluster.local", dns.TypeA, "NOERROR"},
	)
}

// Label selectors: what does not have the labels does not exist, and a change
// of labels makes it come and go.
func TestLabelSelectors(t *testing.T) {
	noStore(t)
	logs(t)
	labelled := func(name, ip, colour string) string {
		return fmt.Sprintf("{apiVersion: v1, kind: Service, metadata: {namespace: labels, name: %s, labels: {colour: %s}}, spec: {clusterIP: %s, %s}}\n---\n",
			name, colour, ip, http)
	}
	apply(t, namespace("labels")+namespace("hidden")+
		labelled("blue", "10.96.16.1", "blue")+labelled("red", "10.96.16.2", "red")+
		"{apiVersion: v1, kind: Service, metadata: {namespace: hidden, name: blue, labels: {colour: blue}}, spec: {clusterIP: 10.96.16.3, "+http+"}}")
	s := start(t, block(real(), "labels colour in (blue, green)", "namespace_labels name=labels"))
	are(t, s,
		fact{"blue.labels.svc.cluster.local", dns.TypeA, "NOERROR 10.96.16.1"},
		fact{"red.labels.svc.cluster.local", dns.TypeA, "NXDOMAIN"},
		fact{"blue.hidden.svc.cluster.local", dns.TypeA, "NXDOMAIN"},
		fact{"1.16.96.10.in-addr.arpa", dns.TypePTR, "NOERROR blue.labels.svc.cluster.local."},
		fact{"2.16.96.10.in-addr.arpa", dns.TypePTR, "NXDOMAIN"},
		fact{"3.16.96.10.in-addr.arpa", dns.TypePTR, "NXDOMAIN"}, // B5
	)
	apply(t, labelled("blue", "10.96.16.1", "black")+labelled("red", "10.96.16.2", "green"))
	become(t, s,
		fact{"blue.labels.svc.cluster.local", dns.TypeA, "NXDOMAIN"},
		fact{"red.labels.svc.cluster.local", dns.TypeA, "NOERROR 10.96.16.2"})
	apply(t, "{apiVersion: v1, kind: Namespace, metadata: {name: hidden, labels: {name: labels}}}")
	become(t, s, fact{"hidden.svc.cluster.local", dns.TypeA, "NOERROR"})
	apply(t, "{apiVersion: v1, kind: Service, metadata: {namespace: hidden, name: blue, labels: {colour: blue}}, spec: {clusterIP: 10.96.16.3, "+http+"}}")
	become(t, s, fact{"blue.hidden.svc.cluster.local", dns.TypeA, "NOERROR 10.96.16.3"})
}
