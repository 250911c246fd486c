// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

var update = flag.Bool("update", false, "write what is planned into the scenarios")

// TestScenarios plans what testdata/*.txtar describe. Each has a spec.yaml, and
// what is observed beside it in observed.yaml, see [situation]. GOOD and other
// words in capitals are revisions: TARGET is that of the spec.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { scenario(t, file) })
	}
}

func scenario(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := &txtar.Archive{Comment: archive.Comment}
	var spec v1alpha1.ClusterDNSSpec
	var s situation
	for _, f := range archive.Files {
		var into any
		switch f.Name {
		case "spec.yaml":
			into = &spec
		case "observed.yaml":
			into = &s
		default:
			continue
		}
		if err := yaml.UnmarshalStrict(f.Data, into); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		got.Files = append(got.Files, f)
	}
	w := s.world(t, spec)
	p := For(w.observed)
	w.part(t, got, "objects.yaml", w.objects(t, p, s.Show))
	if s.Questions {
		w.part(t, got, "questions.yaml", w.questions())
	}
	w.part(t, got, "status.yaml", w.status(p))
	if len(p.Events) > 0 {
		got.Files = append(got.Files, txtar.File{Name: "events", Data: []byte(w.readable(events(p)))})
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := gocmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
		t.Errorf("want -, got +; go test ./operator/internal/plan -update writes it:\n%s", diff)
	}
}

// noon is when all scenarios are.
var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// A situation is what is observed, for people. Durations are ago.
type situation struct {
	// Show has the objects to write without their Pod template, as "Kind", or parts
	// of them, as "Kind path.of.field"; / stands for a dot in the name of a field.
	Show []string
	// Questions has what is asked be written, too.
	Questions  bool
	Generation int64
	// Runs is the revision that all of two ready servers of a Deployment have.
	Runs       string
	Deployment *workloadSituation
	DaemonSet  *workloadSituation
	Pods       []podSituation
	Revisions  map[string]marks
	// Domain of other revisions than TARGET, and their upstream.
	Forwards map[string]string
	// Service is none (the default), there or foreign; Endpoints are its ready endpoints.
	Service   string
	Endpoints []string
	// Others are ready endpoints in a slice that somebody wrote.
	Others     []string
	Services   map[string]string
	ConfigMaps map[string]string
	Secrets    map[string]map[string][]byte
	Denied     []string
	Size       Size
	Kubelet    struct {
		ClusterDomain string
		ClusterDNS    []string
	}
	ServiceCIDRs    []string
	APIServer       []string
	NodeResolvers   []netip.Addr
	Present         []string
	ServiceMonitors bool
	NoLocalImage    bool
	Findings        []string
	CheckFailed     string
	Drift           []v1alpha1.DriftStatus
	// Bad are answers, by the key of the question; the others are good.
	Bad map[string]string
	// Unasked are questions that were not asked yet.
	Unasked []string
	// AnswerAge is how old the bad ones are.
	AnswerAge metav1.Duration
	// Unread and Failed are why the cluster could not be read, or written.
	Unread, Failed string
	// Before are conditions that the status has, as "Status Reason".
	Before map[string]string
}

type workloadSituation struct {
	Revision                   string
	Wanted, Updated, Available int32
	Total                      int32
	Refused                    string
	Unseen                     bool
}

type podSituation struct {
	Name, Revision string
	Canary, Ready  bool
	Age            metav1.Duration
	// Ended is what CoreDNS said last, Restarts how often.
	Ended    string
	Restarts int32
	// Waiting is why a container does not start, Unscheduled why there is no node,
	// Failed why the Pod is not tried again.
	Waiting, Unscheduled, Failed string
	Deleted                      bool
}

// marks are how long ago a revision got its annotations.
type marks struct {
	Created, Verified, Offered, Good, Applied, Failed *metav1.Duration
	AppliedGeneration, FailedGeneration               int64
	Why                                               string
}

// A world is an observation with names for its revisions.
type world struct {
	observed Observed
	names    map[string]string // of revisions, by the word for them
	by       map[string]revision
}

func (s *situation) world(t *testing.T, spec v1alpha1.ClusterDNSSpec) *world {
	t.Helper()
	if spec.ManagementState == "" {
		spec.ManagementState = v1alpha1.Managed // as the API server does
	}
	w := &world{names: map[string]string{}, by: map[string]revision{}}
	w.observed = s.surroundings(t, spec)
	w.name("TARGET", newPlanner(w.observed).target)
	if s.Runs != "" {
		s.Deployment = &workloadSituation{Revision: s.Runs, Wanted: 2, Updated: 2, Available: 2}
		for i := range 2 {
			s.Pods = append(s.Pods, podSituation{Name: fmt.Sprintf("clusterdns-%d", i+1), Revision: s.Runs, Ready: true})
		}
	}
	w.workloads(t, s)
	w.revisions(t, s)
	for _, p := range s.Pods {
		w.observed.Pods = append(w.observed.Pods, w.pod(t, s, p))
	}
	if target := newPlanner(w.observed).target; target.name != w.names["TARGET"] {
		w.name("TARGET", target) // of another size than what runs
	}
	text, _ := Corefile(w.observed)
	w.observed.Check = Check{Text: text, Good: len(s.Findings) == 0 && s.CheckFailed == "", Findings: s.Findings, Failed: s.CheckFailed}
	w.answers(s)
	return w
}

