// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// Labels of the EndpointSlices of a ServiceImport (KEP-1645).
const (
	LabelImport  = "multicluster.kubernetes.io/service-name"   // names the ServiceImport
	LabelCluster = "multicluster.kubernetes.io/source-cluster" // names the cluster of the endpoints
)

// An ImportSpec is what is needed of the spec of a ServiceImport, as the API
// multicluster.x-k8s.io/v1alpha1 writes it.
type ImportSpec struct {
	Type  string               `json:"type"`
	IPs   []string             `json:"ips,omitempty"`
	Ports []corev1.ServicePort `json:"ports,omitempty"`
}

// ImportHeadless is the type of a ServiceImport whose endpoints are asked for;
// of every other type it has addresses of its own, its ClusterSetIPs.
const ImportHeadless = "Headless"

// FromServiceImport returns the Service that is imported. ok is false if
// nothing of it can be served.
func FromServiceImport(namespace, name string, annotations map[string]string, spec *ImportSpec) (svc Service, skipped []Skip, ok bool) {
	if !isLabel(namespace) || !isLabel(name) {
		return Service{}, []Skip{SkipName}, false
	}
	svc = Service{Namespace: intern(namespace), Name: strings.Clone(name)}
	skip := func(reason Skip) { skipped = append(skipped, reason) }
	svc.TTL = ttl(annotations, skip)
	if spec.Type == ImportHeadless {
		svc.Type = Headless
	} else {
		svc.ClusterIPs = distinct(spec.IPs, skip)
	}
	svc.Ports = servicePorts(spec.Ports, skip)
	return svc, skipped, true
}

// FromImportSlice is [FromEndpointSlice] for an EndpointSlice of a
// ServiceImport. All its endpoints are in one cluster, whose name is part of theirs.
func FromImportSlice(s *discoveryv1.EndpointSlice, keep Keep) (slice EndpointSlice, skipped []Skip, ok bool) {
	if slice, skipped, ok = fromSlice(s, LabelImport, keep); !ok {
		return slice, skipped, false
	}
	if slice.Cluster = intern(hostLabel(s.Labels[LabelCluster])); slice.Cluster == "" {
		return EndpointSlice{}, []Skip{SkipCluster}, false
	}
	return slice, skipped, true
}
