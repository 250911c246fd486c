// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

var histories = flag.Int("histories", 100, "how many histories the model goes through")

// TestHistories carries plans out in a cluster that is a value. Pods become ready
// or end, answer well or badly; the operator stops between two writes; specs, the
// cluster, and people who undo roll-outs come and go. What is never to happen is
// reported by the model; in the end, when all is left alone, nothing changes any
// more, and once all Pods are well the next spec is programmed.
func TestHistories(t *testing.T) {
	for seed := range uint64(*histories) { //nolint:gosec // a number of tests
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			m := newModel(seed)
			m.run()
			if len(m.wrong) > 0 {
				t.Fatalf("%s\n%s", strings.Join(m.wrong, "\n"), strings.Join(m.log[max(0, len(m.log)-60):], "\n"))
			}
		})
	}
}

// A model is a cluster.
type model struct {
	*rand.Rand
	o     Observed
	log   []string
	wrong []string

	// manners of the servers of a revision.
	manners map[string]manner
	// foreign servers that are ready.
	foreign []string
	// verified are revisions that a canary had while it answered; lost are those that
	// were taken back, by the generation, and not verified since.
	verified map[string]bool
	lost     map[string]int64
	// ran are the revisions that a workload had.
	ran map[string]corev1.PodTemplateSpec
	// user says that somebody else moved the workload last.
	user  bool
	moves int
	pods  int
}

// A manner is how servers of a revision behave.
type manner int

const (
	well manner = iota
	ends
	neverReady
	badCanary
	badServers
	manners
)

func newModel(seed uint64) *model {
	m := &model{
		Rand: rand.New(rand.NewPCG(seed, 7)), manners: map[string]manner{}, verified: map[string]bool{},
		lost: map[string]int64{}, ran: map[string]corev1.PodTemplateSpec{},
	}
	m.o = Observed{
		Now: noon, Operator: Operator{Namespace: "kube-system", ServiceName: "kube-dns", Repository: "clusterdns/coredns", Tag: "v0.1.0", LocalImage: true},
		ClusterDNS: &v1alpha1.ClusterDNS{ObjectMeta: metav1.ObjectMeta{Name: "default", Generation: 1}, Spec: specs()[0]},
		Kubelet:    Kubelet{ClusterDNS: []netip.Addr{netip.MustParseAddr("10.96.0.10")}},
	}
	if m.IntN(5) == 0 {
		m.o.Service, m.foreign = &corev1.Service{}, []string{"coredns-1", "coredns-2"}
	}
	return m
}

// specs are those that a history goes through; the first five are good.
func specs() []v1alpha1.ClusterDNSSpec {
	ttl := func(n v1alpha1.Seconds) *v1alpha1.Cluster { return &v1alpha1.Cluster{TTL: &n} }
	return []v1alpha1.ClusterDNSSpec{
		{},
		{Cluster: ttl(5)},
		{Cluster: ttl(6), Rollout: &v1alpha1.Rollout{Revisions: ptr(int32(2))}},
		{Cluster: ttl(5), Scaling: &v1alpha1.Scaling{Replicas: ptr(int32(3))}},
		{Cluster: ttl(7), Scaling: &v1alpha1.Scaling{Workload: "DaemonSet"}},
		{Cluster: ttl(8), Rollout: &v1alpha1.Rollout{Paused: true, Revisions: ptr(int32(2))}},
		{Cluster: ttl(9), Extra: &v1alpha1.Extra{After: "nosuchplugin"}},
		{Upstreams: &v1alpha1.Upstreams{Endpoints: []v1alpha1.Endpoint{{Service: &v1alpha1.ServiceReference{Namespace: "dns", Name: "gone"}}}}},
		{ManagementState: v1alpha1.Observe, Cluster: ttl(5)},
		{ManagementState: v1alpha1.Unmanaged},
	}
}

const good = 5 // of specs

