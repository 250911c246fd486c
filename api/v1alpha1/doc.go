// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the API of clusterdns: the settings of a cluster's DNS.
//
// What can be checked when an object is written is checked by the API server,
// by the rules (CEL) in the types: no webhook stands in the way of DNS. Strings
// that get into a Corefile have patterns that keep them in their place there.
//
// +kubebuilder:object:generate=true
// +groupName=clusterdns.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is that of the types of this package.
var GroupVersion = schema.GroupVersion{Group: "clusterdns.io", Version: "v1alpha1"}

// AddToScheme registers the types of this package with s.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &ClusterDNS{}, &ClusterDNSList{}, &DNSMigration{}, &DNSMigrationList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
