// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// annotationStage says what a slice is for: canary or overlap, old or new.
const annotationStage = "clusterdns.io/stage"

func (m *migrator) apply(o runtime.Object, mode plan.Mode) {
	m.out.Apply = append(m.out.Apply, plan.Object{Object: o, Mode: mode})
}

// put writes a slice, and that of the other family if the Service has both.
func (m *migrator) put(name string, s side, how use, marks map[string]string) {
	m.apply(m.slice(name, s, how, marks, discoveryv1.AddressTypeIPv4), plan.Ours)
	if m.both() {
		m.apply(m.slice(name+familySuffix, s, how, marks, discoveryv1.AddressTypeIPv6), plan.Ours)
	}
}

// remove deletes a slice of both families.
func (m *migrator) remove(slice string) {
	for _, name := range []string{slice, slice + familySuffix} {
		if name == slice || m.both() {
			m.out.Delete = append(m.out.Delete, plan.Reference{Kind: "EndpointSlice", Namespace: m.o.Operator.Namespace, Name: name})
		}
	}
}

// familySuffix ends the name of a slice of IPv6.
const familySuffix = "-ipv6"

// both reports whether the Service has an address of each family.
func (m *migrator) both() bool { return m.o.Service != nil && len(m.o.Service.Spec.ClusterIPs) > 1 }

// owner has what is of use during a migration only go with the DNSMigration, also if
// the operator is gone: nobody would look after the slices.
func (m *migrator) owner() []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: v1alpha1.GroupVersion.String(), Kind: "DNSMigration", Name: m.o.Migration.Name, UID: m.o.Migration.UID}}
}

func (m *migrator) event(warning bool, reason, message string) {
	m.out.Events = append(m.out.Events, plan.Event{Warning: warning, Reason: reason, Message: message})
}

// stop says that somebody has to do something.
func (m *migrator) stop(phase v1alpha1.MigrationPhase, why string) {
	m.phase, m.message, m.blocked = phase, why, why
}

func (m *migrator) now() string { return m.o.Now.UTC().Format(time.RFC3339) }

// since returns the marks of a slice for a stage: since when it has that.
func (m *migrator) since(s *discoveryv1.EndpointSlice, stage string) map[string]string {
	if s != nil && s.Annotations[annotationStage] == stage && s.Annotations[annotationSince] != "" {
		return map[string]string{annotationStage: stage, annotationSince: s.Annotations[annotationSince]}
	}
	return map[string]string{annotationStage: stage, annotationSince: m.now()}
}

// only returns the marks that are ours.
func only(marks map[string]string) map[string]string {
	out := map[string]string{}
	for _, k := range []string{annotationStage, annotationSince, annotationLeft} {
		if v := marks[k]; v != "" {
			out[k] = v
		}
	}
	return out
}

func (m *migrator) sinceOf(s *discoveryv1.EndpointSlice) time.Time {
	at, err := time.Parse(time.RFC3339, s.Annotations[annotationSince])
	if err != nil {
		return s.CreationTimestamp.Time
	}
	return at
}

// held reports whether a slice has been as it is for that long.
func (m *migrator) held(s *discoveryv1.EndpointSlice, d time.Duration) bool {
	return m.o.Now.Sub(m.sinceOf(s)) >= d
}

func (m *migrator) soak() time.Duration {
	if d := m.o.Migration.Spec.Soak; d != nil {
		return d.Duration
	}
	return 24 * time.Hour
}

// programmed reports whether all servers of the ClusterDNS have what it says, but
// that the Service is served by others.
func (m *migrator) programmed() bool {
	if m.o.ClusterDNS == nil {
		return false
	}
	return m.o.Serving.Loaded && len(m.ours().ready().pods) > 0
}

// failing says which server does not answer, or "".
func (m *migrator) failing(ours side) string {
	for _, p := range ours.ready().pods {
		if problem := m.o.Serving.Problems[p.Name]; problem != "" {
			return p.Name + ": " + problem
		}
	}
	if len(ours.ready().pods) == 0 {
		return "no server of the ClusterDNS is ready"
	}
	return ""
}

// dead says why no server answers, or "".
func (m *migrator) dead(ours side) string {
	last := "no server of the ClusterDNS is ready"
	for _, p := range ours.ready().pods {
		problem := m.o.Serving.Problems[p.Name]
		if problem == "" {
			return ""
		}
		last = p.Name + ": " + problem
	}
	return last
}

// has reports whether a Deployment of the snapshot is there.
func (m *migrator) has(w workload) bool { return m.deployment(w) != nil }

func (m *migrator) deployment(w workload) *appsv1.Deployment {
	for i := range m.o.Deployments {
		if m.o.Deployments[i].Name == w.Name {
			return &m.o.Deployments[i]
		}
	}
	return nil
}

func (m *migrator) replicasOf(w workload) int32 { return replicas(m.deployment(w)) }

// scale gives a Deployment of others a number of replicas, and nothing else.
func (m *migrator) scale(w workload, n int32) {
	m.apply(&appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.o.Operator.Namespace, Name: w.Name},
		Spec:       appsv1.DeploymentSpec{Replicas: &n},
	}, plan.Scale)
	m.event(false, "Scaled", fmt.Sprintf("Deployment %s has %d replicas", w.Name, n))
}

func before64(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// report says how far it is.
func (m *migrator) report() {
	s := m.o.Migration.Status.DeepCopy()
	m.out.Status = s
	before := s.Phase
	s.ObservedGeneration, s.Phase, s.Preflight = m.o.Migration.Generation, m.phase, m.findings
	if m.o.Snapshot != nil {
		s.Snapshot = m.o.Operator.Namespace + "/" + SnapshotName
	}
	if m.o.Shadow != nil {
		s.Shadow = m.o.Shadow
	}
	if m.o.Meter != nil {
		// Meters that begin anew count from nothing: what was told once stays.
		s.LostQueries = new(max(m.o.Meter.Lost+m.o.Meter.Wrong, before64(s.LostQueries)))
		s.MeteredQueries = new(max(m.o.Meter.Asked, before64(s.MeteredQueries)))
	}
	if m.o.Snapshot == nil {
		d := Discover(m.o)
		s.From, s.Provider = strings.TrimSpace(string(d.Flavour)+" "+d.Version), d.Provider
	}
	set := func(kind string, is bool, reason, message string) {
		status := metav1.ConditionFalse
		if is {
			status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&s.Conditions, metav1.Condition{
			Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: m.o.Migration.Generation, LastTransitionTime: metav1.NewTime(m.o.Now),
		})
	}
	if m.blocked != "" {
		m.out.Again = slow
	}
	reason := string(m.phase)
	set(v1alpha1.ConditionBlocked, m.blocked != "", reason, m.blocked)
	done := m.phase == v1alpha1.PhaseSoak || m.phase == v1alpha1.PhaseFinalise || m.phase == v1alpha1.PhaseFinalised
	set(v1alpha1.ConditionMigrated, done, reason, m.message)
	set(v1alpha1.ConditionProgressing, m.blocked == "" && !done && m.phase != v1alpha1.PhaseRolledBack, reason, m.message)
	if before != m.phase {
		m.event(m.phase == v1alpha1.PhaseRolledBack, string(m.phase), m.message)
	}
	if m.blocked != "" && !meta.IsStatusConditionTrue(m.o.Migration.Status.Conditions, v1alpha1.ConditionBlocked) {
		m.event(true, "Blocked", m.blocked)
	}
}