func (m *model) run() {
	for range 20 + m.IntN(60) {
		m.happens()
		m.passes(time.Duration(1+m.IntN(20)) * time.Second)
		m.works()
		if m.IntN(4) > 0 {
			m.reconcile(m.IntN(2) == 0)
		}
		if len(m.wrong) > 0 {
			return
		}
	}
	m.say("left alone")
	m.quiet(50)
	before := m.moves
	m.quiet(20)
	if m.moves != before {
		m.fail("the workload is moved again and again")
	}
	m.settles()
	m.say("all is well, and there is a new spec")
	clear(m.manners)
	for name := range m.verified {
		m.manners[name] = well
	}
	m.foreign = nil
	m.spec(m.IntN(good))
	m.allWell()
	m.quiet(30)
	m.settles()
	live := m.o.live()
	if target := newPlanner(m.o).target.name; live.revision != target || !meta.IsStatusConditionTrue(m.o.ClusterDNS.Status.Conditions, v1alpha1.ConditionProgrammed) {
		m.fail("%s runs, %s is wanted, and conditions are %v", live.revision, target, m.o.ClusterDNS.Status.Conditions)
	}
	if len(m.o.pods(componentCanary)) > 0 || m.o.Deployment != nil && m.o.DaemonSet != nil {
		m.fail("something is left over")
	}
}

// allWell has what is not known yet be well, too.
func (m *model) allWell() {
	m.manners = nil
}

// quiet has nothing happen but what was begun.
func (m *model) quiet(steps int) {
	for range steps {
		m.passes(time.Duration(1+m.IntN(60)) * time.Second)
		for range 4 {
			m.works()
		}
		m.reconcile(true)
	}
}

// settles checks that the last plan says the same again.
func (m *model) settles() {
	before := m.o.ClusterDNS.Status.DeepCopy()
	p := For(m.observed())
	if !equality.Semantic.DeepEqual(before, p.Status) {
		m.fail("the status is another one although nothing happened:\n%+v\n%+v", before, p.Status)
	}
	for _, e := range p.Events {
		m.fail("event although nothing happened: %s", e.Message)
	}
}

func (m *model) say(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf("%v g%d ", m.o.Now.Sub(noon), m.o.ClusterDNS.Generation)+fmt.Sprintf(format, args...))
}

func (m *model) fail(format string, args ...any) {
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

func (m *model) passes(d time.Duration) { m.o.Now = m.o.Now.Add(d) }

// happens has something happen that is not ours.
func (m *model) happens() {
	switch m.IntN(24) {
	case 0, 1:
		m.spec(m.IntN(len(specs())))
	case 2:
		m.undo()
	case 3:
		m.o.Size.Services = []int{0, 400_000}[m.IntN(2)]
		m.say("the cluster has %d Services", m.o.Size.Services)
	case 4:
		if names := slices.Sorted(maps.Keys(m.manners)); len(names) > 0 {
			name := names[m.IntN(len(names))]
			m.manners[name] = manner(m.IntN(int(manners)))
			m.say("servers of %s now behave %d", name, m.manners[name])
		}
	case 5:
		m.foreign = nil
	case 6:
		m.passes(time.Duration(m.IntN(12)) * time.Minute)
	case 7:
		m.evict()
	case 8:
		if m.IntN(3) == 0 {
			m.foreign = []string{"coredns-9"}
			m.endpoints()
			m.say("somebody else serves, too")
		}
	}
}

func (m *model) spec(i int) {
	m.o.ClusterDNS = m.o.ClusterDNS.DeepCopy()
	m.o.ClusterDNS.Spec = specs()[i]
	if m.o.ClusterDNS.Spec.ManagementState == "" {
		m.o.ClusterDNS.Spec.ManagementState = v1alpha1.Managed
	}
	m.o.ClusterDNS.Generation++
	m.say("spec %d", i)
}

// undo moves the workload like kubectl rollout undo.
func (m *model) undo() {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m.ran)) {
		if m.kept(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	name := names[m.IntN(len(names))]
	switch live := m.o.live(); {
	case live.revision == name:
		return
	case live.kind == "Deployment":
		m.o.Deployment = m.o.Deployment.DeepCopy()
		m.o.Deployment.Spec.Template = m.ran[name]
		m.o.Deployment.Generation++
	case live.kind == "DaemonSet":
		m.o.DaemonSet = m.o.DaemonSet.DeepCopy()
		m.o.DaemonSet.Spec.Template = m.ran[name]
		m.o.DaemonSet.Generation++
	}
	m.user = true
	m.say("somebody moved the servers to %s", name)
}

// kept reports whether the ConfigMap of a revision is there.
func (m *model) kept(name string) bool {
	return slices.ContainsFunc(m.o.Revisions, func(cm corev1.ConfigMap) bool { return cm.Name == name })
}

// evict leaves a Pod that failed behind.
func (m *model) evict() {
	if s := m.o.servers(); len(s) > 0 {
		pod := s[m.IntN(len(s))]
		pod.Status.Phase = corev1.PodFailed
		m.setReady(pod, false)
		m.say("%s was thrown out", pod.Name)
	}
}

func (m *model) manner(revision string) manner {
	if m.manners == nil {
		return well
	}
	if _, ok := m.manners[revision]; !ok {
		m.manners[revision] = well
		if m.IntN(3) == 0 {
			m.manners[revision] = manner(m.IntN(int(manners)))
			m.say("servers of %s behave %d", revision, m.manners[revision])
		}
	}
	return m.manners[revision]
}

// works has Pods become ready or end, and controllers do their next step.
func (m *model) works() {
	m.o.Pods = slices.DeleteFunc(m.o.Pods, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil && m.IntN(2) == 0 })
	for i := range m.o.Pods {
		m.lives(&m.o.Pods[i])
	}
	if d := m.o.Deployment; d != nil {
		updated, available, total := m.rolls("Deployment", d.Spec.Template, int(*d.Spec.Replicas))
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, UpdatedReplicas: updated, AvailableReplicas: available, Replicas: total}
	} else {
		m.collect("Deployment")
	}
	if d := m.o.DaemonSet; d != nil {
		updated, available, _ := m.rolls("DaemonSet", d.Spec.Template, 3)
		d.Status = appsv1.DaemonSetStatus{ObservedGeneration: d.Generation, DesiredNumberScheduled: 3, UpdatedNumberScheduled: updated, NumberAvailable: available}
	} else {
		m.collect("DaemonSet")
	}
	m.endpoints()
}

