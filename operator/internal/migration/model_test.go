// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

var histories = flag.Int("histories", 200, "how many histories the model goes through")

// TestHistories carries steps out in a cluster that is a value, with proxies that
// hear of slices late. The operator stops between two writes, servers of ours end,
// people ask for the way back and think again. At no time is there nobody that a
// proxy leads traffic to, or somebody who does not answer; and no server ends that
// a proxy still leads a flow to. Left alone, the Service is served by one side.
func TestHistories(t *testing.T) {
	for seed := range uint64(*histories) { //nolint:gosec // a number of tests
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			m := newModel(seed)
			m.run()
			if len(m.wrong) > 0 {
				t.Fatalf("%s\n%s", strings.Join(m.wrong, "\n"), strings.Join(m.log[max(0, len(m.log)-80):], "\n"))
			}
		})
	}
}

// late is how long a proxy takes to hear of a slice at the longest.
const late = 3 * time.Second

// A model is a cluster with old servers, and ours.
type model struct {
	*rand.Rand
	o     Observed
	log   []string
	wrong []string
	// slices are all there are, by name; views are what proxies heard last, with the time.
	slices map[string]discoveryv1.EndpointSlice
	views  []view
	// broken says that servers of ours do not answer. It changed at a time, and the
	// operator carried a whole plan out after that at another.
	broken             bool
	changed, carriedAt time.Time
	n                  int
}

// A view is which endpoints there were from a time on.
type view struct {
	at             time.Time
	ready, serving []string
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func newModel(seed uint64) *model {
	m := &model{Rand: rand.New(rand.NewPCG(seed, 3)), slices: map[string]discoveryv1.EndpointSlice{}}
	soak := time.Duration(m.IntN(5)) * time.Minute
	m.o = Observed{Migration: &v1alpha1.DNSMigration{ObjectMeta: metav1.ObjectMeta{Name: "default", Generation: 1}, Spec: v1alpha1.DNSMigrationSpec{Soak: &metav1.Duration{Duration: soak}}}}
	if m.IntN(2) == 0 {
		m.o.Migration.Spec.Cleanup = v1alpha1.CleanupDelete
	}
	m.o.Now = noon
	m.o.Operator = plan.Operator{Namespace: "kube-system", ServiceName: "kube-dns", Repository: "clusterdns/coredns", Tag: "v0.1.0", LocalImage: true}
	m.o.ClusterDNS = &v1alpha1.ClusterDNS{ObjectMeta: metav1.ObjectMeta{Name: "default", Generation: 1}, Spec: v1alpha1.ClusterDNSSpec{ManagementState: v1alpha1.Managed}}
	old := map[string]string{"k8s-app": "kube-dns"}
	m.o.Service = &corev1.Service{Spec: corev1.ServiceSpec{Selector: old, ClusterIPs: []string{"10.96.0.10"}, Ports: []corev1.ServicePort{
		{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromInt32(53)},
		{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: 53, TargetPort: intstr.FromInt32(53)},
	}}}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: old}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "coredns", Image: "registry.k8s.io/coredns/coredns:v1.12.0"}}}}
	m.o.Deployments = []appsv1.Deployment{{ObjectMeta: metav1.ObjectMeta{Name: "coredns"}, Spec: appsv1.DeploymentSpec{Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: old}, Template: template}}}
	m.o.ConfigMaps = map[string]corev1.ConfigMap{"coredns": {Data: map[string]string{"Corefile": ".:53 {\n    kubernetes cluster.local in-addr.arpa ip6.arpa {\n        pods insecure\n        fallthrough in-addr.arpa ip6.arpa\n    }\n    forward . /etc/resolv.conf\n}\n"}}}
	m.o.Now = noon.Add(-time.Minute)
	m.works()
	m.o.Now = noon
	m.works()
	m.observe()
	for _, f := range Preflight(m.o) {
		if f.Severity == v1alpha1.SeverityError {
			m.fail("the model has an error: %s: %s", f.Code, f.Message)
		}
		m.o.Migration.Spec.Acknowledge = append(m.o.Migration.Spec.Acknowledge, f.Code)
	}
	return m
}

