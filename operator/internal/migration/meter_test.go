// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
	"github.com/clusterdns/clusterdns/operator/meter"
)

// metering is a cluster with a Service, and an operator in a Pod.
func metering() Observed {
	return Observed{
		Observed: plan.Observed{
			Operator:   plan.Operator{Namespace: "dns", ServiceName: "kube-dns", Pod: "clusterdns-operator-1"},
			ClusterDNS: &v1alpha1.ClusterDNS{},
			Service:    &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "kube-dns"}, Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.10"}},
			Kubelet:    plan.Kubelet{ClusterDomain: "cluster.example"},
		},
		Pods: []corev1.Pod{
			{ObjectMeta: metav1.ObjectMeta{Name: "kube-proxy-1"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "operator", Image: "kube-proxy:v1"}}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "clusterdns-operator-1"}, Spec: corev1.PodSpec{
				ImagePullSecrets: []corev1.LocalObjectReference{{Name: "mirror"}},
				Containers: []corev1.Container{
					{Name: "mesh", Image: "mesh:v1"},
					{Name: "operator", Image: "registry.example/clusterdns/operator:v0.1.0", ImagePullPolicy: corev1.PullAlways},
				},
			}},
		},
	}
}

// TestMeterDaemonSet has the meter run what the operator runs, and ask what clients ask.
func TestMeterDaemonSet(t *testing.T) {
	d, err := MeterDaemonSet(metering())
	if err != nil {
		t.Fatal(err)
	}
	pod := d.Spec.Template
	if d.Namespace != "dns" || d.Name != "clusterdns-meter" || d.Labels[plan.LabelName] != plan.Name || d.Labels[plan.LabelManagedBy] != plan.Manager {
		t.Errorf("it is %s/%s with the labels %v", d.Namespace, d.Name, d.Labels)
	}
	if diff := cmp.Diff(d.Spec.Selector.MatchLabels, pod.Labels); diff != "" || pod.Labels[plan.LabelComponent] != "meter" {
		t.Errorf("selector and Pods: %s", diff)
	}
	c := pod.Spec.Containers[0]
	want := []string{"meter", "--server=10.96.0.10", "--name=kubernetes.default.svc.cluster.example", "--address=:8053"}
	if diff := cmp.Diff(want, c.Args); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if c.Image != "registry.example/clusterdns/operator:v0.1.0" || c.ImagePullPolicy != corev1.PullAlways || len(pod.Spec.ImagePullSecrets) != 1 || pod.Spec.ImagePullSecrets[0].Name != "mirror" {
		t.Errorf("the image is %s, %s, with %v", c.Image, c.ImagePullPolicy, pod.Spec.ImagePullSecrets)
	}
	if !pod.Spec.Tolerations[0].MatchToleration(&corev1.Toleration{Operator: corev1.TolerationOpExists}) {
		t.Errorf("it is not on every node: %v", pod.Spec.Tolerations)
	}
	if MeterPort != meter.Port || c.ReadinessProbe.HTTPGet.Path != meter.PathHealth {
		t.Error("the meter serves elsewhere")
	}
}

// TestMeterHardened keeps the meter from all that it need not do.
func TestMeterHardened(t *testing.T) {
	d, err := MeterDaemonSet(metering())
	if err != nil {
		t.Fatal(err)
	}
	spec := d.Spec.Template.Spec
	s, c := spec.SecurityContext, spec.Containers[0].SecurityContext
	for what, ok := range map[string]bool{
		"the DNS of the node":        spec.DNSPolicy == corev1.DNSDefault,
		"no token":                   spec.AutomountServiceAccountToken != nil && !*spec.AutomountServiceAccountToken,
		"no account":                 spec.ServiceAccountName == "",
		"not root":                   *s.RunAsNonRoot && *s.RunAsUser > 0 && *s.RunAsGroup > 0,
		"seccomp":                    s.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault,
		"read-only":                  *c.ReadOnlyRootFilesystem,
		"no more rights than it has": !*c.AllowPrivilegeEscalation,
		"no capability":              len(c.Capabilities.Drop) == 1 && c.Capabilities.Drop[0] == "ALL" && len(c.Capabilities.Add) == 0,
		"nothing of the node":        !spec.HostNetwork && !spec.HostPID && len(spec.Volumes) == 0,
		"limits":                     len(spec.Containers[0].Resources.Limits) == 2 && len(spec.Containers[0].Resources.Requests) == 2,
	} {
		if !ok {
			t.Error(what)
		}
	}
}

