// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

const (
	// hold is how long a canary, and then all servers, are asked before the next step.
	hold = 15 * time.Second
	// drain is how long servers that end are not led flows to before: proxies hear of it
	// within a second or two, and each packet of a flow after that goes elsewhere.
	drain = 10 * time.Second
	// rest is how long servers that were left behind by a rollback keep their flows.
	rest = 15 * time.Second
	soon = time.Second
	slow = 15 * time.Second
)

// Annotations of the snapshot and of the slices.
const (
	// annotationSince has when a slice came to have what it has.
	annotationSince = "clusterdns.io/since"
	// annotationLeft has when a slice was said not to serve any more.
	annotationLeft = "clusterdns.io/left"
	// annotationBack and annotationBackGeneration have why the way back was taken, and
	// for which generation.
	annotationBack           = "clusterdns.io/rolled-back"
	annotationBackGeneration = "clusterdns.io/rolled-back-generation"
)

// A Plan is the next step of a migration.
type Plan struct {
	// Apply are objects to create or change, in this order; Delete then those to delete.
	Apply  []plan.Object
	Delete []plan.Reference
	// Status is nil if there is no migration.
	Status *v1alpha1.DNSMigrationStatus
	Events []plan.Event
	// Again is when to look again at the latest.
	Again time.Duration
}

// A migrator makes one plan.
type migrator struct {
	o        Observed
	snapshot snapshot
	findings []v1alpha1.PreflightFinding
	out      Plan
	phase    v1alpha1.MigrationPhase
	message  string
	blocked  string
}

// For returns the next step. The same observations give the same plan.
func For(o Observed) Plan {
	if o.Migration == nil {
		return Plan{}
	}
	m := &migrator{o: o, findings: o.Migration.Status.Preflight}
	if o.Snapshot == nil { // with one it is under way
		m.findings = Preflight(o)
	}
	m.out.Again = slow
	m.step()
	m.meter()
	m.report()
	return m.out
}

// meter has the loss meter be there while it matters, and on the way back.
func (m *migrator) meter() {
	there := slices.ContainsFunc(m.o.DaemonSets, func(d appsv1.DaemonSet) bool { return d.Name == MeterName })
	wanted := Metered(m.phase) || m.phase == v1alpha1.PhaseFinalise || m.phase == v1alpha1.PhaseRolledBack && (m.o.Incoming != nil || m.o.Outgoing != nil)
	if !wanted {
		if there {
			m.out.Delete = append(m.out.Delete, plan.Reference{Kind: "DaemonSet", Namespace: m.o.Operator.Namespace, Name: MeterName})
		}
		return
	}
	if d, err := MeterDaemonSet(m.o); err == nil { // else nobody counts, and lostQueries is not there
		d.OwnerReferences = m.owner()
		m.apply(d, plan.Ours)
	}
}

// Sides returns where an old server and one of ours are asked, if there are both.
func Sides(o Observed) (old, ours netip.AddrPort, ok bool) {
	m := &migrator{o: o}
	if o.Snapshot == nil || o.Service == nil {
		return old, ours, false
	}
	var err error
	if m.snapshot, err = readSnapshot(o.Snapshot); err != nil {
		return old, ours, false
	}
	old, is := m.old().ready().first().address()
	ours, are := m.ours().ready().first().address()
	return old, ours, is && are
}

// address returns where the first server of a side is asked.
func (s side) address() (netip.AddrPort, bool) {
	if len(s.pods) == 0 {
		return netip.AddrPort{}, false
	}
	a, err := netip.ParseAddr(s.pods[0].Status.PodIP)
	for _, port := range s.ports {
		if n, ok := targetPort(port, s.pods); ok && port.Port == 53 && err == nil {
			return netip.AddrPortFrom(a, uint16(n)), true //nolint:gosec // a port
		}
	}
	return netip.AddrPort{}, false
}

// Way says what a ClusterDNS may do while there is a migration.
func Way(o Observed) plan.Way {
	switch {
	case o.Migration == nil:
		return plan.Alone
	case o.Migration.Spec.Rollback != nil && o.Migration.Spec.Rollback.Requested, rolledBack(o):
		return plan.Back
	case o.Snapshot == nil && len(obstacles(o.Migration, Preflight(o))) > 0:
		return plan.Alone
	case o.Service != nil && maps.Equal(o.Service.Spec.Selector, plan.ServerLabels()) && o.Incoming == nil && o.Outgoing == nil:
		return plan.Alone // it is done
	}
	return plan.Forward
}

// rolledBack reports whether the way back was taken for the spec as it is.
func rolledBack(o Observed) bool {
	return o.Snapshot != nil && o.Snapshot.Annotations[annotationBack] != "" &&
		o.Snapshot.Annotations[annotationBackGeneration] == strconv.FormatInt(o.Migration.Generation, 10)
}