func (m *model) say(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf("%v ", m.o.Now.Sub(noon))+fmt.Sprintf(format, args...))
}

func (m *model) fail(format string, args ...any) {
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

func (m *model) run() {
	for range 40 + m.IntN(400) {
		m.happens()
		m.passes()
		if m.IntN(3) > 0 {
			m.reconcile(m.IntN(4) > 0)
		}
		if len(m.wrong) > 0 {
			return
		}
	}
	m.say("left alone")
	m.breaks(false)
	m.o.Migration.Spec.Pause = false
	for range 900 {
		m.passes()
		m.reconcile(true)
	}
	if len(m.wrong) > 0 {
		return
	}
	m.ends()
}

// ends looks at what is left.
func (m *model) ends() {
	phase := m.o.Migration.Status.Phase
	ours := maps.Equal(m.o.Service.Spec.Selector, plan.ServerLabels())
	switch {
	case phase == v1alpha1.PhaseFinalised && ours, phase == v1alpha1.PhaseRolledBack && !ours:
	case m.o.Snapshot == nil && phase == v1alpha1.PhaseRolledBack:
	default:
		m.fail("it ends as %s (%v), and the Service selects %v", phase, m.o.Migration.Status.Conditions, m.o.Service.Spec.Selector)
	}
	if m.o.Incoming != nil || m.o.Outgoing != nil {
		m.fail("slices are left over after %s", phase)
	}
}

// happens has people and servers do something.
func (m *model) happens() {
	change := func(f func(*v1alpha1.DNSMigrationSpec)) {
		m.o.Migration = m.o.Migration.DeepCopy()
		f(&m.o.Migration.Spec)
		m.o.Migration.Generation++
	}
	switch m.IntN(120) {
	case 0:
		change(func(s *v1alpha1.DNSMigrationSpec) { s.Rollback = &v1alpha1.MigrationRollback{Requested: true} })
		m.say("somebody asks for the way back")
	case 1, 2:
		change(func(s *v1alpha1.DNSMigrationSpec) { s.Rollback = nil })
		m.say("somebody lets it go on")
	case 3:
		m.breaks(true)
		m.say("servers of ours do not answer any more")
	case 4, 5:
		m.breaks(false)
	case 6:
		m.o.Migration.Spec.Pause = !m.o.Migration.Spec.Pause
		m.say("paused: %v", m.o.Migration.Spec.Pause)
	}
	if m.IntN(30) == 0 {
		m.o.Migration.Spec.Pause = false
	}
}

func (m *model) breaks(is bool) {
	if m.broken != is {
		m.broken, m.changed, m.carriedAt = is, m.o.Now, time.Time{}
	}
}

// passes lets a second pass.
func (m *model) passes() {
	m.o.Now = m.o.Now.Add(time.Second)
	m.works()
	m.look()
}

// works has the controllers of the cluster do their next step.
func (m *model) works() {
	var pods []corev1.Pod
	for _, p := range m.o.Pods {
		if p.DeletionTimestamp != nil && m.o.Now.Sub(p.DeletionTimestamp.Time) > 8*time.Second {
			continue // ended
		}
		pods = append(pods, p)
	}
	m.o.Pods = pods
	for i := range m.o.Deployments {
		d := &m.o.Deployments[i]
		m.scaled(d.Name, d.Spec.Template.Labels, int(*d.Spec.Replicas))
	}
	if Way(m.o) == plan.Forward || m.hasOurs() {
		m.scaled("clusterdns", plan.ServerLabels(), 2)
	}
	for i := range m.o.Pods {
		p := &m.o.Pods[i]
		is := p.DeletionTimestamp == nil && m.o.Now.Sub(p.CreationTimestamp.Time) > 3*time.Second && !(m.broken && m.isOurs(p))
		m.ready(p, is)
	}
	// The controller of EndpointSlices follows the selector.
	s := discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: "kube-dns-auto", Labels: map[string]string{discoveryv1.LabelManagedBy: plan.SliceController}}}
	for _, p := range m.o.Pods {
		if matches(m.o.Service.Spec.Selector, p.Labels) {
			is := isReady(&p)
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{p.Status.PodIP}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: p.Name}, Conditions: discoveryv1.EndpointConditions{
				Ready: new(is && p.DeletionTimestamp == nil), Serving: new(is), Terminating: new(p.DeletionTimestamp != nil),
			}})
		}
	}
	m.slices[s.Name] = s
}

