// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/test/internal/clients"
)

// TestDriftIsPutRight has somebody change with kubectl what is the operator's.
func TestDriftIsPutRight(t *testing.T) {
	begin(t, base(t))
	c := clients.Ask(service)
	defer c.None(t)
	image := deployment(t).Spec.Template.Spec.Containers[0].Image
	pdb, role := client.ObjectKey{Namespace: system, Name: "clusterdns"}, client.ObjectKey{Name: "clusterdns:servers"}
	for _, d := range []struct {
		name    string
		kubectl []string
		right   func() bool
		drift   v1alpha1.DriftStatus
	}{
		{
			"scaled", []string{"scale", "deployment", "clusterdns", "--replicas=3"},
			func() bool { return *deployment(t).Spec.Replicas == 1 },
			v1alpha1.DriftStatus{Object: "Deployment/kube-system/clusterdns", Field: "spec.replicas", Manager: "kubectl", Corrected: 1},
		},
		{
			"another image", []string{"set", "image", "deployment/clusterdns", "coredns=registry.example/other:v9"},
			func() bool { return deployment(t).Spec.Template.Spec.Containers[0].Image == image },
			v1alpha1.DriftStatus{Object: "Deployment/kube-system/clusterdns", Field: "spec.template.spec.containers", Manager: "kubectl-set", Corrected: 2},
		},
		{
			"PodDisruptionBudget deleted", []string{"delete", "pdb", "clusterdns"},
			func() bool { return api.Get(t.Context(), pdb, &policyv1.PodDisruptionBudget{}) == nil },
			v1alpha1.DriftStatus{Object: "PodDisruptionBudget/kube-system/clusterdns", Field: "all of it: it was deleted", Corrected: 1},
		},
		{
			"rights of the servers taken", []string{"patch", "clusterrole", "clusterdns:servers", "--type=json", `-p=[{"op":"replace","path":"/rules","value":[]}]`},
			func() bool {
				var r rbacv1.ClusterRole
				return api.Get(t.Context(), role, &r) == nil && len(r.Rules) > 0
			},
			v1alpha1.DriftStatus{Object: "ClusterRole//clusterdns:servers", Field: "rules", Manager: "kubectl-patch", Corrected: 1},
		},
	} {
		t.Run(d.name, func(t *testing.T) {
			do(t, append([]string{"-n", system}, d.kubectl...)...)
			nudge(t, system)
			poll(t, "it is put right", d.right, func() string { return "" })
			var got v1alpha1.DriftStatus
			poll(t, "the status says who did it", func() bool {
				nudge(t, system)
				got = v1alpha1.DriftStatus{}
				for _, s := range current(t).Status.Drift {
					if s.Object == d.drift.Object {
						got = s
					}
				}
				return got.Corrected >= d.drift.Corrected
			}, func() string { return summary(current(t)) })
			if !strings.HasPrefix(got.Field, d.drift.Field) {
				t.Errorf("field %q, want %q", got.Field, d.drift.Field)
			}
			if got.Field = d.drift.Field; got != d.drift {
				t.Errorf("drift %+v, want %+v", got, d.drift)
			}
		})
	}
	programmed(t)
}

// TestStubbornManagerIsLeftAlone has a manager of manifests that will not give way.
func TestStubbornManagerIsLeftAlone(t *testing.T) {
	begin(t, base(t))
	c := clients.Ask(service)
	defer c.None(t)
	manifest := filepath.Join(t.TempDir(), "deployment.yaml")
	const text = `apiVersion: apps/v1
kind: Deployment
metadata: {namespace: kube-system, name: clusterdns}
spec: {template: {spec: {containers: [{name: coredns, image: "registry.example/pinned:v1"}]}}}
`
	if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var d *v1alpha1.ClusterDNS
	poll(t, "Degraded says that somebody keeps changing the Deployment", func() bool {
		do(t, "apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller", "-f", manifest)
		d = current(t)
		return condition(d, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "ForeignManager")
	}, func() string { return summary(current(t)) })
	says(t, d, v1alpha1.ConditionDegraded, "argocd-controller", "Deployment/kube-system/clusterdns")
	if len(d.Status.Drift) != 1 || d.Status.Drift[0].Manager != "argocd-controller" || !d.Status.Drift[0].Left || d.Status.Drift[0].Corrected < 3 {
		t.Errorf("drift %+v, want argocd-controller's, left after some corrections", d.Status.Drift)
	}
	told(t, "ForeignManager", "argocd-controller")
	do(t, "apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller", "-f", manifest)
	for range 3 {
		reconciled(t)
		if got := deployment(t).Spec.Template.Spec.Containers[0].Image; got != "registry.example/pinned:v1" {
			t.Fatalf("the image is %s: it was not left to the other manager", got)
		}
	}
}
