// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Rollout says how a change gets to the servers: first to one Pod, which has to
// answer all probes, then to the others. If a probe fails the last good revision comes back.
type Rollout struct {
	// paused rolls nothing out; what would be is in the status.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// progressDeadline is how long a roll-out may go without a further server, 5m by default.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('30s') && duration(self) <= duration('1h')",message="must be between 30s and 1h"
	ProgressDeadline *metav1.Duration `json:"progressDeadline,omitempty"`
	// lameduck is how long a server that is to end goes on answering, 15s by default. It is
	// not ready meanwhile: after 6 seconds it is no endpoint any more, and a moment later proxies
	// lead flows that had been sent to it elsewhere. With less than about 10s queries are lost.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('5m')",message="must be between 0s and 5m"
	Lameduck *metav1.Duration `json:"lameduck,omitempty"`
	// revisions that are kept.
	// +optional
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=50
	Revisions *int32 `json:"revisions,omitempty"`
	// probes are asked beside those that follow from the other fields.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Probes []Probe `json:"probes,omitempty"`
}

// QueryType is the type of a record (RFC 1035, 2782, 3596).
//
// +kubebuilder:validation:Enum=A;AAAA;CNAME;MX;NS;PTR;SOA;SRV;TXT
type QueryType string

// A Probe is a question that new servers have to answer.
type Probe struct {
	// name of the probe.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Name string `json:"name"`
	// domain is asked for.
	Domain Domain `json:"domain"`
	// type of the record.
	// +optional
	// +kubebuilder:default=A
	Type QueryType `json:"type,omitempty"`
	// answers are addresses of which one has to be there. Without it any record will do.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	Answers []Address `json:"answers,omitempty"`
}

// WorkloadKind is of which kind the servers are.
//
// +kubebuilder:validation:Enum=Deployment;DaemonSet
type WorkloadKind string

// Scaling says how many servers there are.
//
// +kubebuilder:validation:XValidation:rule="!has(self.workload) || self.workload != 'DaemonSet' || !(has(self.replicas) || has(self.proportional))",message="a DaemonSet has a server on each node: remove replicas and proportional"
// +kubebuilder:validation:XValidation:rule="!has(self.replicas) || !has(self.proportional)",message="set one of replicas and proportional"
type Scaling struct {
	// workload is of which kind the servers are.
	// +optional
	// +kubebuilder:default=Deployment
	Workload WorkloadKind `json:"workload,omitempty"`
	// replicas is the number of servers.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Replicas *int32 `json:"replicas,omitempty"`
	// proportional follows the size of the cluster.
	// +optional
	Proportional *Proportional `json:"proportional,omitempty"`
}

// Proportional follows the size of the cluster: the larger of two numbers, within bounds.
//
// +kubebuilder:validation:XValidation:rule="!has(self.min) || !has(self.max) || self.min <= self.max",message="min is more than max"
type Proportional struct {
	// coresPerReplica is how many processors of nodes one server is for.
	// +optional
	// +kubebuilder:validation:Minimum=1
	CoresPerReplica *int32 `json:"coresPerReplica,omitempty"`
	// nodesPerReplica is how many nodes one server is for.
	// +optional
	// +kubebuilder:validation:Minimum=1
	NodesPerReplica *int32 `json:"nodesPerReplica,omitempty"`
	// min number of servers.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Min *int32 `json:"min,omitempty"`
	// max number of servers.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Max *int32 `json:"max,omitempty"`
}

// Placement says where the servers run.
type Placement struct {
	// nodeSelector has the labels of their nodes.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// tolerations beside those for control planes and critical addons.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// hostNetwork has them in the network of their nodes.
	// +optional
	HostNetwork bool `json:"hostNetwork,omitempty"`
}

// Disruption says how many servers may be away for maintenance.
//
// +kubebuilder:validation:XValidation:rule="has(self.maxUnavailable) && (type(self.maxUnavailable) == int ? self.maxUnavailable >= 1 : self.maxUnavailable.matches('^([1-9]|[1-9][0-9])%$'))",message="maxUnavailable must be a number of at least 1, or 1% to 99%: with 0 no node could be drained"
type Disruption struct {
	// maxUnavailable is how many may be away at the same time.
	// +kubebuilder:validation:XIntOrString
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable"`
}

// NetworkPolicy says whether one is made for the servers: queries may come in,
// and out goes what the API server and the upstreams need.
type NetworkPolicy struct {
	// enabled makes it.
	Enabled bool `json:"enabled"`
}

// Observability says what the servers tell of themselves.
type Observability struct {
	// log has every query in the log, or those with some results only.
	// +optional
	Log *Log `json:"log,omitempty"`
	// serviceMonitor makes one for the Prometheus operator, if that is there.
	// +optional
	ServiceMonitor bool `json:"serviceMonitor,omitempty"`
}

// LogClass is a sort of answers.
//
// +kubebuilder:validation:Enum=All;Success;Denial;Error
type LogClass string

// Log has queries in the log.
type Log struct {
	// classes of answers that are in it.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +kubebuilder:validation:XValidation:rule="!('All' in self) || self.size() == 1",message="All has the others in it: remove them"
	Classes []LogClass `json:"classes"`
	// zones that are logged. Without it all are.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	Zones []Zone `json:"zones,omitempty"`
}