// collect ends the Pods of a workload that is gone.
func (m *model) collect(kind string) {
	for i := range m.o.Pods {
		if p := &m.o.Pods[i]; p.Annotations["owner"] == kind && p.DeletionTimestamp == nil {
			m.ending(p)
		}
	}
}

func (m *model) ending(p *corev1.Pod) {
	p.DeletionTimestamp = ptr(metav1.NewTime(m.o.Now))
	m.setReady(p, false)
}

// lives has one Pod do its next step.
func (m *model) lives(p *corev1.Pod) {
	revision := revisionOf(&p.Spec)
	mounted := m.kept(revision)
	switch how := m.manner(revision); {
	case p.DeletionTimestamp != nil || p.Status.Phase == corev1.PodFailed:
	case how == ends:
		m.setReady(p, false)
		s := &p.Status.ContainerStatuses[0]
		s.RestartCount++
		s.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Message: "no"}
	case how == neverReady:
		m.setReady(p, false)
	case mounted || ready(p):
		m.setReady(p, ready(p) || m.IntN(2) == 0)
	}
}

func (m *model) setReady(p *corev1.Pod, is bool) {
	status := corev1.ConditionFalse
	if is {
		status = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
	p.Status.ContainerStatuses[0].Ready = is
}

func (m *model) create(name, owner, component string, t corev1.PodTemplateSpec) {
	if slices.ContainsFunc(m.o.Pods, func(p corev1.Pod) bool { return p.Name == name }) {
		return
	}
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels(component), Annotations: map[string]string{"owner": owner}, CreationTimestamp: metav1.NewTime(m.o.Now)}, Spec: *t.Spec.DeepCopy()}
	p.Status.PodIP, p.Status.ContainerStatuses = "10.0.0.9", []corev1.ContainerStatus{{Name: container}}
	m.setReady(&p, false)
	m.o.Pods = append(m.o.Pods, p)
}

