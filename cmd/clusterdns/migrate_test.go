// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// TestDescribeMigration shows how far it is, what was lost, and what a person has to do.
func TestDescribeMigration(t *testing.T) {
	m := &v1alpha1.DNSMigration{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: v1alpha1.DNSMigrationStatus{
		ObservedGeneration: 2, Phase: v1alpha1.PhaseSoak, From: "CoreDNS v1.12.0", Provider: "kubeadm", Snapshot: "kube-system/clusterdns-migration",
		Shadow:      &v1alpha1.ShadowReport{Queries: 200, Explained: 3},
		LostQueries: new(int64(0)), MeteredQueries: new(int64(1234)),
		Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionBlocked, Status: metav1.ConditionFalse},
			{Type: v1alpha1.ConditionMigrated, Status: metav1.ConditionTrue, Message: "the old servers can take over again"},
			{Type: v1alpha1.ConditionProgressing, Status: metav1.ConditionFalse, Message: "the old servers can take over again"},
		},
	}}
	const soak = `DNSMigration default, from CoreDNS v1.12.0 of kubeadm
[============    ] Soak
Migrated     True   the old servers can take over again
shadow       200 questions to old and new servers: 0 differ, 3 more in a way that is known
lost         0 of 1234 queries
snapshot     ConfigMap kube-system/clusterdns-migration
`
	if diff := cmp.Diff(soak, describeMigration(m)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	m.Generation, m.Spec.Acknowledge = 3, []v1alpha1.WarningCode{"SingleNode"}
	m.Status = v1alpha1.DNSMigrationStatus{ObservedGeneration: 2, Phase: v1alpha1.PhasePreflight, From: "KubeDNS 1.26.7", Preflight: []v1alpha1.PreflightFinding{
		{Code: "SingleNode", Severity: v1alpha1.SeverityWarning, Message: "there is one node"},
		{Code: "MetricNames", Severity: v1alpha1.SeverityInfo, Message: "metrics have other names"},
	}, Conditions: []metav1.Condition{{Type: v1alpha1.ConditionBlocked, Status: metav1.ConditionTrue, Message: "somebody has to do something"}}}
	const preflight = `DNSMigration default, from KubeDNS 1.26.7
[==              ] Preflight
the operator has not seen the last change (generation 3, it saw 2): is it running?
Blocked      True   somebody has to do something

warning SingleNode (acknowledged): there is one node
`
	if diff := cmp.Diff(preflight, describeMigration(m)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

// TestUnaccepted: what stops a migration is what nobody accepted, but not that there
// is no ClusterDNS yet.
func TestUnaccepted(t *testing.T) {
	p := operator.MigrationPlan{Findings: []v1alpha1.PreflightFinding{
		{Code: "NoClusterDNS", Severity: v1alpha1.SeverityError}, {Code: "TargetPort", Severity: v1alpha1.SeverityError},
		{Code: "SingleNode", Severity: v1alpha1.SeverityWarning}, {Code: "Autoscaler", Severity: v1alpha1.SeverityWarning}, {Code: "MetricNames", Severity: v1alpha1.SeverityInfo},
	}}
	m := &v1alpha1.DNSMigration{Spec: v1alpha1.DNSMigrationSpec{Acknowledge: []v1alpha1.WarningCode{"SingleNode", "TargetPort"}}}
	var got []string
	for _, f := range unaccepted(p, m) {
		got = append(got, string(f.Code))
	}
	if diff := cmp.Diff([]string{"TargetPort", "Autoscaler"}, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}
