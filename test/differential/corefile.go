// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"
	"strings"
)

// zoneSets are zones that a Corefile may name, the primary one first.
var zoneSets = []string{
	"cluster.local in-addr.arpa ip6.arpa",
	"cluster.local in-addr.arpa ip6.arpa",
	"cluster.local",
	"cluster.local b.cluster.local example.org 10.96.0.0/16 10.1.0.0/16 fd00:96::/32",
	"in-addr.arpa ip6.arpa k8s.example cluster.local",
	"cluster.local 10.1.0.0/20 fd00::/16",
	"k8s.example in-addr.arpa 10.1.0.0/24 10.1.0.1/32 ip6.arpa",
}

// corefile returns a random Corefile with our plugin. api is the URL of the API
// server, next that of the DNS server for the rest of the world.
func (g *generator) corefile(api, next string) string {
	options := []string{"endpoint " + api}
	add := func(percent int, option string) {
		if g.chance(percent) {
			options = append(options, option)
		}
	}
	add(85, "pods "+pick(g, "insecure", "insecure", "verified", "verified", "verified", "disabled"))
	add(30, "endpoint_pod_names")
	add(40, "ttl "+pick(g, "0", "1", "30", "3600"))
	if g.chance(10) {
		options = append(options, "noendpoints")
	} else {
		add(30, "zonal")
	}
	add(20, "strict_compat")
	add(20, "ignore empty_service")
	add(40, "fallthrough "+pick(g, "", "", "in-addr.arpa ip6.arpa", "b.cluster.local", "demo.svc.cluster.local 10.1.0.0/16"))
	add(15, "labels "+pick(g, "team=a", "team", "team in (a, b)", "team notin (b)"))
	switch g.IntN(5) {
	case 0:
		options = append(options, "namespaces demo default svc "+sentinelNamespaces)
	case 1, 2:
		options = append(options, "namespace_labels "+pick(g, "team=a", "team", "team notin (b)"))
	}
	zones := pick(g, zoneSets...)
	if g.sets {
		zones = pick(g, clusterSetZones...)
		add(90, "multicluster "+setZone)
	}
	neighbours := pick(g, "", "", "", "", "", "", "chaos", "chaos", bind())
	keys, outside := ".", ""
	if g.chance(50) { // the zones are those of the server block
		keys, zones = zones, ""
		outside = pick(g, "", fmt.Sprintf(". {\n%s\nforward . %s {\nmax_fails 0\n}\n}\n", neighbours, next))
	}
	return fmt.Sprintf("%s {\n%s\n%s %s {\n%s\n}\nforward . %s {\nmax_fails 0\n}\n}\n%s",
		keys, neighbours, oursName, zones, strings.Join(options, "\n"), next, outside)
}

// bind returns a directive that makes the server listen on one address that
// others may reach, if this machine has one.
func bind() string {
	for _, a := range interfaceAddrs() {
		if a.Is4() && !a.IsLinkLocalUnicast() {
			return "bind " + a.String()
		}
	}
	return ""
}
