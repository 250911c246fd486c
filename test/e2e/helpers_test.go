// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// do runs kubectl, which must succeed.
func do(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := world.kubectl(stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// own skips a test that does something to nodes which only ours stand.
func own(t *testing.T) {
	t.Helper()
	if world.cluster == nil {
		t.Skip("skipped: it does something to the nodes, and this cluster is somebody else's")
	}
}

// eventually asks until is says yes.
func eventually(t *testing.T, what string, is func() bool, why func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s\n%s", patience, what, why())
		}
	}
}

func nodes(t *testing.T) []string {
	t.Helper()
	return strings.Fields(do(t, "", "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"))
}

// servers returns the names of the DNS servers that are not to end.
func servers(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, p := range serverPods(t) {
		if p.DeletionTimestamp == nil {
			names = append(names, p.Name)
		}
	}
	return names
}

// settled returns the DNS servers once those that were told to end are gone.
func settled(t *testing.T) []corev1.Pod {
	t.Helper()
	eventually(t, "servers that end are gone", func() bool { return len(servers(t)) == len(serverPods(t)) }, func() string { return "" })
	return serverPods(t)
}

// serverPods returns all DNS servers.
func serverPods(t *testing.T) []corev1.Pod {
	t.Helper()
	pods, err := world.client.CoreV1().Pods("kube-system").List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=clusterdns,app.kubernetes.io/component=server"})
	if err != nil {
		t.Fatal(err)
	}
	return pods.Items
}

// base is the ClusterDNS that the tests begin with.
func base(t *testing.T) *v1alpha1.ClusterDNS {
	t.Helper()
	text, err := os.ReadFile(testdata("clusterdns.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dns := &v1alpha1.ClusterDNS{}
	if err := yaml.UnmarshalStrict(text, dns); err != nil {
		t.Fatal(err)
	}
	return dns
}

// give changes the ClusterDNS from the base, until the test ends.
func give(t *testing.T, change func(*v1alpha1.ClusterDNSSpec)) {
	t.Helper()
	dns := base(t)
	change(&dns.Spec)
	replace(t, dns)
	t.Cleanup(func() {
		replace(t, base(t))
		programmed(t)
	})
}

// replace writes the ClusterDNS as a whole.
func replace(t *testing.T, dns *v1alpha1.ClusterDNS) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"apiVersion": dns.APIVersion, "kind": dns.Kind, "metadata": map[string]any{"name": dns.Name}, "spec": dns.Spec})
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	eventually(t, "the ClusterDNS is written", func() bool {
		// The operator may write the status between reading and writing.
		_, failed = world.kubectl(string(text), "replace", "-f", "-")
		return failed == nil || !strings.Contains(failed.Error(), "(Conflict)")
	}, func() string { return fmt.Sprint(failed) })
	if failed != nil {
		t.Fatal(failed)
	}
}

func current(t *testing.T) *v1alpha1.ClusterDNS {
	t.Helper()
	dns := &v1alpha1.ClusterDNS{}
	if err := json.Unmarshal([]byte(do(t, "", "get", "clusterdns", "default", "-o", "json")), dns); err != nil {
		t.Fatal(err)
	}
	return dns
}

// await returns the ClusterDNS once a condition is so for what it says now.
func await(t *testing.T, kind string, status metav1.ConditionStatus, reason string) *v1alpha1.ClusterDNS {
	t.Helper()
	var dns *v1alpha1.ClusterDNS
	eventually(t, fmt.Sprintf("%s %s %s", kind, status, reason), func() bool {
		dns = current(t)
		c := meta.FindStatusCondition(dns.Status.Conditions, kind)
		return c != nil && c.Status == status && c.ObservedGeneration == dns.Generation && (reason == "" || c.Reason == reason)
	}, func() string { return conditions(dns) })
	return dns
}

func conditions(dns *v1alpha1.ClusterDNS) string {
	var b strings.Builder
	for _, c := range dns.Status.Conditions {
		fmt.Fprintf(&b, "%s %s %s (generation %d of %d): %s\n", c.Type, c.Status, c.Reason, c.ObservedGeneration, dns.Generation, c.Message)
	}
	return b.String()
}

// programmed returns the ClusterDNS once all servers have what it says.
func programmed(t *testing.T) *v1alpha1.ClusterDNS {
	t.Helper()
	return await(t, v1alpha1.ConditionProgrammed, metav1.ConditionTrue, "")
}

// withHost gives the cluster a host, which is another Corefile for each name.
func withHost(name string) func(*v1alpha1.ClusterDNSSpec) {
	return func(s *v1alpha1.ClusterDNSSpec) {
		s.Hosts = append(s.Hosts, v1alpha1.Host{Name: v1alpha1.Domain(name), Addresses: []v1alpha1.Address{"192.0.2.7"}})
	}
}

// lookUp asks the DNS from a Pod of the namespace outside.
func lookUp(t *testing.T, name string) string {
	t.Helper()
	return do(t, "", "-n", "outside", "exec", "client", "--", "dig", "@"+world.address(), "+short", name)
}
