// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DNSMigration brings the Service that clients ask from the DNS that serves it to
// that of the ClusterDNS, without losing a query. There is one, called default.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,path=dnsmigrations,shortName=dnsmig,categories=networking
// +kubebuilder:printcolumn:name=From,type=string,JSONPath=`.status.from`
// +kubebuilder:printcolumn:name=Phase,type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name=Blocked,type=string,JSONPath=`.status.conditions[?(@.type=="Blocked")].status`
// +kubebuilder:printcolumn:name=Lost,type=integer,JSONPath=`.status.lostQueries`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name == 'default'",message="there is one DNSMigration in a cluster: call it default"
type DNSMigration struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is how to go about it.
	// +optional
	Spec DNSMigrationSpec `json:"spec,omitempty,omitzero"`
	// status is how far it has come.
	// +optional
	Status DNSMigrationStatus `json:"status,omitempty,omitzero"`
}

// DNSMigrationList is a list of DNSMigration.
//
// +kubebuilder:object:root=true
type DNSMigrationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DNSMigration `json:"items"`
}

// Flavour is which DNS serves.
//
// +kubebuilder:validation:Enum=auto;KubeDNS;CoreDNS
type Flavour string

// The flavours.
const (
	FlavourAuto    Flavour = "auto"
	FlavourKubeDNS Flavour = "KubeDNS"
	FlavourCoreDNS Flavour = "CoreDNS"
)

// Cleanup says what becomes of the old DNS in the end.
//
// +kubebuilder:validation:Enum=Retain;Delete
type Cleanup string

const (
	// Retain leaves the old workloads at no replicas, ready to come back.
	CleanupRetain Cleanup = "Retain"
	// Delete deletes the old workloads and their configuration; the snapshot stays.
	CleanupDelete Cleanup = "Delete"
)

// DNSMigrationSpec is how to bring the DNS over.
type DNSMigrationSpec struct {
	// from is the DNS that is expected. With auto it is found out; another one is an error.
	// +optional
	// +kubebuilder:default=auto
	From Flavour `json:"from,omitempty"`
	// acknowledge has the codes of warnings that are known and accepted. One that is not
	// there stops the migration before it begins.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Acknowledge []WarningCode `json:"acknowledge,omitempty"`
	// soak is how long the old servers stay ready to take over again, 24h by default.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('720h')",message="must be between 0s and 720h"
	Soak *metav1.Duration `json:"soak,omitempty"`
	// probes are asked of old and new servers beside what the cluster has.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Probes []Probe `json:"probes,omitempty"`
	// rollback says when to go back.
	// +optional
	Rollback *MigrationRollback `json:"rollback,omitempty"`
	// cleanup says what becomes of the old DNS in the end.
	// +optional
	// +kubebuilder:default=Retain
	Cleanup Cleanup `json:"cleanup,omitempty"`
	// pause takes no further step; what is there goes on.
	// +optional
	Pause bool `json:"pause,omitempty"`
}

// WarningCode names a warning of the preflight.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[A-Z][A-Za-z0-9]*$`
type WarningCode string

// MigrationRollback says when to go back to the old servers.
type MigrationRollback struct {
	// requested goes back now, from any phase, and stays there.
	// +optional
	Requested bool `json:"requested,omitempty"`
	// onProbeFailure goes back by itself when a server or a probe fails, which it does by default.
	// +optional
	OnProbeFailure *bool `json:"onProbeFailure,omitempty"`
}

// MigrationPhase is how far a migration has come.
type MigrationPhase string

// The phases, see ADR 11.
const (
	PhasePreflight  MigrationPhase = "Preflight"
	PhaseShadow     MigrationPhase = "Shadow"
	PhaseCanary     MigrationPhase = "Canary"
	PhaseOverlap    MigrationPhase = "Overlap"
	PhaseCutOver    MigrationPhase = "CutOver"
	PhaseSoak       MigrationPhase = "Soak"
	PhaseFinalise   MigrationPhase = "Finalise"
	PhaseFinalised  MigrationPhase = "Finalised"
	PhaseRolledBack MigrationPhase = "RolledBack"
)

// Conditions of a DNSMigration.
const (
	// ConditionBlocked is True if a person has to do something first.
	ConditionBlocked = "Blocked"
	// ConditionMigrated is True once the Service is served by the ClusterDNS.
	ConditionMigrated = "Migrated"
)

// DNSMigrationStatus is how far a migration has come.
type DNSMigrationStatus struct {
	// observedGeneration is that of the spec that this is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// phase is how far it has come.
	// +optional
	Phase MigrationPhase `json:"phase,omitempty"`
	// from is the DNS that was found, and who installed it.
	// +optional
	From string `json:"from,omitempty"`
	// provider is who looks after the cluster: kubeadm, EKS, AKS, GKE, k3s and so on.
	// +optional
	Provider string `json:"provider,omitempty"`
	// preflight is what was found before it began.
	// +optional
	// +listType=atomic
	Preflight []PreflightFinding `json:"preflight,omitempty"`
	// shadow is how the answers of old and new servers compare.
	// +optional
	Shadow *ShadowReport `json:"shadow,omitempty"`
	// lostQueries is how many of the numbered queries of the loss meter got no answer, or a
	// wrong one, since the migration began.
	// +optional
	LostQueries *int64 `json:"lostQueries,omitempty"`
	// meteredQueries is how many there were.
	// +optional
	MeteredQueries *int64 `json:"meteredQueries,omitempty"`
	// snapshot is the ConfigMap with what was there before, as namespace/name.
	// +optional
	Snapshot string `json:"snapshot,omitempty"`
	// conditions are Blocked, Migrated, Progressing and Degraded.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// FindingSeverity says what a finding means for a migration.
type FindingSeverity string

// The severities.
const (
	SeverityError   FindingSeverity = "Error"   // the migration does not begin
	SeverityWarning FindingSeverity = "Warning" // it begins once it is acknowledged
	SeverityInfo    FindingSeverity = "Info"
)

// A PreflightFinding is something to know, or to do, before a migration.
type PreflightFinding struct {
	// code names the finding; acknowledge has it.
	Code WarningCode `json:"code"`
	// severity says what it means.
	Severity FindingSeverity `json:"severity"`
	// message says what was found.
	Message string `json:"message"`
	// fix is what to do about it, a command where there is one.
	// +optional
	Fix string `json:"fix,omitempty"`
}

// A ShadowReport says how the answers of old and new servers compare.
type ShadowReport struct {
	// queries is how many were asked of both.
	Queries int32 `json:"queries"`
	// explained differ in a way that is known and harmless.
	Explained int32 `json:"explained"`
	// mismatches differ otherwise.
	Mismatches int32 `json:"mismatches"`
	// samples are some of those.
	// +optional
	// +listType=atomic
	Samples []string `json:"samples,omitempty"`
}