func (s *situation) surroundings(t *testing.T, spec v1alpha1.ClusterDNSSpec) Observed {
	o := Observed{
		Now: noon, Operator: Operator{Namespace: "kube-system", ServiceName: "kube-dns", Repository: "clusterdns/coredns", Tag: "v0.1.0", LocalImage: !s.NoLocalImage},
		ClusterDNS: &v1alpha1.ClusterDNS{ObjectMeta: metav1.ObjectMeta{Name: "default", Generation: cmp.Or(s.Generation, 1)}, Spec: spec},
		Size:       s.Size, NodeResolvers: s.NodeResolvers, Unread: s.Unread, Failed: s.Failed, Present: s.Present, ServiceMonitors: s.ServiceMonitors, Drift: s.Drift,
	}
	for _, kind := range slices.Sorted(maps.Keys(s.Before)) {
		status, reason, _ := strings.Cut(s.Before[kind], " ")
		o.ClusterDNS.Status.Conditions = append(o.ClusterDNS.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionStatus(status), Reason: reason})
	}
	o.Kubelet.ClusterDomain = s.Kubelet.ClusterDomain
	for _, a := range s.Kubelet.ClusterDNS {
		o.Kubelet.ClusterDNS = append(o.Kubelet.ClusterDNS, netip.MustParseAddr(a))
	}
	for _, n := range s.ServiceCIDRs {
		o.ServiceCIDRs = append(o.ServiceCIDRs, netip.MustParsePrefix(n))
	}
	for _, a := range s.APIServer {
		o.APIServer = append(o.APIServer, netip.MustParseAddrPort(a))
	}
	s.service(&o)
	s.references(&o)
	return o
}

func (s *situation) service(o *Observed) {
	if s.Service != "" {
		o.Service = &corev1.Service{Spec: corev1.ServiceSpec{ClusterIPs: []string{"10.96.0.10"}}}
		if s.Service == "there" {
			o.Service.Spec.Selector = ServerLabels()
		}
	}
	o.Slices = []discoveryv1.EndpointSlice{slice(SliceController, s.Endpoints), slice("somebody", s.Others)}
}

// slice has Pods be ready endpoints.
func slice(manager string, pods []string) discoveryv1.EndpointSlice {
	s := discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{discoveryv1.LabelManagedBy: manager}}}
	for _, name := range pods {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: name}})
	}
	return s
}

func (s *situation) references(o *Observed) {
	o.References = References{Services: map[v1alpha1.ServiceReference]netip.Addr{}, Certificates: map[string][]byte{}, Secrets: s.Secrets, Denied: s.Denied}
	for name, address := range s.Services {
		namespace, name, _ := strings.Cut(name, "/")
		o.References.Services[v1alpha1.ServiceReference{Namespace: namespace, Name: name}] = netip.MustParseAddr(address)
	}
	for name, text := range s.ConfigMaps {
		o.References.Certificates[name] = []byte(text)
	}
}

func (w *world) name(word string, r revision) { w.names[word], w.by[word] = r.name, r }

// revision returns the one of a word. All but TARGET have a host of that name.
func (w *world) revision(t *testing.T, s *situation, word string) revision {
	t.Helper()
	if r, ok := w.by[word]; ok {
		return r
	}
	o := w.observed
	o.Deployment, o.DaemonSet = nil, nil
	o.ClusterDNS = &v1alpha1.ClusterDNS{Spec: v1alpha1.ClusterDNSSpec{
		Hosts: []v1alpha1.Host{{Name: v1alpha1.Domain(strings.ToLower(word) + ".example.org"), Addresses: []v1alpha1.Address{"192.0.2.1"}}},
	}}
	for _, zone := range slices.Sorted(maps.Keys(s.Forwards)) {
		u := v1alpha1.Upstreams{Endpoints: []v1alpha1.Endpoint{{Address: v1alpha1.Address(s.Forwards[zone])}}}
		if spec := &o.ClusterDNS.Spec; zone == "." {
			spec.Upstreams = &u
		} else {
			spec.StubZones = append(spec.StubZones, v1alpha1.StubZone{Name: "zone", Zones: []v1alpha1.Zone{v1alpha1.Zone(zone)}, Upstreams: u})
		}
	}
	r := newPlanner(o).target
	w.name(word, r)
	return r
}

