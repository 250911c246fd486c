// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator"
)

// TestShowMigration prints errors first, and what is still to be accepted.
func TestShowMigration(t *testing.T) {
	p := operator.MigrationPlan{
		Discovery: operator.MigrationDiscovery{Flavour: v1alpha1.FlavourCoreDNS, Version: "v1.12.0", Provider: "EKS", Serving: true, Ours: false},
		Findings: []v1alpha1.PreflightFinding{
			{Code: "SingleNode", Severity: v1alpha1.SeverityWarning, Message: "there is one node", Fix: "kubectl get nodes"},
			{Code: "AddonManagerEKS", Severity: v1alpha1.SeverityError, Message: "the add-on of EKS writes Service/kube-dns", Fix: "aws eks delete-addon"},
			{Code: "Autoscaler", Severity: v1alpha1.SeverityWarning, Message: "Deployment/a scales deployment/coredns", Fix: "kubectl scale"},
			{Code: "MetricNames", Severity: v1alpha1.SeverityInfo, Message: "metrics have other names"},
		},
		Acknowledged: []v1alpha1.WarningCode{"SingleNode"},
		Now:          &v1alpha1.ClusterDNS{Spec: v1alpha1.ClusterDNSSpec{ManagementState: v1alpha1.Managed}},
		Adopted:      &v1alpha1.ClusterDNS{Spec: v1alpha1.ClusterDNSSpec{ManagementState: v1alpha1.Managed, ClusterDomain: "cluster.local"}},
	}
	const found = `DNS        CoreDNS v1.12.0
provider   EKS
serves     the old DNS

error AddonManagerEKS: the add-on of EKS writes Service/kube-dns
  fix: aws eks delete-addon

warning SingleNode (acknowledged): there is one node
  fix: kubectl get nodes

warning Autoscaler: Deployment/a scales deployment/coredns
  fix: kubectl scale

info MetricNames: metrics have other names

a migration would not begin: errors: 1
to accept the warnings: spec.acknowledge: [Autoscaler]
`
	const manifest = `kind: ClusterDNS
metadata:
  name: default
spec:
  clusterDomain: cluster.local
  managementState: Managed
`
	expectShown(t, p, found+`
what would be otherwise if the ClusterDNS said what the old DNS says

diff ClusterDNS the old DNS
--- ClusterDNS
+++ the old DNS
@@ -1,3 +1,4 @@
 metadata: {}
 spec:
+  clusterDomain: cluster.local
   managementState: Managed
`)
	if !p.Failed() {
		t.Error("a plan with an error did not fail")
	}
	p.Adopted.Kind, p.Adopted.Name = "ClusterDNS", "default"
	p.Now = nil
	expectShown(t, p, found+"\nthe ClusterDNS that says what the old DNS says\n\n"+manifest)
	p.Adopted = nil
	expectShown(t, p, found)
	p.Findings = p.Findings[:1]
	expectShown(t, p, `DNS        CoreDNS v1.12.0
provider   EKS
serves     the old DNS

warning SingleNode (acknowledged): there is one node
  fix: kubectl get nodes

a migration would begin
`)
	if p.Failed() {
		t.Error("a plan without errors failed")
	}
}

func expectShown(t *testing.T, p operator.MigrationPlan, want string) {
	t.Helper()
	var b bytes.Buffer
	if err := showMigration(&b, p); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}
