// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/operator"
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

// TestMigratePlanRelease runs what the preflight says to get objects from their
// managers, but for what is said to those themselves.
func TestMigratePlanRelease(t *testing.T) {
	const namespace = "other-managed"
	service, _ := foreign(t, namespace)
	settle(t, base(t))
	do(t, "-n", namespace, "annotate", "service/kube-dns", "deployment/coredns", "argocd.argoproj.io/tracking-id=dns:/Service:x/y")
	do(t, "-n", namespace, "label", "service/kube-dns", "addon.kops.k8s.io/name=coredns", "addonmanager.kubernetes.io/mode=Reconcile")
	do(t, "-n", namespace, "label", "--field-manager=eks", "service/kube-dns", "deployment/coredns", "configmap/coredns", "eks.amazonaws.com/component=coredns")
	applied := &corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "kube-dns"}}
	applied.Spec.Selector, applied.Spec.Ports = service.Spec.Selector, service.Spec.Ports
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(applied)
	if err != nil {
		t.Fatal(err)
	}
	delete(content, "status")
	if err := api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: content}), client.FieldOwner("fleet-agent"), client.ForceOwnership); err != nil {
		t.Fatal(err)
	}
	managers := func() (codes []string, commands []string) {
		out, _ := migratePlan(t, "--kubeconfig="+cluster.Kubeconfig, "--namespace="+namespace, "-o=json")
		var p operator.MigrationPlan
		if err := json.Unmarshal([]byte(out), &p); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, f := range p.Findings {
			if strings.HasPrefix(string(f.Code), "AddonManager") {
				codes = append(codes, string(f.Code))
				commands = append(commands, strings.Split(f.Fix, "; then ")[1:]...)
			}
		}
		return codes, commands
	}
	codes, commands := managers()
	if want := []string{"AddonManagerEKS", "AddonManagerArgoCD", "AddonManagerReconcile", "AddonManagerOther", "AddonManagerKOps"}; !slices.Equal(codes, want) {
		t.Fatalf("%v, want %v", codes, want)
	}
	for _, c := range commands {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", c) //nolint:gosec // what people are told to run
		cmd.Env = append(os.Environ(), "KUBECONFIG="+cluster.Kubeconfig)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", c, err, out)
		}
	}
	if codes, _ := managers(); len(codes) > 0 {
		t.Errorf("after %q there is still %v", commands, codes)
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
