// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ClusterDNS is the DNS of a cluster: which upstreams and zones it has, how its
// servers run, and how a change gets to them. There is one, called default.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,path=clusterdnses,shortName=cdns,categories=networking
// +kubebuilder:printcolumn:name=State,type=string,JSONPath=`.spec.managementState`
// +kubebuilder:printcolumn:name=Available,type=string,JSONPath=`.status.conditions[?(@.type=="Available")].status`
// +kubebuilder:printcolumn:name=Programmed,type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name=Progressing,type=string,JSONPath=`.status.conditions[?(@.type=="Progressing")].status`
// +kubebuilder:printcolumn:name=Degraded,type=string,JSONPath=`.status.conditions[?(@.type=="Degraded")].status`
// +kubebuilder:printcolumn:name=Upstreams,type=string,JSONPath=`.status.conditions[?(@.type=="UpstreamsHealthy")].status`
// +kubebuilder:printcolumn:name=Revision,type=string,JSONPath=`.status.revision.name`
// +kubebuilder:printcolumn:name=Loaded,type=string,JSONPath=`.status.revision.loaded`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name == 'default'",message="there is one ClusterDNS in a cluster: call it default"
type ClusterDNS struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the DNS is to be. Without it the DNS is that of a new cluster.
	// +optional
	Spec ClusterDNSSpec `json:"spec,omitempty,omitzero"`
	// status is what the DNS is.
	// +optional
	Status ClusterDNSStatus `json:"status,omitempty,omitzero"`
}

// ClusterDNSList is a list of ClusterDNS.
//
// +kubebuilder:object:root=true
type ClusterDNSList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterDNS `json:"items"`
}

// ManagementState says what the operator may write.
//
// +kubebuilder:validation:Enum=Managed;Observe;Overlay;Unmanaged
type ManagementState string

const (
	// Managed writes everything.
	Managed ManagementState = "Managed"
	// Observe writes the status only: what would be written can be seen with "clusterdns plan".
	Observe ManagementState = "Observe"
	// Overlay writes the ConfigMap coredns-custom, which the CoreDNS of a managed cluster imports.
	Overlay ManagementState = "Overlay"
	// Unmanaged writes nothing but the status, and looks at nothing.
	Unmanaged ManagementState = "Unmanaged"
)

// DeletionPolicy says what becomes of the DNS servers when the ClusterDNS is deleted.
//
// +kubebuilder:validation:Enum=Retain
type DeletionPolicy string

// Retain leaves the servers running as they are.
const Retain DeletionPolicy = "Retain"