func (m *model) hasOurs() bool {
	return slices.ContainsFunc(m.o.Pods, func(p corev1.Pod) bool { return m.isOurs(&p) })
}

func (m *model) isOurs(p *corev1.Pod) bool { return matches(plan.ServerLabels(), p.Labels) }

func (m *model) ready(p *corev1.Pod, is bool) {
	status := corev1.ConditionFalse
	if is {
		status = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
}

// scaled makes and ends Pods.
func (m *model) scaled(name string, labels map[string]string, want int) {
	var have []int
	for i := range m.o.Pods {
		if p := &m.o.Pods[i]; strings.HasPrefix(p.Name, name+"-") && p.DeletionTimestamp == nil {
			have = append(have, i)
		}
	}
	made := maps.Clone(labels)
	made[appsv1.DefaultDeploymentUniqueLabelKey] = "1"
	for len(have) < want {
		m.n++
		m.o.Pods = append(m.o.Pods, corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Name: fmt.Sprintf("%s-%d", name, m.n), Labels: made, CreationTimestamp: metav1.NewTime(m.o.Now),
				OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: name + "-1", Controller: new(true)}},
			},
			Status: corev1.PodStatus{PodIP: fmt.Sprintf("10.0.%d.%d", m.n/250, m.n%250)},
		})
		have = append(have, len(m.o.Pods)-1)
	}
	for _, i := range have[want:] {
		p := &m.o.Pods[i]
		p.DeletionTimestamp = new(metav1.NewTime(m.o.Now))
		m.say("%s is to end", p.Name)
		// No proxy leads a flow to it any more: none heard that it serves since long.
		for _, v := range m.views {
			if m.o.Now.Sub(v.at) < late && slices.Contains(v.serving, p.Status.PodIP) {
				m.fail("%s ends, and a proxy still leads flows to it", p.Name)
				break
			}
		}
	}
}

// look notes what proxies may think, and checks that somebody answers whatever of
// it they think.
func (m *model) look() {
	v := view{at: m.o.Now}
	ready, serving := map[string]bool{}, map[string]bool{}
	is := func(p *bool) bool { return p == nil || *p }
	for _, s := range m.slices {
		for _, e := range s.Endpoints {
			a := e.Addresses[0]
			// Of two slices that say otherwise a proxy heeds either one.
			if before, also := ready[a]; also {
				ready[a] = before && is(e.Conditions.Ready)
			} else {
				ready[a] = is(e.Conditions.Ready)
			}
			serving[a] = serving[a] || is(e.Conditions.Serving) && *orFalse(e.Conditions.Terminating)
		}
	}
	for a := range ready {
		if ready[a] {
			v.ready = append(v.ready, a)
		}
		if ready[a] || serving[a] {
			v.serving = append(v.serving, a)
		}
	}
	slices.Sort(v.ready)
	slices.Sort(v.serving)
	m.views = append(m.views, v)
	m.views = slices.DeleteFunc(m.views, func(v view) bool { return m.o.Now.Sub(v.at) > 2*late })
	if m.broken && !slices.ContainsFunc(m.o.Pods, func(p corev1.Pod) bool { return !m.isOurs(&p) && isReady(&p) }) {
		m.changed, m.carriedAt = m.o.Now, time.Time{}
		return // nobody is left
	}
	if m.o.Now.Sub(m.changed) < late+2*time.Second || !m.carriedAt.After(m.changed) || m.o.Now.Sub(m.carriedAt) <= late {
		return // nobody knows yet that servers of ours end, or are back
	}
	if len(v.serving) == 0 {
		m.fail("nobody is led traffic to")
	}
	for _, v := range m.views {
		if m.o.Now.Sub(v.at) > late {
			continue
		}
		targets := v.ready
		if len(targets) == 0 {
			targets = v.serving
		}
		if !slices.ContainsFunc(targets, m.answers) {
			m.fail("a proxy that heard of %v and %v leads traffic to nobody who answers", v.ready, v.serving)
			return
		}
	}
}

