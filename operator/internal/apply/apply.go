// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package apply brings the cluster to what a plan says.
package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// adopter is the field manager of what others made.
const adopter = plan.Manager + "/adopted"

// attempts is how often an object is applied that others write at the same time.
const attempts = 10

// An Applier carries out plans, and remembers what others changed since. It is
// not safe for concurrent use.
type Applier struct {
	Client client.Client
	// Drift knows who changes what is ours.
	Drift *Drift
}

// Apply carries out steps as far as it can: objects to create or change, and then
// those to delete.
func (a Applier) Apply(ctx context.Context, objects []plan.Object, gone []plan.Reference, now time.Time) error {
	for _, o := range objects {
		if err := a.object(ctx, o, now); err != nil {
			return err // what follows may rest on it
		}
	}
	var failed error
	for _, r := range gone {
		failed = errors.Join(failed, a.delete(ctx, r))
	}
	return failed
}

func (a Applier) object(ctx context.Context, o plan.Object, now time.Time) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.Object)
	if err != nil {
		return fmt.Errorf("converting: %w", err)
	}
	u := &unstructured.Unstructured{Object: content}
	unstructured.RemoveNestedField(content, "status")
	prune(content)
	switch doing := name(u); o.Mode {
	case plan.Scale:
		return a.scale(ctx, o.Object)
	case plan.Create:
		if err := a.Client.Create(ctx, u, client.FieldOwner(plan.Manager)); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("creating %s: %w", doing, err)
		}
	case plan.Adopted:
		return a.apply(ctx, u, adopter, now)
	default:
		return a.apply(ctx, u, plan.Manager, now)
	}
	return nil
}

// scale gives a Deployment of others its replicas, and changes nothing else.
func (a Applier) scale(ctx context.Context, o runtime.Object) error {
	d, ok := o.(*appsv1.Deployment)
	if !ok || d.Spec.Replicas == nil {
		return fmt.Errorf("scaling %T: only Deployments have replicas", o)
	}
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, *d.Spec.Replicas)
	if err := a.Client.Patch(ctx, d.DeepCopy(), client.RawPatch(types.MergePatchType, patch), client.FieldOwner(adopter)); err != nil {
		return fmt.Errorf("scaling Deployment %s/%s: %w", d.Namespace, d.Name, err)
	}
	return nil
}

// apply applies u. What it changes although we want what we wanted before is
// what somebody else had changed.
func (a Applier) apply(ctx context.Context, u *unstructured.Unstructured, manager string, now time.Time) error {
	if a.Drift.left(u, now) {
		return nil
	}
	var err error
	for range attempts {
		if err = a.attempt(ctx, u.DeepCopy(), manager, now); !apierrors.IsConflict(err) {
			break
		}
	}
	return err
}

// attempt applies u if nobody writes the object meanwhile: that would be put
// right without being seen.
func (a Applier) attempt(ctx context.Context, u *unstructured.Unstructured, manager string, now time.Time) error {
	before := u.NewEmptyInstance().(*unstructured.Unstructured) //nolint:forcetypeassert // it is one
	before.SetGroupVersionKind(u.GroupVersionKind())
	err := a.Client.Get(ctx, client.ObjectKeyFromObject(u), before)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading %s: %w", name(u), err)
	}
	there := err == nil
	wanted := u.DeepCopy()
	u.SetResourceVersion(before.GetResourceVersion())
	if err := a.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(manager), client.ForceOwnership); err != nil {
		return fmt.Errorf("applying %s: %w", name(wanted), err)
	}
	a.Drift.applied(wanted, before, u, there, manager, now)
	return nil
}

// prune takes fields out that say nothing, which would become ours.
func prune(o map[string]any) {
	unstructured.RemoveNestedField(o, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(o, "spec", "template", "metadata", "creationTimestamp")
}

func name(u *unstructured.Unstructured) string {
	return plan.Reference{Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}.String()
}

// delete deletes an object that is ours.
func (a Applier) delete(ctx context.Context, r plan.Reference) error {
	var o client.Object
	named := metav1.ObjectMeta{Namespace: r.Namespace, Name: r.Name}
	switch r.Kind {
	case "Pod":
		o = &corev1.Pod{ObjectMeta: named}
	case "ConfigMap":
		o = &corev1.ConfigMap{ObjectMeta: named}
	case "Deployment":
		o = &appsv1.Deployment{ObjectMeta: named}
	case "DaemonSet":
		o = &appsv1.DaemonSet{ObjectMeta: named}
	case "EndpointSlice":
		o = &discoveryv1.EndpointSlice{ObjectMeta: named}
	case "PodDisruptionBudget":
		o = &policyv1.PodDisruptionBudget{ObjectMeta: named}
	case "NetworkPolicy":
		o = &networkingv1.NetworkPolicy{ObjectMeta: named}
	case "ServiceMonitor":
		u := &unstructured.Unstructured{}
		u.SetAPIVersion("monitoring.coreos.com/v1")
		u.SetKind(r.Kind)
		u.SetNamespace(r.Namespace)
		u.SetName(r.Name)
		o = u
	default:
		return fmt.Errorf("%s is not deleted: the operator never does that", r)
	}
	if err := a.Client.Delete(ctx, o, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting %s: %w", r, err)
	}
	return nil
}

// Migration writes the status of a DNSMigration if it is another one.
func (a Applier) Migration(ctx context.Context, m *v1alpha1.DNSMigration, status *v1alpha1.DNSMigrationStatus) error {
	if status == nil || equality.Semantic.DeepEqual(&m.Status, status) {
		return nil
	}
	after := m.DeepCopy()
	after.Status = *status
	if err := a.Client.Status().Patch(ctx, after, client.MergeFrom(m), client.FieldOwner(plan.Manager)); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("writing the status of the DNSMigration: %w", err)
	}
	return nil
}

// Status writes the status if it is another one.
func (a Applier) Status(ctx context.Context, dns *v1alpha1.ClusterDNS, status *v1alpha1.ClusterDNSStatus) error {
	if status == nil || equality.Semantic.DeepEqual(&dns.Status, status) {
		return nil
	}
	after := dns.DeepCopy()
	after.Status = *status
	if err := a.Client.Status().Patch(ctx, after, client.MergeFrom(dns), client.FieldOwner(plan.Manager)); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("writing the status: %w", err)
	}
	return nil
}