// rolls has one more Pod than wanted at most, and not less that are ready.
func (m *model) rolls(kind string, t corev1.PodTemplateSpec, want int) (updated, available, total int32) {
	revision := revisionOf(&t.Spec)
	var old, fresh []*corev1.Pod
	answering, left := 0, 0
	for _, p := range m.o.servers() {
		if p.Annotations["owner"] != kind || p.DeletionTimestamp != nil {
			continue
		}
		if ready(p) {
			answering++
		}
		if revisionOf(&p.Spec) == revision {
			fresh = append(fresh, p)
			continue
		}
		if old = append(old, p); ready(p) {
			left++
		}
	}
	switch {
	case len(old) > 0 && left < len(old): // one that is not ready is not missed
		m.ending(old[slices.IndexFunc(old, func(p *corev1.Pod) bool { return !ready(p) })])
	case len(fresh) > want:
		m.ending(fresh[0])
	case len(old) > 0 && answering > want:
		m.ending(old[0])
	case len(fresh) < want && len(fresh)+len(old) < want+1:
		m.pods++
		m.create(fmt.Sprintf("clusterdns-%d", m.pods), kind, componentServer, t)
	}
	for _, p := range m.o.servers() {
		if p.Annotations["owner"] == kind && p.DeletionTimestamp == nil {
			total++
			if ready(p) {
				available++
			}
			if revisionOf(&p.Spec) == revision {
				updated++
			}
		}
	}
	return updated, available, total
}

// endpoints are those that the Service selects.
func (m *model) endpoints() {
	var names []string
	if m.o.Service != nil && m.o.Service.Spec.Selector[LabelName] == Name {
		for _, p := range m.o.servers() {
			if ready(p) {
				names = append(names, p.Name)
			}
		}
	}
	m.o.Slices = []discoveryv1.EndpointSlice{slice(SliceController, names), slice("somebody", m.foreign)}
}

// observed is what the operator sees.
func (m *model) observed() Observed {
	o := m.o
	text, _ := Corefile(o)
	o.Check = Check{Text: text, Good: !strings.Contains(text, "nosuchplugin")}
	o.Answers = map[string]Answer{}
	for _, q := range Questions(o) {
		o.Answers[q.Key] = Answer{At: o.Now, Rcode: "NOERROR", Problem: m.problem(q.Pod)}
	}
	return o
}

// problem is what is wrong with the answers of a Pod.
func (m *model) problem(pod string) string {
	for i := range m.o.Pods {
		if p := &m.o.Pods[i]; p.Name == pod {
			how, canary := m.manner(revisionOf(&p.Spec)), p.Labels[LabelComponent] == componentCanary
			if canary && how == badCanary || !canary && how == badServers {
				return "SERVFAIL"
			}
		}
	}
	return ""
}

// reconcile carries a plan out, or its first part.
func (m *model) reconcile(all bool) {
	p := For(m.observed())
	writes := len(p.Apply) + len(p.Delete) + 1
	if !all {
		writes = m.IntN(writes)
		m.say("the operator stops after %d writes", writes)
	}
	m.judge(p)
	for i, o := range p.Apply {
		if i < writes {
			m.write(o)
		}
	}
	for i, r := range p.Delete {
		if len(p.Apply)+i < writes {
			m.remove(r)
		}
	}
	if all {
		m.o.ClusterDNS = m.o.ClusterDNS.DeepCopy()
		m.o.ClusterDNS.Status = *p.Status
	}
}

// judge looks at a plan as a whole.
func (m *model) judge(p Plan) {
	for _, e := range p.Events {
		m.say("event %s: %s", e.Reason, strings.ReplaceAll(e.Message, "\n", " | "))
	}
	if state := m.o.ClusterDNS.Spec.ManagementState; (state == v1alpha1.Observe || state == v1alpha1.Unmanaged) && len(p.Apply)+len(p.Delete) > 0 {
		m.fail("something is written while managementState is %s", state)
	}
	if meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionRevisionPinned) && !m.user {
		m.fail("RevisionPinned, and nobody but the operator moved the servers")
	}
}

