// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package migration decides how the Service that clients ask comes from the DNS
// that serves it to that of the ClusterDNS, and back: see ADR 11.
package migration

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// Observed is all that a step of a migration depends on, beside what is observed
// for the ClusterDNS.
type Observed struct {
	plan.Observed

	// Migration is nil if there is none.
	Migration *v1alpha1.DNSMigration

	// What is in the operator's namespace, of everybody.
	Services        []corev1.Service
	Pods            []corev1.Pod
	Deployments     []appsv1.Deployment
	DaemonSets      []appsv1.DaemonSet
	NetworkPolicies []networkingv1.NetworkPolicy
	// ClientPolicies are those of all namespaces that say by labels whom Pods may ask.
	ClientPolicies []networkingv1.NetworkPolicy
	Budgets        []policyv1.PodDisruptionBudget
	Autoscalers    []autoscalingv2.HorizontalPodAutoscaler
	// ConfigMaps are those that a DNS may be configured by, which are there: kube-dns,
	// coredns, coredns-custom, node-local-dns, kube-dns-autoscaler and the like.
	ConfigMaps map[string]corev1.ConfigMap
	// ExternalNames are Services of all namespaces of type ExternalName, as
	// namespace/name, whose target is an address.
	ExternalNames []string
	// Nodes are those of the cluster, with what their kubelets and labels say of who
	// looks after it.
	Nodes []corev1.Node
	// ServerVersion is that of the API server, as v1.36.3.
	ServerVersion string

	// Incoming and Outgoing are the EndpointSlices of the migration, nil if they are not there.
	Incoming, Outgoing *discoveryv1.EndpointSlice
	// Snapshot is what was there before, nil before it was taken.
	Snapshot *corev1.ConfigMap
	// Serving is how the servers of the ClusterDNS are.
	Serving Serving
	// Shadow is how answers compare, nil before they were asked for.
	Shadow *v1alpha1.ShadowReport
	// Meter is what the loss meter has counted, nil if there is none yet.
	Meter *Meter
}

// Serving is how the servers of the ClusterDNS are.
type Serving struct {
	// Loaded says that all have what the spec says, and answer.
	Loaded bool
	// Problems are what is wrong with the answers of servers, by the name of the Pod.
	Problems map[string]string
}

// A Meter is what the loss meter has counted on all nodes since it was started.
type Meter struct {
	// Asked are the questions, Lost those without an answer in time, Wrong those with
	// another answer than an address: to a client that is a loss, too.
	Asked, Lost, Wrong int64
	// Silent are nodes whose meter did not report.
	Silent []string
}
