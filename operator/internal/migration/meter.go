// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile/render"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

const (
	// MeterName is that of the DaemonSet of the loss meter.
	MeterName = plan.Name + "-meter"
	// MeterPort is where the meters serve HTTP in their Pods.
	MeterPort = 8053

	componentMeter = "meter"
	// operatorContainer is the operator among the containers of its Pod.
	operatorContainer = "operator"
	// nonRoot is "nonroot" of images without a system.
	nonRoot = 65532
)

// Metered reports whether the loss meter is to be there in a phase: whenever
// another server than before may get what clients ask.
func Metered(phase v1alpha1.MigrationPhase) bool {
	return slices.Contains([]v1alpha1.MigrationPhase{v1alpha1.PhaseCanary, v1alpha1.PhaseOverlap, v1alpha1.PhaseCutOver, v1alpha1.PhaseSoak}, phase)
}

// MeterDaemonSet returns the loss meter: on every node a Pod that asks the Service
// for a name which every cluster has. The error says what is not known for it.
func MeterDaemonSet(o Observed) (*appsv1.DaemonSet, error) {
	if o.ClusterDNS == nil || o.Service == nil {
		return nil, errors.New("the loss meter needs a ClusterDNS and the Service that clients ask")
	}
	server, err := netip.ParseAddr(o.Service.Spec.ClusterIP)
	if err != nil {
		return nil, fmt.Errorf("the loss meter asks the cluster IP of the Service %s, which is %q", o.Service.Name, o.Service.Spec.ClusterIP)
	}
	image, err := o.operatorImage()
	if err != nil {
		return nil, err
	}
	domain := render.ClusterDomain(&o.ClusterDNS.Spec, render.Facts{ClusterDomain: o.Kubelet.ClusterDomain, Services: o.References.Services})
	selector := map[string]string{plan.LabelName: plan.Name, plan.LabelComponent: componentMeter}
	return &appsv1.DaemonSet{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"},
		ObjectMeta: metav1.ObjectMeta{Namespace: o.Operator.Namespace, Name: MeterName, Labels: map[string]string{
			plan.LabelName: plan.Name, plan.LabelComponent: componentMeter, plan.LabelManagedBy: plan.Manager,
		}},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: selector},
				Spec:       image.pod("--server="+server.String(), "--name=kubernetes.default.svc."+domain),
			},
			// One on each node at a time is enough, and nobody waits for them.
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: &appsv1.RollingUpdateDaemonSet{
				MaxSurge: ptr(intstr.FromInt32(0)), MaxUnavailable: ptr(intstr.FromString("100%")),
			}},
			RevisionHistoryLimit: ptr(int32(1)),
		},
	}, nil
}

// An image is how Pods come to the program of the operator.
type image struct {
	name    string
	policy  corev1.PullPolicy
	secrets []corev1.LocalObjectReference
}

// operatorImage returns the image that is named, or the one that the operator's own
// Pod has, with what its node needed to get it.
func (o Observed) operatorImage() (image, error) {
	if o.Operator.Image != "" {
		return image{name: o.Operator.Image, policy: corev1.PullIfNotPresent}, nil
	}
	n := slices.IndexFunc(o.Pods, func(p corev1.Pod) bool { return p.Name == o.Operator.Pod })
	if n < 0 || len(o.Pods[n].Spec.Containers) == 0 {
		return image{}, fmt.Errorf("the Pod %q of the operator is not in the namespace %s, so its image is not known: name it with --operator-image", o.Operator.Pod, o.Operator.Namespace)
	}
	spec := o.Pods[n].Spec
	own := max(slices.IndexFunc(spec.Containers, func(c corev1.Container) bool { return c.Name == operatorContainer }), 0)
	c := spec.Containers[own]
	return image{c.Image, cmp.Or(c.ImagePullPolicy, corev1.PullIfNotPresent), spec.ImagePullSecrets}, nil
}

// pod returns a Pod that may do nothing but ask and tell.
func (i image) pod(args ...string) corev1.PodSpec {
	return corev1.PodSpec{
		AutomountServiceAccountToken: ptr(false), EnableServiceLinks: ptr(false),
		// It is to work when the DNS does not.
		DNSPolicy:                     corev1.DNSDefault,
		TerminationGracePeriodSeconds: ptr(int64(5)), // answers are waited for 2 s
		NodeSelector:                  map[string]string{corev1.LabelOSStable: "linux"},
		Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		ImagePullSecrets:              i.secrets,
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr(true), RunAsUser: ptr(int64(nonRoot)), RunAsGroup: ptr(int64(nonRoot)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name: componentMeter, Image: i.name, ImagePullPolicy: i.policy,
			Args:  append([]string{"meter"}, append(args, fmt.Sprintf("--address=:%d", MeterPort))...),
			Env:   []corev1.EnvVar{{Name: "GOMEMLIMIT", Value: "48MiB"}},
			Ports: []corev1.ContainerPort{{Name: "counts", ContainerPort: MeterPort, Protocol: corev1.ProtocolTCP}},
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("32Mi")},
				// Who is kept from the processor would count its own delay as a loss.
				Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("200m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
			},
			ReadinessProbe:           healthy(5),
			LivenessProbe:            healthy(30),
			TerminationMessagePath:   corev1.TerminationMessagePathDefault,
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: ptr(false), ReadOnlyRootFilesystem: ptr(true),
				Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		}},
	}
}

func healthy(period int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(MeterPort), Scheme: corev1.URISchemeHTTP}},
		PeriodSeconds: period, TimeoutSeconds: 5, FailureThreshold: 3, SuccessThreshold: 1,
	}
}

func ptr[T any](v T) *T { return &v }

// A MeterReport is what the meter of one node has counted.
type MeterReport struct {
	// Node it is on. A node may have had several, one after the other.
	Node string
	// Silent says that it did not answer this time: the counts are those of earlier.
	Silent bool
	// Asked are the questions, Lost those without an answer in time, Wrong those with
	// another answer than an address.
	Asked, Lost, Wrong int64
}

// Sum returns what all nodes have counted, nil if there is no report.
func Sum(reports []MeterReport) *Meter {
	if len(reports) == 0 {
		return nil
	}
	var m Meter
	for _, r := range reports {
		m.Asked += r.Asked
		m.Lost += r.Lost
		m.Wrong += r.Wrong
		if r.Silent {
			m.Silent = append(m.Silent, r.Node)
		}
	}
	slices.Sort(m.Silent)
	m.Silent = slices.Compact(m.Silent)
	return &m
}
