// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile/render"
)

const (
	configVolume = "config"
	container    = "coredns"

	healthPort, readyPort, metricsPort = 8080, 8181, 9153
	// user is "nonroot" of images without a system.
	user = 65532
	// grace beyond the lameduck, for answers that are under way.
	grace = 15 * time.Second
)

// template returns the Pods of spec. The revision that they load is put in later.
func (p *planner) template() corev1.PodTemplateSpec {
	spec := &p.ClusterDNS.Spec
	t := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: ServerLabels()}}
	if sum := p.secretsHash(); sum != "" {
		t.Annotations = map[string]string{annotationSecrets: sum}
	}
	t.Spec = corev1.PodSpec{
		ServiceAccountName: Name,
		PriorityClassName:  "system-cluster-critical",
		// The servers are the cluster's DNS: theirs is the node's.
		DNSPolicy:                     corev1.DNSDefault,
		TerminationGracePeriodSeconds: ptr(int64((render.Lameduck(spec) + grace).Seconds())),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr(true), RunAsUser: ptr(int64(user)), RunAsGroup: ptr(int64(user)), FSGroup: ptr(int64(user)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		TopologySpreadConstraints: spread(),
		Affinity:                  apart(),
		Tolerations:               tolerations(spec.Placement),
		NodeSelector:              map[string]string{"kubernetes.io/os": "linux"},
		Containers:                []corev1.Container{p.container()},
		Volumes:                   p.volumes(),
	}
	if spec.Placement != nil {
		t.Spec.HostNetwork = spec.Placement.HostNetwork
		// What the API server would set, but as ours: it goes with hostNetwork.
		for i := range t.Spec.Containers[0].Ports {
			if port := &t.Spec.Containers[0].Ports[i]; t.Spec.HostNetwork {
				port.HostPort = port.ContainerPort
			}
		}
		maps.Copy(t.Spec.NodeSelector, spec.Placement.NodeSelector)
	}
	if spec.Image != nil {
		for _, s := range spec.Image.PullSecrets {
			t.Spec.ImagePullSecrets = append(t.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: string(s)})
		}
	}
	return t
}

func (p *planner) container() corev1.Container {
	port := int32(render.Port(&p.ClusterDNS.Spec)) //nolint:gosec // a port
	limit := p.memory()
	c := corev1.Container{
		Name: container, Image: p.image(), ImagePullPolicy: corev1.PullIfNotPresent,
		Args: []string{"-conf", render.Folder + "/" + corefileKey},
		Env:  []corev1.EnvVar{{Name: "GOMEMLIMIT", Value: fmt.Sprint(limit.Value() * 9 / 10)}},
		Ports: []corev1.ContainerPort{
			{Name: "dns", ContainerPort: port, Protocol: corev1.ProtocolUDP},
			{Name: "dns-tcp", ContainerPort: port, Protocol: corev1.ProtocolTCP},
			{Name: "metrics", ContainerPort: metricsPort, Protocol: corev1.ProtocolTCP},
		},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: *resource.NewQuantity(limit.Value()/2, resource.BinarySI)},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: limit},
		},
		VolumeMounts: p.mounts(),
		// CoreDNS waits 5 s for the API server, and is ready once all is read.
		ReadinessProbe: &corev1.Probe{ProbeHandler: get("/ready", readyPort), PeriodSeconds: 2, FailureThreshold: 3, TimeoutSeconds: 2, SuccessThreshold: 1},
		LivenessProbe:  &corev1.Probe{ProbeHandler: get("/health", healthPort), InitialDelaySeconds: 60, PeriodSeconds: 10, FailureThreshold: 5, TimeoutSeconds: 5, SuccessThreshold: 1},
		// The last words of a server that does not start are in its status.
		TerminationMessagePath: "/dev/termination-log", TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr(false), ReadOnlyRootFilesystem: ptr(true),
			// Also for a port above 1023: the program has it as a file capability, and
			// would not start without it.
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: []corev1.Capability{"NET_BIND_SERVICE"}},
		},
	}
	return c
}

func get(path string, port int) corev1.ProbeHandler {
	return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt(port), Scheme: corev1.URISchemeHTTP}}
}

// revisionLabel tells the servers of one revision of a Deployment from others.
const revisionLabel = "pod-template-hash"

// spread has the servers of one revision in all zones, if nodes say theirs.
func spread() []corev1.TopologySpreadConstraint {
	return []corev1.TopologySpreadConstraint{{
		MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.ScheduleAnyway,
		LabelSelector: &metav1.LabelSelector{MatchLabels: ServerLabels()}, MatchLabelKeys: []string{revisionLabel},
	}}
}

// apart has the servers of one revision on different nodes, as far as there are.
// It is no spread constraint: of several the scheduler heeds none where a node
// lacks a label of one.
func apart() *corev1.Affinity {
	return &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{
		Weight: 100, PodAffinityTerm: corev1.PodAffinityTerm{
			TopologyKey: corev1.LabelHostname, LabelSelector: &metav1.LabelSelector{MatchLabels: ServerLabels()}, MatchLabelKeys: []string{revisionLabel},
		},
	}}}}
}

// tolerations has servers on control planes, and off a node that is gone.
func tolerations(placement *v1alpha1.Placement) []corev1.Toleration {
	list := []corev1.Toleration{
		{Key: "CriticalAddonsOnly", Operator: corev1.TolerationOpExists},
		{Key: "node-role.kubernetes.io/control-plane", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
		{Key: "node.kubernetes.io/not-ready", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: ptr(int64(30))},
		{Key: "node.kubernetes.io/unreachable", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: ptr(int64(30))},
	}
	if placement != nil {
		list = append(list, placement.Tolerations...)
	}
	return list
}

func (p *planner) volumes() []corev1.Volume {
	list := []corev1.Volume{{Name: configVolume, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{DefaultMode: ptr(int32(0o444))}}}}
	for _, name := range secretNames(&p.ClusterDNS.Spec) {
		list = append(list, corev1.Volume{Name: volumeName(name), VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: name, DefaultMode: ptr(int32(0o440))},
		}})
	}
	return list
}

func (p *planner) mounts() []corev1.VolumeMount {
	list := []corev1.VolumeMount{{Name: configVolume, MountPath: render.Folder, ReadOnly: true}}
	for _, name := range secretNames(&p.ClusterDNS.Spec) {
		list = append(list, corev1.VolumeMount{Name: volumeName(name), MountPath: render.CertificateFolder(name), ReadOnly: true})
	}
	return list
}

// volumeName is a label, which the name of a Secret need not be.
func volumeName(secret string) string { return "secret-" + hash(secret) }

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:10]
}

// secretsHash has the servers begin anew when a certificate of theirs is renewed.
func (p *planner) secretsHash() string {
	var text strings.Builder
	for _, name := range secretNames(&p.ClusterDNS.Spec) {
		data := p.References.Secrets[name]
		for _, key := range slices.Sorted(maps.Keys(data)) {
			fmt.Fprintf(&text, "%s\x00%s\x00%s\x00", name, key, data[key])
		}
	}
	if text.Len() == 0 {
		return ""
	}
	return hash(text.String())
}

// image returns the image of the servers.
func (p *planner) image() string {
	i := p.ClusterDNS.Spec.Image
	if i == nil {
		i = &v1alpha1.Image{}
	}
	name := or(i.Repository, p.Operator.Repository)
	if i.Registry != "" {
		name = i.Registry + "/" + name
	}
	if i.Digest != "" {
		return name + "@" + i.Digest
	}
	return name + ":" + or(i.Tag, p.Operator.Tag)
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