func (w *world) workloads(t *testing.T, s *situation) {
	if d := s.Deployment; d != nil {
		w.observed.Deployment = &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Generation: 2},
			Spec:       appsv1.DeploymentSpec{Replicas: &d.Wanted, Template: w.revision(t, s, d.Revision).pods()},
			Status:     appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: cmp.Or(d.Total, d.Updated), UpdatedReplicas: d.Updated, AvailableReplicas: d.Available},
		}
		if d.Unseen {
			w.observed.Deployment.Status.ObservedGeneration = 1
		}
		if d.Refused != "" {
			w.observed.Deployment.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: d.Refused}}
		}
	}
	if d := s.DaemonSet; d != nil {
		w.observed.DaemonSet = &appsv1.DaemonSet{
			Spec:   appsv1.DaemonSetSpec{Template: w.revision(t, s, d.Revision).pods()},
			Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: d.Wanted, UpdatedNumberScheduled: d.Updated, NumberAvailable: d.Available},
		}
	}
}

func (w *world) revisions(t *testing.T, s *situation) {
	for _, word := range slices.Sorted(maps.Keys(s.Revisions)) {
		m := s.Revisions[word]
		r := w.revision(t, s, word)
		r.marks = map[string]string{}
		for name, ago := range map[string]*metav1.Duration{
			annotationVerified: m.Verified, annotationOfferedAt: m.Offered, annotationGood: m.Good, annotationAppliedAt: m.Applied, annotationFailedAt: m.Failed,
		} {
			if ago != nil {
				r.mark(name, noon.Add(-ago.Duration))
			}
		}
		if m.AppliedGeneration != 0 {
			r.marks[annotationAppliedGeneration] = strconv.FormatInt(m.AppliedGeneration, 10)
		}
		if m.FailedGeneration != 0 {
			r.marks[annotationFailedGeneration], r.marks[annotationFailed] = strconv.FormatInt(m.FailedGeneration, 10), m.Why
		}
		cm := r.configMap("kube-system")
		if m.Created != nil {
			cm.CreationTimestamp = metav1.NewTime(noon.Add(-m.Created.Duration))
		}
		w.observed.Revisions = append(w.observed.Revisions, *cm)
	}
}

func (w *world) pod(t *testing.T, s *situation, p podSituation) corev1.Pod {
	r := w.revision(t, s, p.Revision)
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: p.Name, Labels: labels(componentServer), CreationTimestamp: metav1.NewTime(noon.Add(-p.Age.Duration))}, Spec: r.pods().Spec}
	if p.Canary {
		pod.Labels, pod.Name = labels(componentCanary), canaryName(r.name)
	}
	if p.Deleted {
		pod.DeletionTimestamp = ptr(metav1.NewTime(noon))
	}
	pod.Status.PodIP = "10.0.0.9"
	is := corev1.ConditionFalse
	if p.Ready {
		is = corev1.ConditionTrue
	}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: is}}
	c := corev1.ContainerStatus{Name: container, RestartCount: p.Restarts, Ready: p.Ready}
	if p.Ended != "" {
		c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Message: p.Ended}
	}
	if reason, message, found := strings.Cut(p.Waiting, ": "); found {
		c.State.Waiting = &corev1.ContainerStateWaiting{Reason: reason, Message: message}
	}
	if p.Unscheduled != "" {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: p.Unscheduled})
	}
	if reason, message, found := strings.Cut(p.Failed, ": "); found {
		pod.Status.Phase, pod.Status.Reason, pod.Status.Message = corev1.PodFailed, reason, message
	}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{c}
	return pod
}

func (w *world) answers(s *situation) {
	w.observed.Answers = map[string]Answer{}
	for _, q := range Questions(w.observed) {
		key := w.readable(q.Key)
		if slices.Contains(s.Unasked, key) {
			continue
		}
		a := Answer{At: noon, RTT: time.Millisecond, Rcode: "NOERROR"}
		if problem := s.Bad[key]; problem != "" {
			a = Answer{At: noon.Add(-s.AnswerAge.Duration), Problem: problem}
		}
		w.observed.Answers[q.Key] = a
	}
}

// questions are those that are asked before the plan is made.
func (w *world) questions() map[string]string {
	out := map[string]string{}
	for _, q := range Questions(w.observed) {
		out[q.Key] = q.Name + " " + q.Type
	}
	return out
}

// readable puts words in the place of revisions.
func (w *world) readable(text string) string {
	for word, name := range w.names {
		text = strings.ReplaceAll(text, name, word)
		text = strings.ReplaceAll(text, "-canary-"+strings.TrimPrefix(name, "coredns-"), "-canary-"+word)
	}
	return text
}