func orFalse(p *bool) *bool {
	if p == nil {
		return new(bool)
	}
	return p
}

// answers reports whether the server of an address does; one that was told to end
// does for a while.
func (m *model) answers(address string) bool {
	for _, p := range m.o.Pods {
		if p.Status.PodIP == address {
			return !(m.broken && m.isOurs(&p)) && m.o.Now.Sub(p.CreationTimestamp.Time) > 3*time.Second
		}
	}
	return false
}

// reconcile carries a plan out, or its first part.
func (m *model) reconcile(all bool) {
	m.observe()
	p := For(m.o)
	writes := len(p.Apply) + len(p.Delete)
	if !all {
		writes = m.IntN(writes + 1)
	}
	for _, e := range p.Events {
		m.say("event %s: %s", e.Reason, e.Message)
	}
	for i, o := range p.Apply {
		if i < writes {
			m.write(o)
		}
	}
	for i, r := range p.Delete {
		if len(p.Apply)+i < writes {
			m.erase(r)
		}
	}
	if all {
		m.o.Migration = m.o.Migration.DeepCopy()
		m.o.Migration.Status = *p.Status
		if m.carriedAt.IsZero() && m.o.Now.After(m.changed) {
			m.carriedAt = m.o.Now
		}
	}
	m.works()
	m.observe()
}

// observe is what the operator reads.
func (m *model) observe() {
	m.o.Slices, m.o.Incoming, m.o.Outgoing = nil, nil, nil
	for name, s := range m.slices {
		m.o.Slices = append(m.o.Slices, s)
		switch name {
		case IncomingName:
			m.o.Incoming = &s
		case OutgoingName:
			m.o.Outgoing = &s
		}
	}
	if m.o.Shadow = nil; m.o.Incoming == nil && m.IntN(2) == 0 { // an operator that begins anew has not asked yet
		m.o.Shadow = &v1alpha1.ShadowReport{Queries: 10}
	}
	m.o.Serving = Serving{Loaded: m.hasOurs() && !m.broken, Problems: map[string]string{}}
}

func (m *model) write(o plan.Object) {
	switch w := o.Object.(type) {
	case *corev1.ConfigMap:
		if o.Mode == plan.Create && m.o.Snapshot != nil {
			return
		}
		m.o.Snapshot = w.DeepCopy()
		var s snapshot
		if json.Unmarshal([]byte(w.Data["snapshot.json"]), &s) != nil || s.Selector["k8s-app"] != "kube-dns" {
			m.fail("the snapshot has the selector %v", s.Selector)
		}
	case *discoveryv1.EndpointSlice:
		m.slices[w.Name] = *w.DeepCopy()
	case *corev1.Service:
		if !maps.Equal(m.o.Service.Spec.Selector, w.Spec.Selector) {
			m.say("the Service selects %v", w.Spec.Selector)
		}
		m.o.Service = m.o.Service.DeepCopy()
		m.o.Service.Spec.Selector = w.Spec.Selector
	case *appsv1.DaemonSet:
		if w.Name != MeterName {
			m.fail("DaemonSet %s is written", w.Name)
		}
	case *appsv1.Deployment:
		for i := range m.o.Deployments {
			if d := &m.o.Deployments[i]; d.Name == w.Name {
				d.Spec.Replicas = w.Spec.Replicas
				m.say("Deployment %s has %d replicas", d.Name, *d.Spec.Replicas)
			}
		}
	default:
		m.fail("%T is written", o.Object)
	}
}

func (m *model) erase(r plan.Reference) {
	m.say("%s is deleted", r)
	switch r.Kind {
	case "EndpointSlice":
		delete(m.slices, r.Name)
	case "Deployment":
		m.o.Deployments = slices.DeleteFunc(m.o.Deployments, func(d appsv1.Deployment) bool { return d.Name == r.Name })
	default:
		m.fail("%s is deleted", r)
	}
}
