// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"slices"
	"testing"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// TestPlannedChanges changes all that people change, while a Pod on every node
// counts: nothing is lost.
func TestPlannedChanges(t *testing.T) {
	for _, change := range []struct {
		name string
		make func(t *testing.T)
	}{
		{"settings", func(t *testing.T) {
			give(t, withHost("planned.example"))
			programmed(t)
			if got := lookUp(t, "planned.example"); got != "192.0.2.7" {
				t.Errorf("the host is answered %q", got)
			}
		}},
		{"scale", func(t *testing.T) {
			replicas := func(n int32) func(*v1alpha1.ClusterDNSSpec) {
				return func(s *v1alpha1.ClusterDNSSpec) { s.Scaling = &v1alpha1.Scaling{Replicas: &n} }
			}
			for _, n := range []int32{4, 1} {
				give(t, replicas(n))
				eventually(t, "there are as many servers", func() bool { return len(servers(t)) == int(n) }, func() string { return "" })
				do(t, "", "-n", "kube-system", "rollout", "status", "deployment/clusterdns", "--timeout=90s")
			}
		}},
		{"restart", func(t *testing.T) {
			before := servers(t)
			do(t, "", "-n", "kube-system", "rollout", "restart", "deployment/clusterdns")
			eventually(t, "the servers are others", func() bool {
				now := servers(t)
				return len(now) == len(before) && !slices.ContainsFunc(now, func(s string) bool { return slices.Contains(before, s) })
			}, func() string { return "" })
		}},
		{"drain", func(t *testing.T) {
			node := nodes(t)[0]
			t.Cleanup(func() { do(t, "", "uncordon", node) })
			do(t, "", "drain", node, "--pod-selector=app.kubernetes.io/name=clusterdns", "--timeout=90s")
			do(t, "", "-n", "kube-system", "rollout", "status", "deployment/clusterdns", "--timeout=90s")
		}},
		{"one server after the other", func(t *testing.T) {
			for _, s := range servers(t) {
				do(t, "", "-n", "kube-system", "delete", "pod", s)
				do(t, "", "-n", "kube-system", "rollout", "status", "deployment/clusterdns", "--timeout=90s")
			}
		}},
		{"operator", func(t *testing.T) {
			do(t, "", "-n", "kube-system", "delete", "pods", "-l", "app.kubernetes.io/name=clusterdns-operator", "--grace-period=0", "--force")
			do(t, "", "-n", "kube-system", "rollout", "status", "deployment/clusterdns-operator", "--timeout=90s")
			give(t, withHost("operator.example"))
			programmed(t)
		}},
		{"API server", func(t *testing.T) {
			own(t)
			if _, err := world.cluster.Do("restart-apiserver"); err != nil {
				t.Fatal(err)
			}
			give(t, withHost("restarted.example"))
			programmed(t)
		}},
	} {
		t.Run(change.name, func(t *testing.T) {
			c := count(t)
			change.make(t)
			c.lossless(t)
		})
	}
}
