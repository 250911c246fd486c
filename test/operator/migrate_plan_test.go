// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestMigratePlan looks at a cluster where a CoreDNS of somebody else serves.
func TestMigratePlan(t *testing.T) {
	const namespace = "other-plan"
	foreign(t, namespace)
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "allow-dns"}}
	policy.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}
	policy.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{To: []networkingv1.NetworkPolicyPeer{{
		NamespaceSelector: &metav1.LabelSelector{}, PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}},
	}}}}
	putForTest(t, policy)
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "database"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "192.0.2.7"}}
	putForTest(t, service)
	settle(t, base(t))

	out, status := migratePlan(t, "--kubeconfig="+cluster.Kubeconfig, "--namespace="+namespace)
	for _, want := range []string{
		"DNS        CoreDNS v1.12.0\n", "serves     the old DNS\n", "workload   Deployment/coredns, 1 replicas", "ready of Deployment/coredns",
		"ClientPolicySelects: the NetworkPolicy default/allow-dns", "SpecDiffers", "--- ClusterDNS", "spec.acknowledge: [",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in it:\n%s", want, out)
		}
	}
	if failed := strings.Contains(out, "\nerror "); failed != (status == 1) || status > 1 {
		t.Errorf("exit status %d:\n%s", status, out)
	}
	if out, _ := migratePlan(t, "--kubeconfig="+cluster.Kubeconfig, "--namespace="+namespace, "--manifest"); !strings.HasPrefix(out, "apiVersion: clusterdns.io/v1alpha1\n") || !strings.Contains(out, "whoami") {
		t.Errorf("the manifest is\n%s", out)
	}
}

// TestMigratePlanRights reads all that with the rights of the operator.
func TestMigratePlanRights(t *testing.T) {
	settle(t, base(t))
	if out, status := migratePlan(t, "--kubeconfig="+account); status > 1 || !strings.HasPrefix(out, "DNS  ") {
		t.Errorf("exit status %d:\n%s", status, out)
	}
}

func migratePlan(t *testing.T, args ...string) (string, int) {
	t.Helper()
	args = append([]string{"migrate", "plan", "--coredns=" + program("coredns"), "--local-image"}, args...)
	out, err := exec.CommandContext(t.Context(), program("clusterdns"), args...).CombinedOutput() //nolint:gosec // our own
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return string(out), exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	return string(out), 0
}