// obstacles are findings that keep a migration from beginning.
func obstacles(mig *v1alpha1.DNSMigration, findings []v1alpha1.PreflightFinding) []v1alpha1.PreflightFinding {
	return slices.DeleteFunc(slices.Clone(findings), func(f v1alpha1.PreflightFinding) bool {
		return f.Severity == v1alpha1.SeverityInfo || f.Severity == v1alpha1.SeverityWarning && slices.Contains(mig.Spec.Acknowledge, f.Code)
	})
}

// step decides what to do.
func (m *migrator) step() {
	spec := &m.o.Migration.Spec
	if m.o.Service == nil {
		m.stop(v1alpha1.PhasePreflight, fmt.Sprintf("there is no Service %s/%s to bring over; the ClusterDNS makes one", m.o.Operator.Namespace, m.o.Operator.ServiceName))
		return
	}
	if m.o.Snapshot == nil {
		m.begin()
		return
	}
	var err error
	if m.snapshot, err = readSnapshot(m.o.Snapshot); err != nil {
		m.stop(v1alpha1.PhasePreflight, err.Error())
		return
	}
	switch {
	case spec.Rollback != nil && spec.Rollback.Requested:
		m.back("it was requested")
	case rolledBack(m.o):
		m.back(m.o.Snapshot.Annotations[annotationBack])
	case spec.Pause:
		m.pause()
	default:
		m.forward()
	}
}

// begin takes the snapshot, once nothing is in the way.
func (m *migrator) begin() {
	m.phase = v1alpha1.PhasePreflight
	if r := m.o.Migration.Spec.Rollback; r != nil && r.Requested {
		m.phase, m.message = v1alpha1.PhaseRolledBack, "nothing was changed yet"
		return
	}
	if open := obstacles(m.o.Migration, m.findings); len(open) > 0 {
		m.stop(v1alpha1.PhasePreflight, fmt.Sprintf("%s: %s", open[0].Code, open[0].Message))
		return
	}
	if m.o.Migration.Spec.Pause {
		m.message = "paused"
		return
	}
	object, err := m.take().object(m.o.Operator.Namespace, nil)
	if err != nil {
		m.stop(m.phase, err.Error())
		return
	}
	m.apply(object, plan.Create)
	m.message = "what is there now is written down"
	m.out.Again = soon
}

// forward takes the next step from the old servers to ours.
func (m *migrator) forward() {
	ours, old := m.ours(), m.old()
	m.out.Again = soon
	switch {
	case m.selects(ours):
		m.settle(ours, old)
	case !m.programmed():
		m.phase, m.message = v1alpha1.PhaseShadow, "waiting for the servers of the ClusterDNS: see its conditions"
		if m.o.Incoming != nil {
			m.remove(IncomingName)
		}
	case m.o.Incoming == nil && m.o.Shadow == nil:
		m.phase, m.message = v1alpha1.PhaseShadow, "old and new servers are asked the same"
	case m.o.Incoming == nil && m.o.Shadow.Mismatches > 0:
		m.stop(v1alpha1.PhaseShadow, fmt.Sprintf("%d of %d answers differ: see status.shadow", m.o.Shadow.Mismatches, m.o.Shadow.Queries))
	case m.o.Incoming != nil && m.failing(ours) != "":
		m.turnBack(m.failing(ours))
	default:
		m.come(ours, old)
	}
}

// come has more and more of our servers be endpoints, and then the selector.
func (m *migrator) come(ours, old side) {
	ready := ours.ready()
	if m.o.Outgoing != nil && m.o.Outgoing.Annotations[annotationStage] == stageOf(ours) {
		m.remove(OutgoingName) // of a way back: they come again
	}
	switch in := m.o.Incoming; {
	case in == nil:
		m.phase, m.message = v1alpha1.PhaseCanary, "one server gets its share of the traffic"
		m.put(IncomingName, ready.first(), asked, m.since(in, "canary"))
	case in.Annotations[annotationStage] == "canary" && !m.held(in, hold):
		m.phase, m.message = v1alpha1.PhaseCanary, "one server gets its share of the traffic"
		m.put(IncomingName, ready.first(), asked, m.since(in, "canary"))
	case in.Annotations[annotationStage] == "canary" || !m.held(in, hold) || !same(in, m.slice(IncomingName, ready, asked, nil, discoveryv1.AddressTypeIPv4)):
		m.phase, m.message = v1alpha1.PhaseOverlap, "old and new servers get traffic"
		m.put(IncomingName, ready, asked, m.since(in, "overlap"))
	default:
		m.phase, m.message = v1alpha1.PhaseCutOver, "the Service is given our servers"
		m.turn(ours, old)
	}
}

