// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

var updatePhases = flag.Bool("update-phases", false, "write what is planned into testdata/phases")

// TestPhases plans the step that testdata/phases/*.txtar describe: a spec.yaml, and
// what is there beside it, see [there].
func TestPhases(t *testing.T) {
	files, err := filepath.Glob("testdata/phases/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	seen := map[v1alpha1.MigrationPhase]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { seen[phaseScenario(t, file)] = true })
	}
	for _, p := range []v1alpha1.MigrationPhase{
		v1alpha1.PhasePreflight, v1alpha1.PhaseShadow, v1alpha1.PhaseCanary, v1alpha1.PhaseOverlap, v1alpha1.PhaseCutOver,
		v1alpha1.PhaseSoak, v1alpha1.PhaseFinalise, v1alpha1.PhaseFinalised, v1alpha1.PhaseRolledBack,
	} {
		if !seen[p] {
			t.Errorf("no scenario of the phase %s", p)
		}
	}
}

// A there is what is observed. Durations are ago.
type there struct {
	// Selector of the Service: old or ours.
	Selector string
	// Old and Ours are servers: ready or not. Replicas are those of the old Deployment.
	Old, Ours []bool
	Replicas  int32
	Loaded    bool
	// Problem is what is wrong with the answers of our servers.
	Problem            string
	Shadow             *v1alpha1.ShadowReport
	Snapshot           bool
	Back               string
	Incoming, Outgoing *thereSlice
	// Followed says that the controller has the servers of the selector as endpoints.
	Followed bool
	Meter    *Meter
}

type thereSlice struct {
	Stage string
	Since metav1.Duration
	Left  *metav1.Duration
	Of    string // old or ours
	Count int
}

func phaseScenario(t *testing.T, path string) v1alpha1.MigrationPhase {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := &txtar.Archive{Comment: archive.Comment}
	var spec v1alpha1.DNSMigrationSpec
	var s there
	for _, f := range archive.Files {
		into := map[string]any{"spec.yaml": &spec, "there.yaml": &s}[f.Name]
		if into == nil {
			continue
		}
		if err := yaml.UnmarshalStrict(f.Data, into); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		got.Files = append(got.Files, f)
	}
	p := For(s.observed(t, spec))
	got.Files = append(got.Files, txtar.File{Name: "steps", Data: []byte(steps(p))}, txtar.File{Name: "status", Data: []byte(statusText(p))})
	if *updatePhases {
		if err := os.WriteFile(path, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return p.Status.Phase
	}
	if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
		t.Errorf("want -, got +; go test ./operator/internal/migration -run TestPhases -update-phases writes it:\n%s", diff)
	}
	return p.Status.Phase
}

var oldLabels = map[string]string{"k8s-app": "kube-dns"}

func (s *there) observed(t *testing.T, spec v1alpha1.DNSMigrationSpec) Observed {
	o := Observed{Migration: &v1alpha1.DNSMigration{ObjectMeta: metav1.ObjectMeta{Name: "default", Generation: 2}, Spec: spec}, Meter: s.Meter, Shadow: s.Shadow}
	o.Now = noon
	o.Operator = plan.Operator{Namespace: "kube-system", ServiceName: "kube-dns", LocalImage: true, Image: "clusterdns/operator:v0.1.0"}
	o.ClusterDNS = &v1alpha1.ClusterDNS{ObjectMeta: metav1.ObjectMeta{Name: "default"}, Spec: v1alpha1.ClusterDNSSpec{ManagementState: v1alpha1.Managed}}
	o.Service = &corev1.Service{Spec: corev1.ServiceSpec{Selector: oldLabels, ClusterIP: "10.96.0.10", ClusterIPs: []string{"10.96.0.10"}, Ports: []corev1.ServicePort{
		{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromInt32(53)},
		{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: 53, TargetPort: intstr.FromInt32(53)},
	}}}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: oldLabels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "coredns", Image: "registry.k8s.io/coredns/coredns:v1.12.0"}}}}
	if s.Replicas >= 0 {
		o.Deployments = []appsv1.Deployment{{ObjectMeta: metav1.ObjectMeta{Name: "coredns"}, Spec: appsv1.DeploymentSpec{Replicas: &s.Replicas, Selector: &metav1.LabelSelector{MatchLabels: oldLabels}, Template: template}}}
	}
	o.ConfigMaps = map[string]corev1.ConfigMap{"coredns": {Data: map[string]string{"Corefile": ".:53 {\n    kubernetes cluster.local\n    forward . 192.0.2.1\n}\n"}}}
	for i, ready := range s.Old {
		o.Pods = append(o.Pods, thePod("old", i, oldLabels, ready))
	}
	o.Serving = Serving{Loaded: s.Loaded, Problems: map[string]string{}}
	for i, ready := range s.Ours {
		p := thePod("ours", i, plan.ServerLabels(), ready)
		o.Pods = append(o.Pods, p)
		if s.Problem != "" {
			o.Serving.Problems[p.Name] = s.Problem
		}
	}
	m := &migrator{o: o}
	if s.Snapshot || s.Back != "" {
		m.snapshot = m.take()
		m.snapshot.Workloads = []workload{{Kind: "Deployment", Name: "coredns", Replicas: 2}}
		var marks map[string]string
		if s.Back != "" {
			marks = map[string]string{annotationBack: s.Back, annotationBackGeneration: "2"}
		}
		var err error
		if o.Snapshot, err = m.snapshot.object("kube-system", marks); err != nil {
			t.Fatal(err)
		}
	}
	if s.Selector == "ours" {
		o.Service.Spec.Selector = plan.ServerLabels()
	}
	o.Incoming, o.Outgoing = s.Incoming.slice(m, IncomingName), s.Outgoing.slice(m, OutgoingName)
	if s.Followed {
		o.Slices = []discoveryv1.EndpointSlice{followedSlice(o)}
	}
	return o
}

