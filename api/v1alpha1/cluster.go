// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PodNames says which names of Pods are answered by their address.
//
// +kubebuilder:validation:Enum=Disabled;Insecure;Verified
type PodNames string

// The modes of the option pods of the plugin.
const (
	PodsDisabled PodNames = "Disabled"
	PodsInsecure PodNames = "Insecure"
	PodsVerified PodNames = "Verified"
)

// ReverseNames says which names of an endpoint a reverse lookup tells.
//
// +kubebuilder:validation:Enum=All;Hostname;Single
type ReverseNames string

// Cluster says how Services and Pods are answered for: the options of the plugin.
//
// +kubebuilder:validation:XValidation:rule="!has(self.podRecords) || !self.podRecords || has(self.pods) && self.pods == 'Verified'",message="podRecords needs pods: Verified"
// +kubebuilder:validation:XValidation:rule="!has(self.autopath) || !self.autopath || has(self.pods) && self.pods == 'Verified'",message="autopath needs pods: Verified"
// +kubebuilder:validation:XValidation:rule="!has(self.namespaces) || !has(self.namespaceSelector)",message="set one of namespaces and namespaceSelector"
// +kubebuilder:validation:XValidation:rule="!has(self.noEndpoints) || !self.noEndpoints || !(has(self.zonal) && self.zonal || has(self.topology))",message="zonal and topology are about endpoints: remove them, or noEndpoints"
// +kubebuilder:validation:XValidation:rule="!has(self.staleTTL) || !has(self.staleAfter) || duration(self.staleAfter) > duration('0s')",message="no answer is stale with staleAfter 0s: remove staleTTL, or set staleAfter"
type Cluster struct {
	// pods says which names of Pods are answered by their address.
	// +optional
	Pods PodNames `json:"pods,omitempty"`
	// podRecords answers for Pods by their names.
	// +optional
	PodRecords bool `json:"podRecords,omitempty"`
	// endpointPodNames calls endpoints like their Pods.
	// +optional
	EndpointPodNames bool `json:"endpointPodNames,omitempty"`
	// ttl of records, in seconds.
	// +optional
	TTL *Seconds `json:"ttl,omitempty"`
	// negativeTTL is that of denials, in seconds.
	// +optional
	NegativeTTL *Seconds `json:"negativeTTL,omitempty"`
	// namespaces that are answered for.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Namespaces []string `json:"namespaces,omitempty"`
	// namespaceSelector selects those that are answered for.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// selector selects the Services that are answered for.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// reverseZones are answered for. Without it all addresses are, and those that the
	// cluster does not know are asked for upstream.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.all(z, z.contains('/') || z == 'in-addr.arpa' || z == 'ip6.arpa' || z.endsWith('.in-addr.arpa') || z.endsWith('.ip6.arpa'))",message="must be networks like 10.0.0.0/8, or zones below in-addr.arpa and ip6.arpa"
	ReverseZones []Zone `json:"reverseZones,omitempty"`
	// reverseNames says which names of an endpoint of several Services a reverse lookup tells.
	// +optional
	ReverseNames ReverseNames `json:"reverseNames,omitempty"`
	// zonal answers names with topology zones.
	// +optional
	Zonal bool `json:"zonal,omitempty"`
	// topology answers headless Services by where the client is.
	// +optional
	Topology *Topology `json:"topology,omitempty"`
	// clusterSets are the zones of the clusterset.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	ClusterSets []Domain `json:"clusterSets,omitempty"`
	// maxAnswers is how many endpoints are answered at most.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	MaxAnswers *int32 `json:"maxAnswers,omitempty"`
	// noEndpoints does not read EndpointSlices.
	// +optional
	NoEndpoints bool `json:"noEndpoints,omitempty"`
	// ignoreEmptyService denies Services without a ready endpoint.
	// +optional
	IgnoreEmptyService bool `json:"ignoreEmptyService,omitempty"`
	// autopath goes the search path of Pods on the server.
	// +optional
	Autopath bool `json:"autopath,omitempty"`
	// explain answers why a name is answered as it is.
	// +optional
	Explain bool `json:"explain,omitempty"`
	// strictCompat repeats what the kubernetes plugin denies by mistake.
	// +optional
	StrictCompat bool `json:"strictCompat,omitempty"`
	// staleAfter is how long the API server may be silent before answers are called stale.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) == duration('0s') || duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="must be 0s, which is for ever, or between 1s and 24h"
	StaleAfter *metav1.Duration `json:"staleAfter,omitempty"`
	// staleTTL is the longest TTL of stale answers, in seconds.
	// +optional
	StaleTTL *Seconds `json:"staleTTL,omitempty"`
	// audit is how often what was read is compared with what the API server has.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) == duration('0s') || duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="must be 0s, which is never, or between 1s and 24h"
	Audit *metav1.Duration `json:"audit,omitempty"`
}

// TopologyMode says what the name of a headless Service is answered with.
//
// +kubebuilder:validation:Enum=Prefer;Order
type TopologyMode string

// Topology answers headless Services by where the client is.
//
// +kubebuilder:validation:XValidation:rule="!has(self.min) || self.mode == 'Prefer'",message="min needs mode Prefer: with Order all endpoints are answered"
type Topology struct {
	// mode is Prefer (near endpoints only) or Order (all, the near ones first).
	Mode TopologyMode `json:"mode"`
	// min is how many near endpoints are enough.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	Min *int32 `json:"min,omitempty"`
}

// A Host is a name with addresses of its own.
type Host struct {
	// name of the host.
	Name Domain `json:"name"`
	// addresses of the host.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Addresses []Address `json:"addresses"`
}

// RewriteKind says how a name is matched.
//
// +kubebuilder:validation:Enum=Exact;Suffix;Prefix;Regex
type RewriteKind string

// A Rewrite changes names that are asked for. The answer has the name of the question.
//
// +kubebuilder:validation:XValidation:rule="self.kind != 'Exact' && self.kind != 'Suffix' || self.from.matches('^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\\\\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$') && self.to.matches('^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\\\\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$')",message="Exact and Suffix need domain names in lower case, without a dot at the end"
type Rewrite struct {
	// kind says how a name is matched.
	Kind RewriteKind `json:"kind"`
	// from is what is matched: a name, its end, its beginning, or an expression.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\"#[:space:][:cntrl:]]') && !self.contains('{$') && !self.contains('{%') && !self.endsWith('\\\\')",message="must have no space, no quote, no # and no reference to the environment, and no backslash at its end"
	From string `json:"from"`
	// to is what takes its place. {1} stands for a group of the expression.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9._-]|\{[0-9]\})+$`
	To string `json:"to"`
	// stop leaves it at this rewrite.
	// +optional
	Stop bool `json:"stop,omitempty"`
}

// Extra is Corefile text. It is parsed and checked before it is rolled out.
type Extra struct {
	// before stands in front of the directives of the default server block.
	// +optional
	// +kubebuilder:validation:MaxLength=16384
	Before string `json:"before,omitempty"`
	// after stands behind them.
	// +optional
	// +kubebuilder:validation:MaxLength=16384
	After string `json:"after,omitempty"`
	// blocks are server blocks and snippets.
	// +optional
	// +kubebuilder:validation:MaxLength=65536
	Blocks string `json:"blocks,omitempty"`
}
