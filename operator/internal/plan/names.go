// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"k8s.io/apimachinery/pkg/runtime"
)

// Labels of all that is ours.
const (
	LabelName      = "app.kubernetes.io/name"
	LabelManagedBy = "app.kubernetes.io/managed-by"
	LabelComponent = "app.kubernetes.io/component"
	// Name is the value of LabelName, and the name of the workload.
	Name = "clusterdns"
	// Manager is the value of LabelManagedBy, and the field manager.
	Manager = "clusterdns-operator"

	componentServer   = "server"
	componentCanary   = "canary"
	componentRevision = "revision"
)

// Annotations of a revision: see ADR 10.
const (
	annotationVerified          = "clusterdns.io/verified"
	annotationAppliedGeneration = "clusterdns.io/applied-generation"
	annotationAppliedAt         = "clusterdns.io/applied-at"
	annotationOfferedAt         = "clusterdns.io/offered-at"
	annotationGood              = "clusterdns.io/good"
	annotationFailed            = "clusterdns.io/failed"
	annotationFailedAt          = "clusterdns.io/failed-at"
	annotationFailedGeneration  = "clusterdns.io/failed-generation"
	// annotationOf has the UID of the ClusterDNS whose generations these are.
	annotationOf = "clusterdns.io/of"
	// annotationSecrets has a hash of the Secrets that a Pod mounts.
	annotationSecrets = "clusterdns.io/secrets" //nolint:gosec // a name
)

// ServerLabels select servers, and nothing else.
func ServerLabels() map[string]string {
	return map[string]string{LabelName: Name, LabelComponent: componentServer}
}

// labels are those of an object that is ours.
func labels(component string) map[string]string {
	return map[string]string{LabelName: Name, LabelComponent: component, LabelManagedBy: Manager}
}

// An Object is one to create or change.
type Object struct {
	// Object has apiVersion, kind, namespace and name, and the fields that are ours.
	Object runtime.Object
	Mode   Mode
}

// A Mode says how an object is brought about.
type Mode int

const (
	// Ours applies the fields, whoever has them now.
	Ours Mode = iota
	// Create creates the object, and leaves it alone if it is there.
	Create
	// Adopted applies a few fields of an object that others made.
	Adopted
	// Scale changes the replicas of an object that others made.
	Scale
)

// A Reference names an object.
type Reference struct{ Kind, Namespace, Name string }

// String returns kind/namespace/name.
func (r Reference) String() string { return r.Kind + "/" + r.Namespace + "/" + r.Name }