func thePod(name string, i int, labels map[string]string, ready bool) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", name, i+1), Labels: map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: "1"}}}
	for k, v := range labels {
		p.Labels[k] = v
	}
	workload := map[string]string{"old": "coredns", "ours": "clusterdns"}[name]
	p.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: workload + "-1", Controller: new(true)}}
	p.Spec.Containers = []corev1.Container{{Name: "coredns", Ports: []corev1.ContainerPort{
		{Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}, {Name: "dns-tcp", ContainerPort: 53, Protocol: corev1.ProtocolTCP},
	}}}
	p.Status.PodIP = map[string]string{"old": "10.0.0.", "ours": "10.0.1."}[name] + fmt.Sprint(i+1)
	is := corev1.ConditionFalse
	if ready {
		is = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: is}}
	return p
}

func (s *thereSlice) slice(m *migrator, name string) *discoveryv1.EndpointSlice {
	if s == nil {
		return nil
	}
	side, how := m.ours(), asked
	if s.Of == "old" {
		side = m.old()
	}
	if name == OutgoingName {
		how = kept
	}
	marks := map[string]string{annotationStage: s.Stage, annotationSince: noon.Add(-s.Since.Duration).Format(time.RFC3339)}
	if s.Left != nil {
		marks[annotationLeft], how = noon.Add(-s.Left.Duration).Format(time.RFC3339), left
	}
	if s.Count > 0 {
		side.pods = side.pods[:s.Count]
	}
	return m.slice(name, side, how, marks, discoveryv1.AddressTypeIPv4)
}

// followedSlice is what the controller makes of the selector.
func followedSlice(o Observed) discoveryv1.EndpointSlice {
	s := discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{discoveryv1.LabelManagedBy: plan.SliceController}}}
	for i := range o.Pods {
		p := &o.Pods[i]
		if matches(o.Service.Spec.Selector, p.Labels) && isReady(p) {
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{p.Status.PodIP}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: p.Name}})
		}
	}
	return s
}

// steps writes a plan for people.
func steps(p Plan) string {
	var b strings.Builder
	for _, o := range p.Apply {
		switch o := o.Object.(type) {
		case *discoveryv1.EndpointSlice:
			fmt.Fprintf(&b, "EndpointSlice %s, %s\n", o.Name, o.Annotations[annotationStage])
			for _, e := range o.Endpoints {
				fmt.Fprintf(&b, "  %s ready=%v serving=%v terminating=%v\n", e.TargetRef.Name, *e.Conditions.Ready, *e.Conditions.Serving, *e.Conditions.Terminating)
			}
		case *corev1.Service:
			selector, _ := json.Marshal(o.Spec.Selector) //nolint:errchkjson // strings
			fmt.Fprintf(&b, "Service %s selects %s\n", o.Name, selector)
		case *corev1.ConfigMap:
			fmt.Fprintf(&b, "ConfigMap %s %s\n", o.Name, o.Annotations[annotationBack])
		case *appsv1.Deployment:
			fmt.Fprintf(&b, "Deployment %s gets %d replicas\n", o.Name, *o.Spec.Replicas)
		case *appsv1.DaemonSet:
			fmt.Fprintf(&b, "DaemonSet %s\n", o.Name)
		}
	}
	for _, r := range p.Delete {
		fmt.Fprintf(&b, "delete %s\n", r)
	}
	return b.String()
}

func statusText(p Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, again in %s\n", p.Status.Phase, p.Again)
	for _, c := range p.Status.Conditions {
		fmt.Fprintf(&b, "%s %s: %s\n", c.Type, c.Status, c.Message)
	}
	for _, e := range p.Events {
		fmt.Fprintf(&b, "event %s: %s\n", e.Reason, e.Message)
	}
	if p.Status.LostQueries != nil {
		fmt.Fprintf(&b, "lost %d of %d\n", *p.Status.LostQueries, *p.Status.MeteredQueries)
	}
	return b.String()
}
