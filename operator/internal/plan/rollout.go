// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A stage is how far the revision of the spec has come.
type stage int

const (
	// stageNone: it is refused, and what runs stays.
	stageNone stage = iota
	stageForeign
	stageUnmanaged
	stageOverlay
	stageObserved
	stagePaused
	stagePinned
	stageCanary
	stageRolling
	stageDone
	// stageFailed: it was taken back.
	stageFailed
)

// retry is when a revision that only a canary had is tried again.
const retry = 10 * time.Minute

// roll takes the next step of the roll-out, and returns the revision that the
// workload is to have now, if there is one.
func (p *planner) roll() (current revision, ok bool) {
	p.stage = p.decide()
	switch p.stage {
	case stageCanary:
		return p.tryCanary()
	case stageRolling:
		return p.follow()
	}
	if p.refused.reason != ReasonCheckFailed { // that passes, and the canary is needed then
		p.dismiss()
	}
	return p.fallback()
}

// look says how far the target has come by itself.
func (p *planner) look() stage {
	switch s := p.decide(); s {
	case stageRolling, stageCanary, stagePaused:
		if p.live.revision == p.target.name && p.live.settled && p.loaded() {
			return stageDone
		}
		return stageObserved
	default:
		return s
	}
}

// decide says where the roll-out is, from what runs and from the marks.
func (p *planner) decide() stage {
	generation := p.ClusterDNS.Generation
	given, wasGiven := p.kept.applied(generation)
	switch {
	case wasGiven && given.generation(annotationFailedGeneration) != generation && p.moved(given):
		p.pinned = p.live.revision
		return stagePinned
	case p.refused.reason != "" || len(p.unresolved) > 0:
		return stageNone
	case p.failed():
		return stageFailed
	case p.live.exists && p.live.revision == p.target.name:
		return stageRolling
	case p.ClusterDNS.Spec.Rollout != nil && p.ClusterDNS.Spec.Rollout.Paused:
		return stagePaused
	case p.target.marks[annotationVerified] != "":
		return stageRolling
	}
	return stageCanary
}

// moved reports whether somebody gave the workload another kept revision than we
// did. One that we offered since is not that: the operator was killed before it
// noted that the offer was taken.
func (p *planner) moved(given revision) bool {
	now, kept := p.kept.named(p.live.revision)
	return kept && now.name != given.name && now.name != p.target.name &&
		!now.time(annotationOfferedAt).After(given.time(annotationAppliedAt))
}

func (p *planner) isKept(name string) bool {
	_, ok := p.kept.named(name)
	return ok
}

// failed reports whether the target was taken back, and is not to be tried again.
func (p *planner) failed() bool {
	if p.target.generation(annotationFailedGeneration) != p.ClusterDNS.Generation || p.target.marks[annotationFailed] == "" {
		return false
	}
	onlyCanary := p.target.generation(annotationAppliedGeneration) != p.ClusterDNS.Generation
	return !onlyCanary || p.Now.Sub(p.target.time(annotationFailedAt)) < retry
}

// fallback returns what runs, if it is known, else what was good last.
func (p *planner) fallback() (revision, bool) {
	runs, known := p.kept.named(p.live.revision)
	good, ok := p.kept.good()
	switch {
	case !ok: // there is nothing better than what runs
		return runs, known
	case !known || runs.name == p.takenBack() || p.abandoned(runs):
		return good, true
	}
	return runs, true
}

// abandoned reports whether what runs is a roll-out that the spec no longer is
// about, and that has a problem: nobody else would take it back.
func (p *planner) abandoned(runs revision) bool {
	if p.stage == stagePinned || runs.marks[annotationGood] != "" {
		return false
	}
	if runs.marks[annotationFailed] != "" {
		return true
	}
	problem := p.rolloutProblem(runs)
	if problem == "" {
		return false
	}
	p.takeBack(runs, ReasonRolledBack, problem)
	p.apply(Object{Object: runs.configMap(p.Operator.Namespace)})
	return true
}

func (p *planner) takenBack() string {
	if p.stage == stageFailed {
		return p.target.name
	}
	return ""
}

