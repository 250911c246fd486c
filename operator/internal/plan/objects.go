// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// minReady is how long a server has to be ready before the next one is replaced.
const minReady = 5

// meta returns the names of an object that is ours.
func (p *planner) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: p.Operator.Namespace, Name: name, Labels: labels(componentServer)}
}

// workload returns the servers with a revision.
func (p *planner) workload(r revision) Object {
	if p.wantsDaemonSet() {
		return Object{Object: p.daemonSet(r)}
	}
	return Object{Object: p.deployment(r)}
}

func (p *planner) deployment(r revision) *appsv1.Deployment {
	d := &appsv1.Deployment{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: p.meta(Name),
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr(p.replicas()), Selector: &metav1.LabelSelector{MatchLabels: ServerLabels()}, Template: r.pods(),
			MinReadySeconds: minReady, ProgressDeadlineSeconds: ptr(int32(p.deadline().Seconds())), RevisionHistoryLimit: ptr(int32(p.keep())), //nolint:gosec // bounded by the CRD
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{
				MaxSurge: ptr(intstr.FromInt32(1)), MaxUnavailable: ptr(intstr.FromInt32(0)),
			}},
		},
	}
	// Two servers cannot have the same port of a node.
	if r.template.Spec.HostNetwork {
		*d.Spec.Strategy.RollingUpdate = appsv1.RollingUpdateDeployment{MaxSurge: ptr(intstr.FromInt32(0)), MaxUnavailable: ptr(intstr.FromInt32(1))}
	}
	return d
}

func (p *planner) daemonSet(r revision) *appsv1.DaemonSet {
	d := &appsv1.DaemonSet{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"}, ObjectMeta: p.meta(Name),
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: ServerLabels()}, Template: r.pods(),
			MinReadySeconds: minReady, RevisionHistoryLimit: ptr(int32(p.keep())), //nolint:gosec // bounded by the CRD
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: &appsv1.RollingUpdateDaemonSet{
				MaxSurge: ptr(intstr.FromInt32(1)), MaxUnavailable: ptr(intstr.FromInt32(0)),
			}},
		},
	}
	// The nodes spread them.
	d.Spec.Template.Spec.TopologySpreadConstraints, d.Spec.Template.Spec.Affinity = nil, nil
	if r.template.Spec.HostNetwork {
		*d.Spec.UpdateStrategy.RollingUpdate = appsv1.RollingUpdateDaemonSet{MaxSurge: ptr(intstr.FromInt32(0)), MaxUnavailable: ptr(intstr.FromInt32(1))}
	}
	return d
}

// canaryPod returns a server that no client asks.
func (p *planner) canaryPod(r revision) *corev1.Pod {
	t := r.pods()
	pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: p.meta(canaryName(r.name)), Spec: t.Spec}
	pod.Labels, pod.Annotations = labels(componentCanary), t.Annotations
	pod.Spec.TopologySpreadConstraints, pod.Spec.Affinity = nil, nil
	pod.Spec.RestartPolicy = corev1.RestartPolicyAlways
	// Its ports would be those of the server that is on the node.
	pod.Spec.HostNetwork = false
	for i := range pod.Spec.Containers[0].Ports {
		pod.Spec.Containers[0].Ports[i].HostPort = 0
	}
	// Nobody looks after it once the ClusterDNS is gone.
	pod.Spec.ActiveDeadlineSeconds = ptr(int64((2 * p.deadline()).Seconds()))
	return pod
}

func canaryName(revision string) string { return Name + "-canary-" + revision[len("coredns-"):] }

// disruption keeps maintenance from taking all servers at once. Those of a
// DaemonSet are not taken: they go with their node.
func (p *planner) disruption() *policyv1.PodDisruptionBudget {
	most := intstr.FromInt32(1)
	if d := p.ClusterDNS.Spec.Disruption; d != nil && d.MaxUnavailable != nil {
		most = *d.MaxUnavailable
	}
	return &policyv1.PodDisruptionBudget{
		TypeMeta: metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}, ObjectMeta: p.meta(Name),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: &most, Selector: &metav1.LabelSelector{MatchLabels: ServerLabels()},
			// A server that does not answer anyway need not hold up a node.
			UnhealthyPodEvictionPolicy: ptr(policyv1.AlwaysAllow),
		},
	}
}

// serviceMonitor has Prometheus look at the servers through their Service.
func (p *planner) serviceMonitor() *unstructured.Unstructured {
	own := map[string]any{}
	for k, v := range labels(componentServer) {
		own[k] = v
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
		"metadata": map[string]any{"namespace": p.Operator.Namespace, "name": Name, "labels": own},
		"spec": map[string]any{
			"selector":  map[string]any{"matchLabels": map[string]any{"k8s-app": "kube-dns"}},
			"endpoints": []any{map[string]any{"port": "metrics", "interval": "30s"}},
		},
	}}
}