// turn gives the Service to a side; the other one keeps its flows.
func (m *migrator) turn(to, from side) {
	m.put(IncomingName, to.ready(), asked, m.since(m.o.Incoming, "overlap"))
	m.put(OutgoingName, from, kept, m.since(m.o.Outgoing, stageOf(from)))
	m.apply(&corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.o.Operator.Namespace, Name: m.o.Operator.ServiceName},
		Spec:       corev1.ServiceSpec{Selector: to.selector, Ports: to.ports},
	}, plan.Adopted)
}

// stageOf names which servers a slice keeps.
func stageOf(s side) string {
	if maps.Equal(s.selector, plan.ServerLabels()) {
		return "new"
	}
	return "old"
}

// settle looks after what follows the cut-over: first the slice of ours goes,
// then, after the soak, the old servers.
func (m *migrator) settle(ours, old side) {
	if problem := m.dead(ours); problem != "" && len(old.ready().pods) > 0 {
		m.turnBack(problem)
		return
	}
	out := m.o.Outgoing
	switch {
	case m.o.Incoming != nil:
		m.phase, m.message = v1alpha1.PhaseCutOver, "waiting for the endpoints of the Service"
		if m.followed(ours) {
			m.remove(IncomingName)
		} else {
			m.mirror(ours)
		}
		m.keep(old)
	case out == nil && len(old.pods) == 0:
		m.finish()
	case out == nil || out.Annotations[annotationStage] != "old":
		m.phase, m.message = v1alpha1.PhaseSoak, "the old servers can take over again"
		m.keep(old)
	case !m.held(out, m.soak()):
		m.phase = v1alpha1.PhaseSoak
		m.message = fmt.Sprintf("the old servers can take over again until %s", m.sinceOf(out).Add(m.soak()).UTC().Format(time.RFC3339))
		m.out.Again = slow
		m.keep(old)
	default:
		m.finalise(old)
	}
}

// keep has the slice of the old servers be as they are.
func (m *migrator) keep(old side) {
	m.put(OutgoingName, old, kept, m.since(m.o.Outgoing, "old"))
}

// finalise ends the old servers, once no flow is led to them.
func (m *migrator) finalise(old side) {
	m.phase, m.message = v1alpha1.PhaseFinalise, "the old servers end"
	out := m.o.Outgoing
	marks := maps.Clone(out.Annotations)
	if marks[annotationLeft] == "" {
		marks[annotationLeft] = m.now()
	}
	m.put(OutgoingName, old, left, only(marks))
	at, err := time.Parse(time.RFC3339, marks[annotationLeft])
	if err != nil || m.o.Now.Sub(at) < drain {
		return
	}
	if m.rest() {
		return
	}
	if len(old.pods) == 0 {
		m.remove(OutgoingName)
	}
}

// rest has the old workloads have no replicas; those that scale them first. It
// reports whether something was to be done.
func (m *migrator) rest() bool {
	for _, w := range m.inOrder() {
		if w.Kind == "Deployment" && m.has(w) && m.replicasOf(w) > 0 {
			m.scale(w, 0)
			return true
		}
	}
	return false
}

// inOrder returns the old workloads, those that scale others first.
func (m *migrator) inOrder() []workload {
	all := slices.Clone(m.snapshot.Workloads)
	slices.SortStableFunc(all, func(a, b workload) int {
		switch {
		case a.Scales == b.Scales:
			return 0
		case a.Scales:
			return -1
		}
		return 1
	})
	return all
}

// finish says that all is done, and deletes what is not wanted any more.
func (m *migrator) finish() {
	m.phase, m.message = v1alpha1.PhaseFinalised, "the Service is served by the ClusterDNS"
	m.out.Again = slow
	if m.o.Migration.Spec.Cleanup != v1alpha1.CleanupDelete {
		return
	}
	for _, w := range m.snapshot.Workloads {
		if w.Kind == "Deployment" && m.has(w) && m.replicasOf(w) == 0 {
			m.out.Delete = append(m.out.Delete, plan.Reference{Kind: w.Kind, Namespace: m.o.Operator.Namespace, Name: w.Name})
		}
	}
}

// turnBack goes back by itself, if it may.
func (m *migrator) turnBack(problem string) {
	if r := m.o.Migration.Spec.Rollback; r != nil && r.OnProbeFailure != nil && !*r.OnProbeFailure {
		m.stop(m.currentPhase(), problem+"; rollback.onProbeFailure is false")
		m.stay()
		return
	}
	m.event(true, "RolledBack", "going back to the old servers: "+problem)
	m.back(problem)
}