// tryCanary has one Pod with the target that no client asks.
func (p *planner) tryCanary() (revision, bool) {
	p.out.Again = soon
	for _, mark := range []string{annotationFailed, annotationFailedAt, annotationFailedGeneration} {
		delete(p.target.marks, mark) // of an earlier try
	}
	canary := p.canary(p.target.name)
	p.apply(Object{Object: p.target.configMap(p.Operator.Namespace)})
	p.grant()
	p.dismissOthers(canary)
	switch problem, wait := p.canaryProblem(canary); {
	case canary == nil:
		p.apply(Object{Object: p.canaryPod(p.target), Mode: Create})
	case problem != "":
		p.fail(ReasonCanaryFailed, problem)
		p.remove("Pod", canary.Name)
	case !wait:
		p.target.mark(annotationVerified, p.Now)
		p.target.mark(annotationOfferedAt, p.Now)
		p.remove("Pod", canary.Name)
		p.event(false, "CanaryPassed", fmt.Sprintf("%s answers all probes", p.target.name))
		p.stage = stageRolling
		return p.target, true
	}
	return p.fallback()
}

// canaryProblem says what is wrong with a canary, or that it needs time.
func (p *planner) canaryProblem(canary *corev1.Pod) (problem string, wait bool) {
	switch {
	case canary == nil:
		return "", true
	case broken(canary) != "":
		return broken(canary), false
	case !ready(canary):
		if p.Now.Sub(canary.CreationTimestamp.Time) > p.deadline() {
			return fmt.Sprintf("the canary is not ready after %s%s", p.deadline(), because(delayed(canary))), false
		}
		return "", true
	}
	wait = true
	for _, q := range slices.Concat(p.clusterQuestions(canary), p.upstreamQuestions(), p.zoneQuestions(canary), p.userQuestions(canary)) {
		if !p.counts(q) {
			continue
		}
		a, asked := p.Answers[q.Key]
		if !asked || a.At.Before(canary.CreationTimestamp.Time) {
			return "", true // what was bad before may be good by now
		}
		wait = false
		if a.Problem != "" {
			return strings.TrimPrefix(q.Key, canary.Name+" ") + ": " + a.Problem, false
		}
	}
	return "", wait
}

// because puts what is known of the cause behind a statement.
func because(cause string) string {
	if cause == "" {
		return ""
	}
	return ": " + cause
}

// counts reports whether a bad answer is one to the change: see ADR 10.
func (p *planner) counts(q Question) bool {
	switch {
	case q.OfNode:
		return false
	case q.Zone == "":
		return true
	}
	good, ok := p.kept.good()
	if !ok {
		return false
	}
	before, now := forwards(good.corefile), forwards(p.text)
	return before[q.Zone] != now[q.Zone]
}

// follow looks after the servers while they get the target, until all have it.
func (p *planner) follow() (revision, bool) {
	p.dismiss()
	if p.live.revision != p.target.name {
		p.out.Again = soon
		p.target.mark(annotationOfferedAt, p.Now)
		p.apply(Object{Object: p.target.configMap(p.Operator.Namespace)})
		return p.target, true
	}
	changed := p.markApplied()
	good, _ := p.kept.good()
	loaded := p.loaded()
	switch problem := p.rolloutProblem(p.target); {
	case p.live.settled && loaded && good.name == p.target.name:
		p.stage = stageDone
	case p.live.settled && loaded && problem == "":
		p.stage, changed = stageDone, true
		p.target.mark(annotationGood, p.Now)
		p.event(false, "RolledOut", fmt.Sprintf("all servers have loaded %s", p.target.name))
	case good.name == p.target.name: // servers come and go; the revision is good
	case problem != "" && good.name != "":
		changed = true
		p.fail(ReasonRolledBack, problem)
	default:
		p.out.Again = soon
	}
	if changed || !p.isKept(p.target.name) {
		p.apply(Object{Object: p.target.configMap(p.Operator.Namespace)})
	}
	if p.stage == stageFailed {
		return good, true
	}
	return p.target, true
}

