// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestKilledServer kills a server without a warning: there is another one soon.
func TestKilledServer(t *testing.T) {
	before := servers(t)
	do(t, "", "-n", "kube-system", "delete", "pod", before[0], "--grace-period=0", "--force")
	eventually(t, "there is another server", func() bool {
		now := servers(t)
		return len(now) == len(before) && !slices.Contains(now, before[0])
	}, func() string { return strings.Join(servers(t), " ") })
	do(t, "", "-n", "kube-system", "rollout", "status", "deployment/clusterdns", "--timeout=90s")
	programmed(t)
}

// TestNodeLoss takes a node away without a warning. Who asks on the other one is
// answered by the server there, and by two once the node is given up; with the
// node back all is as before.
func TestNodeLoss(t *testing.T) {
	own(t)
	const lost, stays = "node2", "node1"
	// What the servers forward to is not what this is about.
	do(t, "", "-n", "outside", "patch", "deployment", "dns", "-p", `{"spec":{"template":{"spec":{"nodeName":"`+stays+`"}}}}`)
	do(t, "", "-n", "outside", "rollout", "status", "deployment/dns", "--timeout=90s")
	if _, err := world.cluster.Do("stop-node " + lost); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := world.cluster.Do("start-node " + lost); err != nil {
			t.Fatal(err)
		}
		do(t, "", "wait", "--for=condition=Ready", "--timeout=120s", "node/"+lost)
		programmed(t)
	})
	do(t, "", "wait", "--for=condition=Ready=Unknown", "--timeout=120s", "node/"+lost)
	eventually(t, "the Service has servers of the node that stays only", func() bool {
		ready := do(t, "", "-n", "kube-system", "get", "endpointslices", "-l", "kubernetes.io/service-name=kube-dns",
			"-o", `jsonpath={range .items[*].endpoints[?(@.conditions.ready==true)]}{.nodeName}{" "}{end}`)
		return strings.Contains(ready, stays) && !strings.Contains(ready, lost)
	}, func() string { return "" })
	time.Sleep(5 * time.Second) // proxies hear of it a moment later
	do(t, pod("counter-"+stays, stays, usual), "-n", "outside", "apply", "-f", "-")
	c := &counting{pods: map[string]*counted{}}
	t.Cleanup(func() { c.end(t) })
	do(t, "", "-n", "outside", "wait", "--for=condition=Ready", "--timeout=60s", "pod/counter-"+stays)
	c.pods["counter-"+stays] = follow(t, "counter-"+stays)
	eventually(t, "two servers are where they can be", func() bool {
		return do(t, "", "-n", "kube-system", "get", "deployment", "clusterdns", "-o", "jsonpath={.status.availableReplicas}") == "2"
	}, func() string { return do(t, "", "-n", "kube-system", "get", "pods", "-o", "wide") })
	c.none(t)
}

// TestServersAreApart: the loss of one node is not the loss of all servers.
func TestServersAreApart(t *testing.T) {
	own(t)
	do(t, "", "-n", "kube-system", "rollout", "restart", "deployment/clusterdns") // who was driven together stays so
	do(t, "", "-n", "kube-system", "rollout", "status", "deployment/clusterdns", "--timeout=90s")
	on := map[string]string{}
	for _, p := range settled(t) {
		if other := on[p.Spec.NodeName]; other != "" {
			t.Errorf("%s and %s are both on %s, and there are %v", other, p.Name, p.Spec.NodeName, nodes(t))
		}
		on[p.Spec.NodeName] = p.Name
	}
}