// back takes the next step from our servers to the old ones.
func (m *migrator) back(why string) {
	m.phase, m.message = v1alpha1.PhaseRolledBack, why
	m.out.Again = soon
	ours, old := m.ours(), m.old()
	if len(old.ready().pods) == 0 && !m.awakes() {
		m.stop(v1alpha1.PhaseFinalised, fmt.Sprintf("the old servers are gone: ConfigMap %s/%s has what they were", m.o.Operator.Namespace, SnapshotName))
		return
	}
	m.mark(why)
	switch {
	case len(old.ready().pods) == 0:
		m.wake()
	case !m.selects(old):
		m.turn(old, ours)
	case m.o.Incoming != nil && m.o.Incoming.Annotations[annotationStage] == "canary", m.o.Incoming != nil && !m.isOld(m.o.Incoming):
		// Ours were endpoints before the selector: their flows stay for a while.
		m.put(OutgoingName, ours, kept, m.since(m.o.Outgoing, "new"))
		m.remove(IncomingName)
	case m.o.Incoming != nil:
		if m.followed(old) {
			m.remove(IncomingName)
		}
	case m.o.Outgoing == nil:
		m.out.Again = slow
	case !m.held(m.o.Outgoing, rest):
		m.put(OutgoingName, ours, kept, m.since(m.o.Outgoing, "new"))
	case m.o.Outgoing.Annotations[annotationLeft] == "":
		marks := only(m.o.Outgoing.Annotations)
		marks[annotationLeft] = m.now()
		m.put(OutgoingName, ours, left, marks)
	default:
		if at, err := time.Parse(time.RFC3339, m.o.Outgoing.Annotations[annotationLeft]); err == nil && m.o.Now.Sub(at) >= drain {
			m.remove(OutgoingName)
		}
	}
}

// wake brings the old workloads back, servers first.
func (m *migrator) wake() {
	m.message += "; the old servers start"
	for _, w := range slices.Backward(m.inOrder()) {
		if w.Kind == "Deployment" && m.has(w) && m.replicasOf(w) < w.Replicas {
			m.scale(w, w.Replicas)
			return
		}
	}
}

// awakes reports whether there is an old workload that could come back.
func (m *migrator) awakes() bool {
	return slices.ContainsFunc(m.snapshot.Workloads, func(w workload) bool { return !w.Scales && (w.Kind == "DaemonSet" || m.has(w)) })
}

// mark notes on the snapshot that the way back was taken, for this generation.
func (m *migrator) mark(why string) {
	marks := map[string]string{annotationBack: why, annotationBackGeneration: strconv.FormatInt(m.o.Migration.Generation, 10)}
	if object, err := m.snapshot.object(m.o.Operator.Namespace, marks); err == nil && !rolledBack(m.o) {
		m.apply(object, plan.Ours)
	}
}

// pause takes no step, and keeps what is there as it is.
func (m *migrator) pause() {
	m.phase, m.message = m.currentPhase(), "paused"
	ours, old := m.ours(), m.old()
	if problem := m.dead(ours); m.selects(ours) && problem != "" && len(old.ready().pods) > 0 {
		m.turnBack(problem)
		return
	}
	m.stay()
}

// stay takes no step, and has the slices say which servers are ready.
func (m *migrator) stay() {
	m.mirror(m.ours())
	if m.selects(m.ours()) && m.o.Outgoing != nil && m.o.Outgoing.Annotations[annotationLeft] == "" {
		m.keep(m.old())
	}
}

// mirror has the slice of our servers say which of them are ready, and nothing else
// be changed: nobody else looks after it.
func (m *migrator) mirror(ours side) {
	in := m.o.Incoming
	if in == nil {
		return
	}
	ready := ours.ready()
	if in.Annotations[annotationStage] == "canary" {
		ready = ready.first()
	}
	m.put(IncomingName, ready, asked, only(in.Annotations))
}

// currentPhase says how far it is, from what is there.
func (m *migrator) currentPhase() v1alpha1.MigrationPhase {
	switch ours := m.ours(); {
	case m.selects(ours) && m.o.Incoming != nil:
		return v1alpha1.PhaseCutOver
	case m.selects(ours) && m.o.Outgoing != nil && m.o.Outgoing.Annotations[annotationLeft] != "":
		return v1alpha1.PhaseFinalise
	case m.selects(ours) && m.o.Outgoing != nil:
		return v1alpha1.PhaseSoak
	case m.selects(ours):
		return v1alpha1.PhaseFinalised
	case m.o.Incoming == nil:
		return v1alpha1.PhaseShadow
	case m.o.Incoming.Annotations[annotationStage] == "canary":
		return v1alpha1.PhaseCanary
	}
	return v1alpha1.PhaseOverlap
}

// isOld reports whether a slice has old servers.
func (m *migrator) isOld(s *discoveryv1.EndpointSlice) bool {
	for _, e := range s.Endpoints {
		for _, p := range m.old().pods {
			if p.Status.PodIP == e.Addresses[0] {
				return true
			}
		}
	}
	return false
}
