// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"net/netip"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/migration"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// configurations are the ConfigMaps by which a DNS may be configured.
var configurations = []string{
	"kube-dns", "coredns", plan.CustomConfigMap, "node-local-dns", "kube-proxy",
	"kube-dns-autoscaler", "coredns-autoscaler", "dns-autoscaler",
}

// Migrating reports whether there is a DNSMigration.
func (o Observer) Migrating(ctx context.Context) (bool, error) {
	r := &reading{Observer: o, ctx: ctx}
	return r.migration() != nil, r.err
}

// Migration returns all that a step of a migration depends on, but how answers
// compare and what the loss meter counted. What [Observer.Observe] returned is in
// it; serverVersion is that of the API server. Without an error, all of it was read.
func (o Observer) Migration(ctx context.Context, observed plan.Observed, serverVersion string) (migration.Observed, error) {
	r := &reading{Observer: o, ctx: ctx, out: observed}
	if dns := observed.ClusterDNS; dns == nil || dns.Spec.ManagementState == v1alpha1.Unmanaged {
		r.service() // Observe had no need to
		r.kubelets()
	}
	m := migration.Observed{ServerVersion: serverVersion, Migration: r.migration()}
	r.everybody(&m)
	r.policies(&m)
	r.externalNames(&m)
	r.configurations(&m)
	var nodes corev1.NodeList
	r.list("Nodes", &nodes)
	m.Nodes = nodes.Items
	var before corev1.ConfigMap
	if r.get("ConfigMap", r.key(migration.SnapshotName), &before) {
		m.Snapshot = &before
	}
	m.Observed = r.out
	for i, s := range m.Slices {
		switch s.Name {
		case migration.IncomingName:
			m.Incoming = &m.Slices[i]
		case migration.OutgoingName:
			m.Outgoing = &m.Slices[i]
		}
	}
	return m, r.err
}

// migration reads the DNSMigration. There may be none, nor its kind.
func (r *reading) migration() *v1alpha1.DNSMigration {
	if r.err != nil {
		return nil
	}
	var m v1alpha1.DNSMigration
	switch err := r.Reader.Get(r.ctx, client.ObjectKey{Name: "default"}, &m); {
	case err == nil:
		return &m
	case !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err):
		r.fail("reading DNSMigration default", err)
	}
	return nil
}

// everybody reads what is in the namespace, whosever it is. Pods are read once, so
// that those of ours are the same to both.
func (r *reading) everybody(m *migration.Observed) {
	ns := client.InNamespace(r.Operator.Namespace)
	var services corev1.ServiceList
	r.list("Services", &services, ns)
	var pods corev1.PodList
	r.list("Pods", &pods, ns)
	var deployments appsv1.DeploymentList
	r.list("Deployments", &deployments, ns)
	var daemonSets appsv1.DaemonSetList
	r.list("DaemonSets", &daemonSets, ns)
	var budgets policyv1.PodDisruptionBudgetList
	r.list("PodDisruptionBudgets", &budgets, ns)
	var autoscalers autoscalingv2.HorizontalPodAutoscalerList
	r.list("HorizontalPodAutoscalers", &autoscalers, ns)
	m.Services, m.Pods, m.Deployments, m.DaemonSets = services.Items, pods.Items, deployments.Items, daemonSets.Items
	m.Budgets, m.Autoscalers = budgets.Items, autoscalers.Items
	r.out.Pods = slices.DeleteFunc(slices.Clone(pods.Items), func(p corev1.Pod) bool { return p.Labels[plan.LabelName] != plan.Name })
}

// policies reads NetworkPolicies: all of the namespace, and of the others those that
// say by labels whom Pods may ask.
func (r *reading) policies(m *migration.Observed) {
	var all networkingv1.NetworkPolicyList
	r.list("NetworkPolicies", &all)
	for _, p := range all.Items {
		switch {
		case p.Namespace == r.Operator.Namespace:
			m.NetworkPolicies = append(m.NetworkPolicies, p)
		case slices.ContainsFunc(p.Spec.Egress, byLabels):
			m.ClientPolicies = append(m.ClientPolicies, p)
		}
	}
}

func byLabels(r networkingv1.NetworkPolicyEgressRule) bool {
	return slices.ContainsFunc(r.To, func(to networkingv1.NetworkPolicyPeer) bool { return to.PodSelector != nil })
}

// externalNames reads the Services that have an address for a name.
func (r *reading) externalNames(m *migration.Observed) {
	if r.err != nil {
		return
	}
	var all corev1.ServiceList
	err := r.Reader.List(r.ctx, &all, client.MatchingFields{"spec.type": string(corev1.ServiceTypeExternalName)})
	if apierrors.IsBadRequest(err) { // older API servers do not select by this field
		err = r.Reader.List(r.ctx, &all)
	}
	if err != nil {
		r.fail("listing Services", err)
	}
	for _, s := range all.Items {
		if _, err := netip.ParseAddr(s.Spec.ExternalName); err == nil && s.Spec.Type == corev1.ServiceTypeExternalName {
			m.ExternalNames = append(m.ExternalNames, s.Namespace+"/"+s.Name)
		}
	}
}

// configurations reads ConfigMaps that a DNS may be configured by: those with the
// usual names, and those that Pods mount which listen as a DNS does.
func (r *reading) configurations(m *migration.Observed) {
	names := slices.Clone(configurations)
	for _, d := range m.Deployments {
		names = append(names, mounted(d.Spec.Template.Spec)...)
	}
	for _, d := range m.DaemonSets {
		names = append(names, mounted(d.Spec.Template.Spec)...)
	}
	slices.Sort(names)
	m.ConfigMaps = make(map[string]corev1.ConfigMap)
	for _, name := range slices.Compact(names) {
		var cm corev1.ConfigMap
		if r.get("ConfigMap", r.key(name), &cm) {
			m.ConfigMaps[name] = cm
		}
	}
}

// mounted returns the ConfigMaps that Pods mount which listen on UDP: that may be a
// DNS, on whatever port, and few others do in this namespace.
func mounted(spec corev1.PodSpec) []string {
	if !slices.ContainsFunc(spec.Containers, func(c corev1.Container) bool {
		return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Protocol == corev1.ProtocolUDP })
	}) {
		return nil
	}
	var out []string
	for _, v := range spec.Volumes {
		if v.ConfigMap != nil {
			out = append(out, v.ConfigMap.Name)
		}
	}
	return out
}