// ClusterDNSSpec is what the DNS of a cluster is to be. What is left out has the
// value that new clusters have.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.placement) && has(self.placement.hostNetwork) && self.placement.hostNetwork && has(oldSelf.placement) && has(oldSelf.placement.hostNetwork) && oldSelf.placement.hostNetwork) || (has(self.scaling) && has(self.scaling.workload) && self.scaling.workload == 'DaemonSet') == (has(oldSelf.scaling) && has(oldSelf.scaling.workload) && oldSelf.scaling.workload == 'DaemonSet')",message="with placement.hostNetwork the servers of a Deployment and of a DaemonSet want the same ports of the nodes: change scaling.workload without hostNetwork, and set it again once Programmed is True"
// +kubebuilder:validation:XValidation:rule="!has(self.clusterDomain) || !has(self.stubZones) || self.stubZones.all(z, z.zones.all(n, n != self.clusterDomain && !n.endsWith('.' + self.clusterDomain)))",message="stubZones: a zone in the cluster domain is the cluster's own; remove it, or set clusterDomain to another one"
// +kubebuilder:validation:XValidation:rule="!has(self.managementState) || self.managementState != 'Overlay' || !(has(self.cluster) || has(self.port) || has(self.image) || has(self.scaling) || has(self.placement) || has(self.disruption) || has(self.networkPolicy) || has(self.cache))",message="managementState Overlay adds to the CoreDNS of somebody else: cluster, image, cache, scaling, placement, disruption and networkPolicy are theirs, and so is port; remove them, or use Managed"
type ClusterDNSSpec struct {
	// managementState says what the operator may write.
	// +optional
	// +kubebuilder:default=Managed
	ManagementState ManagementState `json:"managementState,omitempty"`
	// clusterDomain is the zone of Services and Pods. Without it the operator finds it
	// in the configuration of the kubelets, else in the Corefile that it adopts.
	// +optional
	ClusterDomain Domain `json:"clusterDomain,omitempty"`
	// port that the servers listen on; clients ask the Service on port 53. Servers need no
	// capability for one above 1023.
	// +optional
	Port Port `json:"port,omitempty"`
	// deletionPolicy says what becomes of the DNS servers when this object is deleted.
	// +optional
	// +kubebuilder:default=Retain
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
	// image is that of the DNS servers.
	// +optional
	Image *Image `json:"image,omitempty"`
	// upstreams answer what no other zone does. Without them those of the node do (/etc/resolv.conf).
	// +optional
	Upstreams *Upstreams `json:"upstreams,omitempty"`
	// cache keeps answers of upstreams.
	// +optional
	Cache *Cache `json:"cache,omitempty"`
	// cluster says how Services and Pods are answered for.
	// +optional
	Cluster *Cluster `json:"cluster,omitempty"`
	// stubZones have upstreams of their own.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.all(b, a.name == b.name || a.zones.all(z, !(z in b.zones))))",message="a zone is in two stub zones: leave it in one"
	StubZones []StubZone `json:"stubZones,omitempty"`
	// hosts are names with addresses of their own, answered before everything else.
	// +optional
	// +kubebuilder:validation:MaxItems=256
	Hosts []Host `json:"hosts,omitempty"`
	// rewrites change the names that are asked for, in this order.
	// +optional
	// +kubebuilder:validation:MaxItems=64
	Rewrites []Rewrite `json:"rewrites,omitempty"`
	// extra is Corefile text for what no other field says.
	// +optional
	Extra *Extra `json:"extra,omitempty"`
	// rollout says how a change gets to the servers.
	// +optional
	Rollout *Rollout `json:"rollout,omitempty"`
	// scaling says how many servers there are.
	// +optional
	Scaling *Scaling `json:"scaling,omitempty"`
	// placement says where they run.
	// +optional
	Placement *Placement `json:"placement,omitempty"`
	// disruption says how many may be away for maintenance.
	// +optional
	Disruption *Disruption `json:"disruption,omitempty"`
	// networkPolicy says whether one is made for the servers.
	// +optional
	NetworkPolicy *NetworkPolicy `json:"networkPolicy,omitempty"`
	// observability says what the servers tell of themselves.
	// +optional
	Observability *Observability `json:"observability,omitempty"`
}

// Domain is a domain name in lower case, without the dot at its end.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`
type Domain string

// Zone is a [Domain], or a network in CIDR form, which stands for its reverse zone.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.contains('/') ? isCIDR(self) && cidr(self) == cidr(self).masked() : self.matches('^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\\\\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$')",message="must be a domain name in lower case without a dot at its end, or a network like 10.0.0.0/8 without bits behind its length"
type Zone string

// Address is an IP address.
//
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=45
// +kubebuilder:validation:XValidation:rule="isIP(self) && ip.isCanonical(self)",message="must be an IP address in its usual form, such as 192.0.2.53 or 2001:db8::53"
type Address string

// Word is text without spaces, quotes, braces, comments or references to the environment.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[^\s"{}#\\$%]+$`
type Word string

// Port is one of UDP or TCP.
//
// +kubebuilder:validation:Minimum=1
// +kubebuilder:validation:Maximum=65535
type Port int32

// Seconds is a TTL.
//
// +kubebuilder:validation:Minimum=0
// +kubebuilder:validation:Maximum=3600
type Seconds int32

// ObjectName is the name of a ConfigMap or a Secret in the operator's namespace.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`
type ObjectName string

// An Image is where the program of the DNS servers comes from.
//
// +kubebuilder:validation:XValidation:rule="!has(self.tag) || !has(self.digest)",message="a digest says more than a tag: set one of them"
type Image struct {
	// registry is in front of the repository. It has to be set unless the nodes have the image.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`
	Registry string `json:"registry,omitempty"`
	// repository is the path in the registry.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9._/-]*[a-z0-9])?$`
	Repository string `json:"repository,omitempty"`
	// tag is the version. Without one it is the operator's.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`
	Tag string `json:"tag,omitempty"`
	// digest is the version as a hash.
	// +optional
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	Digest string `json:"digest,omitempty"`
	// pullSecrets are Secrets with the credentials for the registry.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	PullSecrets []ObjectName `json:"pullSecrets,omitempty"`
}
