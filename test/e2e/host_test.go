// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// TestHostNetworkServers has the servers in the network of their nodes, and back.
func TestHostNetworkServers(t *testing.T) {
	c := count(t)
	give(t, func(s *v1alpha1.ClusterDNSSpec) {
		s.Placement = &v1alpha1.Placement{HostNetwork: true}
	})
	programmed(t)
	for _, p := range settled(t) {
		if p.Status.PodIP != p.Status.HostIP {
			t.Errorf("%s has the address %s on the node %s", p.Name, p.Status.PodIP, p.Status.HostIP)
		}
	}
	api := do(t, "", "-n", "default", "get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}")
	for name, want := range map[string]string{asked: api, "www.corp.example": "203.0.113.80", "www.example.org": "203.0.113.81"} {
		if got := lookUp(t, name); got != want {
			t.Errorf("%s is answered %q, want %s", name, got, want)
		}
	}
	replace(t, base(t))
	programmed(t)
	if ports := do(t, "", "-n", "kube-system", "get", "deployment", "clusterdns", "-o", "jsonpath={.spec.template.spec.containers[*].ports[*].hostPort}"); ports != "" {
		t.Errorf("the servers still have the ports %s of their nodes", ports)
	}
	c.lossless(t)
}

// TestNodeResolvConf forwards to the servers of the nodes, as clusters do by
// default.
func TestNodeResolvConf(t *testing.T) {
	own(t)
	give(t, func(s *v1alpha1.ClusterDNSSpec) { s.Upstreams = nil })
	dns := programmed(t)
	if got := lookUp(t, "www.example.org"); got != "203.0.113.81" {
		t.Errorf("a name outside of the cluster is answered %q", got)
	}
	if n := len(dns.Status.Upstreams); n != 2 || !dns.Status.Upstreams[0].Healthy || !strings.Contains(dns.Status.Upstreams[0].Endpoint, "/etc/resolv.conf") {
		t.Errorf("the upstreams are %+v", dns.Status.Upstreams)
	}
}
