// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// The types of conditions. All have observedGeneration.
const (
	// ConditionAccepted says whether the spec can be rendered: its Corefile was checked.
	ConditionAccepted = "Accepted"
	// ConditionResolvedRefs says whether the ConfigMaps, Secrets and Services that it names are there.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionProgrammed says whether all servers have loaded the revision of this generation.
	ConditionProgrammed = "Programmed"
	// ConditionAvailable says whether the DNS answers.
	ConditionAvailable = "Available"
	// ConditionProgressing says whether a roll-out is under way.
	ConditionProgressing = "Progressing"
	// ConditionDegraded says whether something is not as it should be although the DNS may answer.
	ConditionDegraded = "Degraded"
	// ConditionUpstreamsHealthy says whether every upstream answers.
	ConditionUpstreamsHealthy = "UpstreamsHealthy"
	// ConditionRevisionPinned is there while somebody has the servers at another revision
	// (kubectl rollout undo). It ends when the spec changes.
	ConditionRevisionPinned = "RevisionPinned"
)

// ClusterDNSStatus is what the DNS of a cluster is.
type ClusterDNSStatus struct {
	// observedGeneration is the generation of the spec that this is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions say how it is.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// clusterDomain that is served.
	// +optional
	ClusterDomain string `json:"clusterDomain,omitempty"`
	// clusterIPs of the Service that clients ask.
	// +optional
	// +listType=atomic
	ClusterIPs []string `json:"clusterIPs,omitempty"`
	// revision that is wanted, and how far it has come.
	// +optional
	Revision *RevisionStatus `json:"revision,omitempty"`
	// lastGoodRevision is the one to go back to.
	// +optional
	LastGoodRevision string `json:"lastGoodRevision,omitempty"`
	// upstreams and how they are.
	// +optional
	// +listType=atomic
	Upstreams []UpstreamStatus `json:"upstreams,omitempty"`
	// zones that are answered for or forwarded, and which field says so.
	// +optional
	// +listType=atomic
	Zones []ZoneStatus `json:"zones,omitempty"`
	// drift is what others changed and was put right, or was left to them.
	// +optional
	// +listType=atomic
	Drift []DriftStatus `json:"drift,omitempty"`
}

// RevisionStatus is a Corefile and the servers that have loaded it.
type RevisionStatus struct {
	// name of its ConfigMap.
	Name string `json:"name"`
	// pods that there are.
	Pods int32 `json:"pods"`
	// loadedPods have loaded it and are ready.
	LoadedPods int32 `json:"loadedPods"`
	// loaded is both, to be read: 2/3.
	Loaded string `json:"loaded"`
}

// UpstreamStatus is how one server of an upstream is.
type UpstreamStatus struct {
	// endpoint as the Corefile has it.
	Endpoint string `json:"endpoint"`
	// zones that it is asked for.
	// +listType=atomic
	Zones []string `json:"zones"`
	// healthy says whether it answered the last probe.
	Healthy bool `json:"healthy"`
	// rtt is how long the last answer took.
	// +optional
	RTT *metav1.Duration `json:"rtt,omitempty"`
	// lastRcode is the response code of the last answer.
	// +optional
	LastRcode string `json:"lastRcode,omitempty"`
	// certificateExpires is when its certificate does.
	// +optional
	CertificateExpires *metav1.Time `json:"certificateExpires,omitempty"`
	// message says what is wrong.
	// +optional
	Message string `json:"message,omitempty"`
}

// ZoneStatus is a zone and where it comes from.
type ZoneStatus struct {
	// zone as the Corefile has it.
	Zone string `json:"zone"`
	// origin is the field of the spec.
	Origin string `json:"origin"`
}

// DriftStatus is what somebody else changed in an object.
type DriftStatus struct {
	// object as kind/namespace/name.
	Object string `json:"object"`
	// field that was changed.
	// +optional
	Field string `json:"field,omitempty"`
	// manager that changed it.
	// +optional
	Manager string `json:"manager,omitempty"`
	// corrected is how often it was put right.
	Corrected int32 `json:"corrected"`
	// left says that it is no longer put right, since the manager keeps changing it.
	// +optional
	Left bool `json:"left,omitempty"`
}