func TestMeterImage(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*Observed)
		want string
	}{
		{"its Pod", func(*Observed) {}, "registry.example/clusterdns/operator:v0.1.0"},
		{"named", func(o *Observed) { o.Operator.Image = "operator:dev" }, "operator:dev"},
		{"named, outside of the cluster", func(o *Observed) { o.Operator.Image, o.Operator.Pod, o.Pods = "operator:dev", "", nil }, "operator:dev"},
		{"the container has another name", func(o *Observed) { o.Pods[1].Spec.Containers[1].Name = "manager" }, "mesh:v1"},
		{"of IPv6", func(o *Observed) { o.Service.Spec.ClusterIP = "fd00:10:96::a" }, "registry.example/clusterdns/operator:v0.1.0"},
		{"no Pod", func(o *Observed) { o.Pods = o.Pods[:1] }, "--operator-image"},
		{"no name", func(o *Observed) { o.Operator.Pod = "" }, "--operator-image"},
		{"no containers", func(o *Observed) { o.Pods[1].Spec.Containers = nil }, "--operator-image"},
		{"no ClusterDNS", func(o *Observed) { o.ClusterDNS = nil }, "needs a ClusterDNS"},
		{"no Service", func(o *Observed) { o.Service = nil }, "needs a ClusterDNS and the Service"},
		{"no cluster IP", func(o *Observed) { o.Service.Spec.ClusterIP = corev1.ClusterIPNone }, `which is "None"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := metering()
			c.edit(&o)
			d, err := MeterDaemonSet(o)
			switch {
			case err != nil && !strings.Contains(err.Error(), c.want):
				t.Errorf("got %v, want %q", err, c.want)
			case err == nil && d.Spec.Template.Spec.Containers[0].Image != c.want:
				t.Errorf("got %s, want %q", d.Spec.Template.Spec.Containers[0].Image, c.want)
			}
		})
	}
}

func TestMetered(t *testing.T) {
	for phase, want := range map[v1alpha1.MigrationPhase]bool{
		"": false, v1alpha1.PhasePreflight: false, v1alpha1.PhaseShadow: false,
		v1alpha1.PhaseCanary: true, v1alpha1.PhaseOverlap: true, v1alpha1.PhaseCutOver: true, v1alpha1.PhaseSoak: true,
		v1alpha1.PhaseFinalise: false, v1alpha1.PhaseFinalised: false, v1alpha1.PhaseRolledBack: false,
	} {
		if got := Metered(phase); got != want {
			t.Errorf("%s: got %t", phase, got)
		}
	}
}

func TestSum(t *testing.T) {
	for _, c := range []struct {
		name    string
		reports []MeterReport
		want    *Meter
	}{
		{"none", nil, nil},
		{"all silent", []MeterReport{{Node: "b", Silent: true}, {Node: "a", Silent: true}}, &Meter{Silent: []string{"a", "b"}}},
		{"several", []MeterReport{{Node: "a", Asked: 100, Lost: 1}, {Node: "b", Asked: 10, Wrong: 2, Silent: true}, {Node: "b", Asked: 1, Silent: true}}, &Meter{Asked: 111, Lost: 1, Wrong: 2, Silent: []string{"b"}}},
	} {
		if diff := cmp.Diff(c.want, Sum(c.reports)); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
}
