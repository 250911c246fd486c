// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package plan decides what to do about the DNS of a cluster.
package plan

import (
	"net/netip"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// Observed is all that a plan depends on.
type Observed struct {
	Now      time.Time
	Operator Operator

	// ClusterDNS is nil if there is none.
	ClusterDNS *v1alpha1.ClusterDNS

	// Service that clients ask, and its slices. The Service is nil if there is none.
	Service *corev1.Service
	Slices  []discoveryv1.EndpointSlice
	// Kubelet is what the kubelets tell Pods about DNS.
	Kubelet Kubelet
	// ServiceCIDRs are the networks of cluster IPs, the first one first.
	ServiceCIDRs []netip.Prefix
	// APIServer has the addresses that the API server is reached at from Pods.
	APIServer []netip.AddrPort

	// Deployment and DaemonSet are the workloads of servers, nil if there is none.
	Deployment *appsv1.Deployment
	DaemonSet  *appsv1.DaemonSet
	// Pods are the servers and the canaries.
	Pods []corev1.Pod
	// Revisions are the ConfigMaps of all that are kept.
	Revisions []corev1.ConfigMap
	// Present are other objects that are ours, as kind/namespace/name.
	Present []string

	// References are what the spec names.
	References References
	Size       Size
	// ServiceMonitors says whether the API server has this kind.
	ServiceMonitors bool

	// Check is what the program of the servers says about the Corefile that
	// [Corefile] returned.
	Check Check
	// NodeResolvers are the servers of the node that the operator is on.
	NodeResolvers []netip.Addr
	// Answers are what came of the questions that [Questions] returned, by their key.
	Answers map[string]Answer
	// Way says what a migration has the ClusterDNS do.
	Way Way
	// Unread says why the cluster could not be read, or "". Nothing but ClusterDNS is
	// known then.
	Unread string
	// Failed says why what was planned from all this could not be carried out, or "".
	Failed string
	// Drift is what others changed and was put right, or was left to them.
	Drift []v1alpha1.DriftStatus
}

// A Way says what the ClusterDNS may do about the Service.
type Way int

const (
	// Alone: there is no migration. Nothing is begun while others serve.
	Alone Way = iota
	// Forward: servers are started while others serve; the Service is the migration's
	// until none of them does.
	Forward
	// Back: the Service is the migration's.
	Back
)

// Operator is what the operator was started with.
type Operator struct {
	// Namespace of the operator and of the servers.
	Namespace string
	// ServiceName is that of the Service that clients ask.
	ServiceName string
	// Repository and Tag of the default image.
	Repository, Tag string
	// LocalImage says that nodes have the image: it needs no registry.
	LocalImage bool
	// Directives are the plugins of the servers.
	Directives []string
	// Image of the operator itself, or "": then it is that of its Pod, in the namespace.
	Image, Pod string
}

// Kubelet is what the kubelets tell Pods about DNS.
type Kubelet struct {
	ClusterDomain string
	ClusterDNS    []netip.Addr
}

// References are objects that the spec names, those that there are.
type References struct {
	// Services are the first cluster IPs.
	Services map[v1alpha1.ServiceReference]netip.Addr
	// Certificates are the keys ca-bundle.crt of ConfigMaps. One without it has nil.
	Certificates map[string][]byte
	// Secrets are the data of Secrets.
	Secrets map[string]map[string][]byte
	// Denied are objects that may not be read, as kind/name.
	Denied []string
}

// Size is how large the cluster is. Zero is not known.
type Size struct {
	Nodes, Cores, Services, EndpointSlices, Pods int
}

// Check is a verdict about a Corefile.
type Check struct {
	// Text that was checked. Another one is not.
	Text string
	Good bool
	// Findings are one line each.
	Findings []string
	// Failed says why the program could not be asked, or "".
	Failed string
}

// An Answer is what came of a question.
type Answer struct {
	// At is when it was asked.
	At time.Time
	// Problem is empty if the answer is what was wanted.
	Problem string
	RTT     time.Duration
	// Rcode is the mnemonic, or "" without an answer.
	Rcode string
	// CertificateExpires is zero without a certificate.
	CertificateExpires time.Time
}

// A Plan is what to do next.
type Plan struct {
	// Apply are objects to create or change, in this order.
	Apply []Object
	// Delete are objects to delete, as kind/namespace/name.
	Delete []Reference
	// Status of the ClusterDNS, nil if there is none.
	Status *v1alpha1.ClusterDNSStatus
	Events []Event
	// Again is when to look again at the latest.
	Again time.Duration
}

// An Event is told to people.
type Event struct {
	Warning         bool
	Reason, Message string
}
