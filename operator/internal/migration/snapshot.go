// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// SnapshotName is the ConfigMap with what was there before.
const SnapshotName = "clusterdns-migration"

// A snapshot is what to go back to.
type snapshot struct {
	Selector map[string]string    `json:"selector"`
	Ports    []corev1.ServicePort `json:"ports"`
	// Workloads are the Deployments and DaemonSets of the old servers, and the
	// Deployments that scale them, which are to rest first and come back last.
	Workloads []workload `json:"workloads"`
	// Configuration has the ConfigMaps of the old DNS, by name.
	Configuration map[string]map[string]string `json:"configuration,omitempty"`
}

// A workload is one of the old DNS.
type workload struct {
	Kind, Name string
	// Replicas are -1 for a DaemonSet.
	Replicas int32
	// Scales says that it is no server: it changes the replicas of one.
	Scales bool `json:",omitempty"`
}

// take returns the snapshot of what serves now.
func (m *migrator) take() snapshot {
	s := snapshot{Selector: m.o.Service.Spec.Selector, Ports: slices.Clone(m.o.Service.Spec.Ports), Configuration: map[string]map[string]string{}}
	for i := range s.Ports {
		s.Ports[i].NodePort = 0
	}
	for i := range m.o.Deployments {
		d := &m.o.Deployments[i]
		switch {
		case d.Name == plan.Name:
		case matches(s.Selector, d.Spec.Template.Labels):
			s.Workloads = append(s.Workloads, workload{Kind: "Deployment", Name: d.Name, Replicas: replicas(d)})
		case m.scales(d, s.Selector):
			s.Workloads = append(s.Workloads, workload{Kind: "Deployment", Name: d.Name, Replicas: replicas(d), Scales: true})
		}
	}
	for i := range m.o.DaemonSets {
		if d := &m.o.DaemonSets[i]; d.Name != plan.Name && matches(s.Selector, d.Spec.Template.Labels) {
			s.Workloads = append(s.Workloads, workload{Kind: "DaemonSet", Name: d.Name, Replicas: -1})
		}
	}
	for name, cm := range m.o.ConfigMaps {
		s.Configuration[name] = cm.Data
	}
	return s
}

func replicas(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

// scales reports whether a Deployment is an autoscaler of old servers.
func (m *migrator) scales(d *appsv1.Deployment, selector map[string]string) bool {
	kind, name, _ := strings.Cut(strings.ToLower(scaled(d.Spec.Template.Spec)), "/")
	return strings.HasPrefix(kind, "deployment") && slices.ContainsFunc(m.o.Deployments, func(s appsv1.Deployment) bool {
		return s.Name == name && matches(selector, s.Spec.Template.Labels)
	})
}

// object returns the snapshot as a ConfigMap that nobody changes.
func (s snapshot) object(namespace string, marks map[string]string) (*corev1.ConfigMap, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: SnapshotName, Annotations: marks, Labels: map[string]string{
			plan.LabelManagedBy: plan.Manager, "app.kubernetes.io/part-of": plan.Name,
		}},
		Data: map[string]string{"snapshot.json": string(text)}, Immutable: new(true),
	}, nil
}

func readSnapshot(cm *corev1.ConfigMap) (snapshot, error) {
	var s snapshot
	if err := json.Unmarshal([]byte(cm.Data["snapshot.json"]), &s); err != nil {
		return s, fmt.Errorf("ConfigMap %s: %w; what was there before is not known any more", cm.Name, err)
	}
	return s, nil
}