func (w *world) part(t *testing.T, a *txtar.Archive, name string, content any) {
	t.Helper()
	encoded, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.JSONToYAML([]byte(w.readable(string(encoded))))
	if err != nil {
		t.Fatal(err)
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: text})
}

// A step is what is done with one object.
type step struct {
	Apply    string            `json:"apply,omitempty"`
	Create   string            `json:"create,omitempty"`
	Adopt    string            `json:"adopt,omitempty"`
	Delete   string            `json:"delete,omitempty"`
	Revision string            `json:"revision,omitempty"`
	Marks    map[string]string `json:"marks,omitempty"`
	Shown    any               `json:"shown,omitempty"`
}

func (w *world) objects(t *testing.T, p Plan, show []string) []step {
	t.Helper()
	steps := []step{}
	for _, o := range p.Apply {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		u := &unstructured.Unstructured{Object: content}
		var s step
		name := Reference{u.GetKind(), u.GetNamespace(), u.GetName()}.String()
		*map[Mode]*string{Ours: &s.Apply, Create: &s.Create, Adopted: &s.Adopt}[o.Mode] = name
		switch o := o.Object.(type) {
		case *appsv1.Deployment:
			s.Revision = revisionOf(&o.Spec.Template.Spec)
		case *appsv1.DaemonSet:
			s.Revision = revisionOf(&o.Spec.Template.Spec)
		case *corev1.Pod:
			s.Revision = revisionOf(&o.Spec)
		case *corev1.ConfigMap:
			s.Marks = ages(o.Annotations)
		}
		s.Shown = shown(u, show)
		steps = append(steps, s)
	}
	for _, r := range p.Delete {
		steps = append(steps, step{Delete: r.String()})
	}
	return steps
}

// ages has the annotations of a revision in words.
func ages(annotations map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range annotations {
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			value = noon.Sub(at).String() + " ago"
			if at.Equal(noon) {
				value = "now"
			}
		}
		out[strings.TrimPrefix(name, "clusterdns.io/")] = value
	}
	return out
}

// shown returns the fields of an object that a scenario is about.
func shown(u *unstructured.Unstructured, show []string) any {
	fields := map[string]any{}
	for _, s := range show {
		kind, path, part := strings.Cut(s, " ")
		if kind != u.GetKind() {
			continue
		}
		if !part {
			o := u.DeepCopy().Object
			delete(o, "status")
			delete(o, "apiVersion")
			delete(o, "kind")
			unstructured.RemoveNestedField(o, "metadata")
			if u.GetKind() != "Service" || u.GetLabels() != nil {
				_ = unstructured.SetNestedStringMap(o, u.GetLabels(), "labels")
			}
			unstructured.RemoveNestedField(o, "spec", "template")
			return o
		}
		value := any(u.Object)
		for _, step := range strings.Split(path, ".") {
			switch v := value.(type) {
			case map[string]any:
				value = v[strings.ReplaceAll(step, "/", ".")]
			case []any:
				if i, err := strconv.Atoi(step); err == nil && i < len(v) {
					value = v[i]
				}
			}
		}
		fields[path] = value
	}
	if len(fields) == 0 {
		return nil
	}
	return fields
}

// A report is a status for people.
type report struct {
	Again      string                 `json:"again"`
	Domain     string                 `json:"domain,omitempty"`
	ClusterIPs []string               `json:"clusterIPs,omitempty"`
	Revision   string                 `json:"revision,omitempty"`
	LastGood   string                 `json:"lastGood,omitempty"`
	Conditions map[string]string      `json:"conditions"`
	Upstreams  []string               `json:"upstreams,omitempty"`
	Drift      []v1alpha1.DriftStatus `json:"drift,omitempty"`
}

func (w *world) status(p Plan) report {
	s := p.Status
	r := report{Again: p.Again.String(), Domain: s.ClusterDomain, ClusterIPs: s.ClusterIPs, LastGood: s.LastGoodRevision, Conditions: map[string]string{}, Drift: s.Drift}
	if s.Revision != nil {
		r.Revision = s.Revision.Name + " " + s.Revision.Loaded
	}
	for _, c := range s.Conditions {
		r.Conditions[c.Type] = fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
	}
	for _, u := range s.Upstreams {
		text := u.Endpoint + " for " + strings.Join(u.Zones, " ")
		if !u.Healthy {
			text += ": " + u.Message
		}
		r.Upstreams = append(r.Upstreams, text)
	}
	return r
}

func events(p Plan) string {
	var b strings.Builder
	for _, e := range p.Events {
		kind := "Normal"
		if e.Warning {
			kind = "Warning"
		}
		fmt.Fprintf(&b, "%s %s: %s\n", kind, e.Reason, e.Message)
	}
	return b.String()
}
