// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// AsStored adds to objects what a real API server adds, for one that does not.
func AsStored(objects []runtime.Object) []runtime.Object {
	for _, o := range objects {
		switch o := o.(type) {
		case *corev1.Service:
			Managed(&o.ObjectMeta, serviceFields)
		case *discoveryv1.EndpointSlice:
			Managed(&o.ObjectMeta, sliceFields)
		case *corev1.Pod:
			Managed(&o.ObjectMeta, podFields)
		}
	}
	return objects
}

const labelFields = `"f:metadata":{"f:annotations":{".":{},"f:meta.helm.sh/release-name":{},"f:meta.helm.sh/release-namespace":{}},` +
	`"f:labels":{".":{},"f:app.kubernetes.io/instance":{},"f:app.kubernetes.io/managed-by":{},"f:app.kubernetes.io/name":{},"f:helm.sh/chart":{}}}`

const (
	serviceFields = `{` + labelFields + `,"f:spec":{"f:internalTrafficPolicy":{},"f:ports":{".":{},` +
		`"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{},"f:protocol":{},"f:targetPort":{}},` +
		`"k:{\"port\":9090,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{},"f:protocol":{},"f:targetPort":{}}},` +
		`"f:selector":{},"f:sessionAffinity":{},"f:type":{}}}`
	sliceFields = `{"f:addressType":{},"f:endpoints":{},` + labelFields + `,"f:ports":{}}`
	podFields   = `{` + labelFields + `,"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{".":{},"f:env":{},"f:image":{},` +
		`"f:imagePullPolicy":{},"f:name":{},"f:ports":{},"f:resources":{}}},"f:dnsPolicy":{},"f:enableServiceLinks":{},` +
		`"f:restartPolicy":{},"f:schedulerName":{}}}`
)