// markApplied notes that the workload was given the target for this generation.
func (p *planner) markApplied() (changed bool) {
	given := p.target.time(annotationAppliedAt)
	if p.target.generation(annotationAppliedGeneration) == p.ClusterDNS.Generation && !p.target.time(annotationOfferedAt).After(given) {
		return false
	}
	p.target.marks[annotationAppliedGeneration] = strconv.FormatInt(p.ClusterDNS.Generation, 10)
	p.target.marks[annotationOf] = string(p.ClusterDNS.UID)
	p.target.mark(annotationAppliedAt, p.Now)
	return true
}

// loaded reports whether every server has the target and answers.
func (p *planner) loaded() bool {
	n := 0
	for _, s := range p.servers() {
		if s.DeletionTimestamp != nil {
			continue
		}
		if revisionOf(&s.Spec) != p.target.name || !ready(s) || p.serverProblem(s) != "" {
			return false
		}
		n++
	}
	return n > 0
}

// rolloutProblem says why a revision has to be taken back, or "".
func (p *planner) rolloutProblem(r revision) string {
	for _, s := range p.servers() {
		if revisionOf(&s.Spec) != r.name {
			continue
		}
		if problem := broken(s); problem != "" {
			return s.Name + ": " + problem
		}
		if problem := p.serverProblem(s); problem != "" {
			return s.Name + ": " + problem
		}
	}
	if at := p.progress(r); !p.live.settled && !at.IsZero() && p.Now.Sub(at) > p.deadline() {
		return fmt.Sprintf("no further server was ready within %s%s", p.deadline(), because(p.obstacle(r)))
	}
	return ""
}

// progress returns when the roll-out of a revision came further last: the next
// server is made when the one before answers. Large clusters take their time.
func (p *planner) progress(r revision) time.Time {
	at := r.time(annotationAppliedAt)
	for _, s := range p.servers() {
		if made := s.CreationTimestamp.Time; revisionOf(&s.Spec) == r.name && !at.IsZero() && made.After(at) {
			at = made
		}
	}
	return at
}

// obstacle says what keeps the next server of a revision from being ready, or "".
func (p *planner) obstacle(r revision) string {
	for _, s := range p.servers() {
		if cause := delayed(s); revisionOf(&s.Spec) == r.name && !ready(s) && cause != "" {
			return s.Name + ": " + cause
		}
	}
	return p.live.refused
}

// serverProblem says what is wrong with the answers of a server.
func (p *planner) serverProblem(s *corev1.Pod) string {
	for _, q := range p.clusterQuestions(s) {
		if a, asked := p.Answers[q.Key]; asked && a.Problem != "" {
			return strings.TrimPrefix(q.Key, s.Name+" ") + ": " + a.Problem
		}
	}
	return ""
}

// fail takes the target back.
func (p *planner) fail(reason, problem string) {
	p.stage = stageFailed
	p.takeBack(p.target, reason, problem)
}

// takeBack notes on a revision why it is.
func (p *planner) takeBack(r revision, reason, problem string) {
	delete(r.marks, annotationVerified)
	r.marks[annotationFailed] = reason + ": " + problem
	r.marks[annotationFailedGeneration] = strconv.FormatInt(p.ClusterDNS.Generation, 10)
	r.marks[annotationOf] = string(p.ClusterDNS.UID)
	r.mark(annotationFailedAt, p.Now)
	back := "nothing"
	if good, ok := p.kept.good(); ok {
		back = good.name
	}
	p.event(true, reason, fmt.Sprintf("%s is not rolled out: %s; %s stays", r.name, problem, back))
}

// dismiss deletes all canaries.
func (p *planner) dismiss() {
	p.dismissOthers(nil)
}

// dismissOthers deletes canaries of other revisions, and of earlier tries.
func (p *planner) dismissOthers(but *corev1.Pod) {
	for _, c := range p.pods(componentCanary) {
		if c != but && c.DeletionTimestamp == nil {
			p.remove("Pod", c.Name)
		}
	}
}

func (p *planner) event(warning bool, reason, message string) {
	p.out.Events = append(p.out.Events, Event{warning, reason, message})
}
