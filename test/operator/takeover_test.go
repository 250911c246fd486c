// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"maps"
	"net/netip"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// foreign is a CoreDNS that is not of the operator, behind a Service kube-dns.
func foreign(t *testing.T, namespace string) (*corev1.Service, *appsv1.Deployment) {
	t.Helper()
	putForTest(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	meta, labels := metav1.ObjectMeta{Namespace: namespace, Name: "coredns"}, map[string]string{"k8s-app": "kube-dns"}
	put(t, &corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"Corefile": ".:53 {\n    ready\n    whoami\n}\n"}})
	ports := []corev1.ServicePort{
		{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromInt32(53)},
		{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: 53, TargetPort: intstr.FromInt32(53)},
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "kube-dns", Labels: map[string]string{"k8s-app": "kube-dns", "team": "dns"}},
		Spec:       corev1.ServiceSpec{Selector: labels, Ports: ports},
	}
	put(t, service)
	deployment := &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
		Replicas: new(int32(1)), Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: new(int64(1)),
			Containers: []corev1.Container{{
				Name: "coredns", Image: "registry.k8s.io/coredns/coredns:v1.12.0", Args: []string{"-conf", "/etc/coredns/Corefile"},
				VolumeMounts:   []corev1.VolumeMount{{Name: "config", MountPath: "/etc/coredns"}},
				ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/ready", Port: intstr.FromInt32(8181)}}, PeriodSeconds: 1},
			}},
			Volumes: []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "coredns"}}}}},
		}},
	}}
	put(t, deployment)
	do(t, "-n", namespace, "rollout", "status", "deployment/coredns", "--timeout=60s")
	return service, deployment
}

// TestForeignDNSIsLeftAlone starts the operator where another DNS serves. When
// that is gone, the Service is taken over.
func TestForeignDNSIsLeftAlone(t *testing.T) {
	const namespace = "other"
	service, others := foreign(t, namespace)
	key := client.ObjectKeyFromObject(service)
	if err := api.Get(t.Context(), key, service); err != nil {
		t.Fatal(err)
	}
	before := objects(t)
	give(t, base(t))
	forget(t)
	// The manifests have rights for kube-system only.
	operate(t, "--kubeconfig="+cluster.Kubeconfig, "--namespace="+namespace, "--service-name=kube-dns")
	d := unprogrammed(t, "ForeignDNS")
	says(t, d, v1alpha1.ConditionProgrammed, "Service other/kube-dns", "Pod coredns-", "kind: DNSMigration", "spec: {from: auto}")
	nudge(t, namespace)
	unchanged(t, before)
	own := client.ObjectKey{Namespace: namespace, Name: "clusterdns"}
	if err := api.Get(t.Context(), own, &appsv1.Deployment{}); !apierrors.IsNotFound(err) {
		t.Errorf("the Deployment is there: %v", err)
	}

	if err := api.Delete(t.Context(), others, client.PropagationPolicy(metav1.DeletePropagationForeground)); err != nil {
		t.Fatal(err)
	}
	programmed(t)
	now := &corev1.Service{}
	poll(t, "the Service selects the servers of the operator", func() bool {
		return api.Get(t.Context(), key, now) == nil && now.Spec.Selector["app.kubernetes.io/name"] == "clusterdns"
	}, func() string { return now.String() })
	if now.UID != service.UID || now.Spec.ClusterIP != service.Spec.ClusterIP || !maps.Equal(now.Labels, service.Labels) {
		t.Errorf("the Service was %s %s %v, and is %s %s %v", service.UID, service.Spec.ClusterIP, service.Labels, now.UID, now.Spec.ClusterIP, now.Labels)
	}
	if now.Spec.Selector["k8s-app"] != "" {
		t.Errorf("selector %v: no server has the old label", now.Spec.Selector)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	at, err := machine.Expose(ctx, namespace, "kube-dns", netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	poll(t, "the Service answers", func() bool {
		records, err := askAt(at, host)
		return err == nil && records == 1
	}, func() string { return summary(current(t)) })
}
