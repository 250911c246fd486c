// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package observe reads the cluster into one value.
package observe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// An Observer reads the cluster. It may be used concurrently.
type Observer struct {
	// Reader asks the API server, not a cache: a plan that was made from what is
	// no longer so could do harm.
	Reader   client.Reader
	Mapper   meta.RESTMapper
	Operator plan.Operator
	// ResolvConf is the file with the servers of this node. Empty has none.
	ResolvConf string
	// Sizes remembers how large the cluster is. Nil counts each time.
	Sizes *Sizes
}

// Observe returns all that a plan depends on, but the check and the answers.
// Without an error, all of it was read.
func (o Observer) Observe(ctx context.Context, now time.Time) (plan.Observed, error) {
	r := &reading{Observer: o, ctx: ctx, out: plan.Observed{Now: now, Operator: o.Operator}}
	var dns v1alpha1.ClusterDNS
	if !r.get("ClusterDNS", client.ObjectKey{Name: "default"}, &dns) || r.err != nil {
		return r.out, r.err
	}
	r.out.ClusterDNS = &dns
	if dns.Spec.ManagementState == v1alpha1.Unmanaged {
		return r.out, nil
	}
	r.service()
	r.workloads()
	r.kubelets()
	r.networks()
	r.references(plan.Wants(&dns.Spec))
	r.out.NodeResolvers = nodeResolvers(o.ResolvConf)
	r.out.Size = o.Sizes.get(now, r.size)
	return r.out, r.err
}

// A reading is one observation. Its first error ends it.
type reading struct {
	Observer
	ctx context.Context
	out plan.Observed
	err error
}

func (r *reading) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: r.Operator.Namespace, Name: name}
}

// get reads an object, and reports whether it is there.
func (r *reading) get(kind string, key client.ObjectKey, into client.Object) bool {
	if r.err != nil {
		return false
	}
	err := r.Reader.Get(r.ctx, key, into)
	switch {
	case err == nil:
		return true
	case !apierrors.IsNotFound(err):
		r.fail("reading "+kind+" "+key.String(), err)
	}
	return false
}

func (r *reading) list(kind string, into client.ObjectList, opts ...client.ListOption) {
	if r.err != nil {
		return
	}
	if err := r.Reader.List(r.ctx, into, opts...); err != nil {
		r.fail("listing "+kind, err)
	}
}

func (r *reading) fail(doing string, err error) {
	r.err = errors.Join(r.err, fmt.Errorf("%s: %w", doing, err))
}

// service reads the Service that clients ask.
func (r *reading) service() {
	var s corev1.Service
	if !r.get("Service", r.key(r.Operator.ServiceName), &s) {
		return
	}
	r.out.Service = &s
	var slices discoveryv1.EndpointSliceList
	r.list("EndpointSlices", &slices, client.InNamespace(r.Operator.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: r.Operator.ServiceName})
	r.out.Slices = slices.Items
}

// workloads reads what is ours.
func (r *reading) workloads() {
	ns, ours := client.InNamespace(r.Operator.Namespace), client.MatchingLabels{plan.LabelName: plan.Name}
	var deployment appsv1.Deployment
	if r.get("Deployment", r.key(plan.Name), &deployment) {
		r.out.Deployment = &deployment
	}
	var daemonSet appsv1.DaemonSet
	if r.get("DaemonSet", r.key(plan.Name), &daemonSet) {
		r.out.DaemonSet = &daemonSet
	}
	var pods corev1.PodList
	r.list("Pods", &pods, ns, ours)
	r.out.Pods = pods.Items
	var revisions corev1.ConfigMapList
	r.list("ConfigMaps", &revisions, ns, ours)
	r.out.Revisions = revisions.Items
	r.present("NetworkPolicy", &networkingv1.NetworkPolicy{})
	r.present("PodDisruptionBudget", &policyv1.PodDisruptionBudget{})
	r.serviceMonitors()
}

func (r *reading) present(kind string, into client.Object) {
	if r.get(kind, r.key(plan.Name), into) && into.GetLabels()[plan.LabelManagedBy] == plan.Manager {
		r.out.Present = append(r.out.Present, plan.Reference{Kind: kind, Namespace: r.Operator.Namespace, Name: plan.Name}.String())
	}
}

// serviceMonitors finds out whether Prometheus has its operator here.
func (r *reading) serviceMonitors() {
	kind := schema.GroupVersionKind{Group: "monitoring.coreos.com", Version: "v1", Kind: "ServiceMonitor"}
	if _, err := r.Mapper.RESTMapping(kind.GroupKind(), kind.Version); err != nil {
		return
	}
	r.out.ServiceMonitors = true
	var monitor unstructured.Unstructured
	monitor.SetGroupVersionKind(kind)
	r.present(kind.Kind, &monitor)
}

// references reads what the spec names. What may not be read is told apart from
// what is not there.
func (r *reading) references(w plan.Wanted) {
	refs := plan.References{Services: map[v1alpha1.ServiceReference]netip.Addr{}, Certificates: map[string][]byte{}, Secrets: map[string]map[string][]byte{}}
	for _, s := range w.Services {
		var service corev1.Service
		if !r.get("Service", client.ObjectKey{Namespace: s.Namespace, Name: s.Name}, &service) {
			continue
		}
		if a, err := netip.ParseAddr(service.Spec.ClusterIP); err == nil {
			refs.Services[s] = a
		}
	}
	for _, name := range w.ConfigMaps {
		var cm corev1.ConfigMap
		if r.allowed(&refs, "ConfigMap", name, &cm) {
			refs.Certificates[name] = []byte(cm.Data[plan.CertificateKey])
		}
	}
	for _, name := range w.Secrets {
		var secret corev1.Secret
		if r.allowed(&refs, "Secret", name, &secret) {
			refs.Secrets[name] = secret.Data
		}
	}
	r.out.References = refs
}

// allowed reads an object that the operator may be forbidden to read.
func (r *reading) allowed(refs *plan.References, kind, name string, into client.Object) bool {
	if r.err != nil {
		return false
	}
	if err := r.Reader.Get(r.ctx, r.key(name), into); apierrors.IsForbidden(err) {
		refs.Denied = append(refs.Denied, kind+"/"+name)
		return false
	}
	return r.get(kind, r.key(name), into)
}
