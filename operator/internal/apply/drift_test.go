// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// deployment has that many replicas, which a manager set.
func deployment(replicas int64, manager string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"namespace": "kube-system", "name": "clusterdns"},
		"spec": map[string]any{"replicas": replicas}, "status": map[string]any{"replicas": replicas},
	}}
	if manager != "" {
		u.Object["metadata"].(map[string]any)["managedFields"] = []any{map[string]any{ //nolint:forcetypeassert // it was made so
			"manager": manager, "operation": "Update", "time": noon.Format(time.RFC3339), "fieldsType": "FieldsV1",
			"fieldsV1": map[string]any{"f:spec": map[string]any{"f:replicas": map[string]any{}}},
		}}
	}
	return u
}

// corrected is what is told of one change by kubectl.
func corrected(times int32, left bool) []v1alpha1.DriftStatus {
	return []v1alpha1.DriftStatus{{Object: "Deployment/kube-system/clusterdns", Field: "spec.replicas", Manager: "kubectl", Corrected: times, Left: left}}
}

func TestDrift(t *testing.T) {
	counted := 0
	d := NewDrift(func(kind, field string) {
		if counted++; kind != "Deployment" || field != "spec.replicas" {
			t.Errorf("counted %s %s", kind, field)
		}
	})
	status := func(now time.Time, want []v1alpha1.DriftStatus) {
		t.Helper()
		if diff := cmp.Diff(want, d.Status(now)); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
	}
	two, five := deployment(2, ""), deployment(5, "kubectl")
	d.applied(two, deployment(1, "other"), two, true, "own", noon)
	status(noon, nil) // we want what we did not want before
	d.applied(two, two, two, true, "own", noon)
	status(noon, nil)
	d.applied(two, five, two, true, "own", noon)
	status(noon, corrected(1, false))
	status(noon.Add(24*time.Hour+time.Second), nil)

	// Whoever does it again and again is left alone for an hour, but for what we
	// want anew.
	for i := range patience + 1 {
		if d.left(two, noon) {
			t.Errorf("left to kubectl after %d changes", i)
		}
		d.applied(two, five, two, true, "own", noon)
	}
	status(noon, corrected(patience+1, true))
	if !d.left(two, noon) || d.left(deployment(3, ""), noon) || d.left(two, noon.Add(respite)) {
		t.Error("what is left to kubectl is that which was wanted, for a while")
	}
	if counted != 1+patience+1 {
		t.Errorf("%d changes were counted", counted)
	}

	// That it was deleted is told of nobody.
	d = NewDrift(nil)
	d.applied(two, two, two, true, "own", noon)
	d.applied(two, nil, two, false, "own", noon)
	status(noon, []v1alpha1.DriftStatus{{Object: "Deployment/kube-system/clusterdns", Field: "all of it: it was deleted", Corrected: 1}})
}