func (m *model) write(o Object) {
	switch o := o.Object.(type) {
	case *corev1.ConfigMap:
		m.keep(o.DeepCopy())
	case *corev1.Pod:
		m.create(o.Name, "", componentCanary, corev1.PodTemplateSpec{Spec: o.Spec})
	case *appsv1.Deployment:
		before := m.o.Deployment
		m.o.Deployment = o.DeepCopy()
		m.o.Deployment.Generation = 1
		was := ""
		if before != nil {
			was = revisionOf(&before.Spec.Template.Spec)
			m.o.Deployment.Generation, m.o.Deployment.Status = before.Generation, before.Status
			if !equality.Semantic.DeepEqual(before.Spec, o.Spec) {
				m.o.Deployment.Generation++
			}
		}
		m.moved(was, o.Spec.Template)
	case *appsv1.DaemonSet:
		before := m.o.DaemonSet
		m.o.DaemonSet = o.DeepCopy()
		m.o.DaemonSet.Generation = 1
		was := ""
		if before != nil {
			was = revisionOf(&before.Spec.Template.Spec)
			m.o.DaemonSet.Generation, m.o.DaemonSet.Status = before.Generation, before.Status
			if !equality.Semantic.DeepEqual(before.Spec, o.Spec) {
				m.o.DaemonSet.Generation++
			}
		}
		m.moved(was, o.Spec.Template)
	case *corev1.Service:
		if len(m.foreign) > 0 {
			m.fail("Service %s is changed while %v serve", o.Name, m.foreign)
		}
		m.o.Service = o.DeepCopy()
	}
}

// moved looks at the revision that the operator gave a workload.
func (m *model) moved(was string, t corev1.PodTemplateSpec) {
	now := revisionOf(&t.Spec)
	m.ran[now] = t
	if now == was {
		return
	}
	m.say("the workload gets %s after %q", now, was)
	if !m.kept(now) {
		m.fail("the workload gets %s, which is not kept", now)
	}
	if !m.verified[now] {
		m.fail("the workload gets %s, which no canary verified", now)
	}
	if g, lost := m.lost[now]; lost && g == m.o.ClusterDNS.Generation && was != "" {
		m.fail("the workload gets %s again, which was taken back in this generation", now)
	}
	m.user = false
	m.moves++
}

// keep writes a revision.
func (m *model) keep(cm *corev1.ConfigMap) {
	i := slices.IndexFunc(m.o.Revisions, func(old corev1.ConfigMap) bool { return old.Name == cm.Name })
	before := map[string]string{}
	if i < 0 {
		cm.CreationTimestamp = metav1.NewTime(m.o.Now)
		m.o.Revisions = append(slices.Clone(m.o.Revisions), *cm)
	} else {
		before = m.o.Revisions[i].Annotations
		cm.CreationTimestamp = m.o.Revisions[i].CreationTimestamp
		m.o.Revisions = slices.Clone(m.o.Revisions)
		m.o.Revisions[i] = *cm
	}
	now := cm.Annotations
	if at := now[annotationVerified]; at != "" && at != before[annotationVerified] {
		canary := m.o.canary(cm.Name)
		if canary == nil || !ready(canary) || m.problem(canary.Name) != "" {
			m.fail("%s is verified, and no canary answers with it", cm.Name)
		}
		m.verified[cm.Name] = true
		delete(m.lost, cm.Name)
	}
	if at := now[annotationFailedAt]; at != "" && at != before[annotationFailedAt] {
		m.lost[cm.Name] = m.o.ClusterDNS.Generation
		m.say("%s is taken back: %s", cm.Name, now[annotationFailed])
	}
}

func (m *model) remove(r Reference) {
	switch r.Kind {
	case "Pod":
		for i := range m.o.Pods {
			if p := &m.o.Pods[i]; p.Name == r.Name && p.DeletionTimestamp == nil {
				m.ending(p)
			}
		}
	case "ConfigMap":
		if best, ok := readRevisions(m.o.Revisions).good(); ok && best.name == r.Name {
			m.fail("%s is deleted, which is the last good revision", r.Name)
		}
		for i := range m.o.Pods {
			if revisionOf(&m.o.Pods[i].Spec) == r.Name {
				m.fail("%s is deleted, which %s has", r.Name, m.o.Pods[i].Name)
			}
		}
		m.o.Revisions = slices.DeleteFunc(slices.Clone(m.o.Revisions), func(cm corev1.ConfigMap) bool { return cm.Name == r.Name })
	case "Deployment":
		if m.o.DaemonSet == nil || m.o.DaemonSet.Status.NumberAvailable == 0 {
			m.fail("the Deployment is deleted, and there is no other server")
		}
		m.o.Deployment = nil
	case "DaemonSet":
		if m.o.Deployment == nil || m.o.Deployment.Status.AvailableReplicas == 0 {
			m.fail("the DaemonSet is deleted, and there is no other server")
		}
		m.o.DaemonSet = nil
	default:
		m.fail("%s is deleted", r)
	}
}
