// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// TestMetrics lints every metric; docs/operator.md has each with its labels.
func TestMetrics(t *testing.T) {
	r := prometheus.NewRegistry()
	m, err := NewMetrics(r)
	if err != nil {
		t.Fatal(err)
	}
	m.Corrected("Deployment", "spec.replicas")
	m.observe(&v1alpha1.ClusterDNSStatus{
		Conditions: []metav1.Condition{{Type: "Accepted", Status: metav1.ConditionTrue, Reason: "Accepted"}},
		Revision:   &v1alpha1.RevisionStatus{Pods: 3, LoadedPods: 2},
		Upstreams: []v1alpha1.UpstreamStatus{{
			Endpoint: "tls://192.0.2.1:853", Zones: []string{"."}, Healthy: true,
			RTT: &metav1.Duration{Duration: time.Millisecond}, CertificateExpires: &metav1.Time{Time: time.Unix(1, 0)},
		}},
	})
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
	manual, err := os.ReadFile("../../../docs/operator.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != 6 {
		t.Errorf("%d metrics have a value, want all 6", len(families))
	}
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		_, rest, found := strings.Cut(string(manual), "* `"+f.GetName()+"{")
		got, _, _ := strings.Cut(rest, "}")
		documented := strings.Split(got, ", ")
		slices.Sort(documented) // as the others are
		if !found || !slices.Equal(documented, labels) {
			t.Errorf("docs/operator.md has %s with the labels %v, want %v", f.GetName(), documented, labels)
		}
	}
	// What is gone from the status is gone from the metrics.
	m.observe(nil)
	families, err = r.Gather()
	if err != nil || len(families) != 1 {
		t.Errorf("%d metrics after the ClusterDNS is gone (%v), want the counter only", len(families), err)
	}
}
