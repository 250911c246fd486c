// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// report says how it is.
func (p *planner) report() {
	old := &p.ClusterDNS.Status
	s := old.DeepCopy()
	p.out.Status = s
	s.ObservedGeneration = p.ClusterDNS.Generation
	if p.out.Again == 0 {
		p.out.Again = steady
	}
	if p.stage == stageUnmanaged {
		p.clear(s)
		return
	}
	if p.Failed != "" {
		p.retract()
	}
	s.ClusterDomain = p.domain()
	s.ClusterIPs = nil
	for _, a := range p.clusterIPs() {
		s.ClusterIPs = append(s.ClusterIPs, a.String())
	}
	p.revisionStatus(s)
	s.Zones = render.Zones(&p.ClusterDNS.Spec, p.facts())
	s.Upstreams = p.upstreamStatus()
	s.Drift = p.Drift
	p.conditions(s)
	p.tell(old, s)
}

// unread says that nothing is known, beside what was known before.
func unread(o Observed) Plan {
	p := &planner{Observed: o}
	p.out.Status = o.ClusterDNS.Status.DeepCopy()
	p.set(p.out.Status, v1alpha1.ConditionDegraded, metav1.ConditionTrue, ReasonOperatorFails, o.Unread)
	p.tell(&o.ClusterDNS.Status, p.out.Status)
	return p.out
}

// retract leaves the status of a plan that could not be carried out: without the
// steps, what happened by them, and the mark that they would have made.
func (p *planner) retract() {
	p.out.Apply, p.out.Delete, p.out.Events = nil, nil, nil
	if stored, _ := readRevisions(p.Revisions).named(p.target.name); p.stage == stageDone && stored.marks[annotationGood] == "" {
		p.stage = stageRolling
		delete(p.target.marks, annotationGood)
	}
}

// clear leaves nothing in the status that nobody looks after.
func (p *planner) clear(s *v1alpha1.ClusterDNSStatus) {
	*s = v1alpha1.ClusterDNSStatus{ObservedGeneration: s.ObservedGeneration, Conditions: s.Conditions, LastGoodRevision: s.LastGoodRevision}
	for _, t := range []string{
		v1alpha1.ConditionAccepted, v1alpha1.ConditionResolvedRefs, v1alpha1.ConditionProgrammed, v1alpha1.ConditionAvailable,
		v1alpha1.ConditionProgressing, v1alpha1.ConditionDegraded, v1alpha1.ConditionUpstreamsHealthy,
	} {
		p.set(s, t, metav1.ConditionUnknown, ReasonUnmanaged, "managementState is Unmanaged: nobody looks")
	}
	meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionRevisionPinned)
}

func (p *planner) revisionStatus(s *v1alpha1.ClusterDNSStatus) {
	s.Revision, s.LastGoodRevision = nil, ""
	if good, ok := p.kept.good(); ok {
		s.LastGoodRevision = good.name
	}
	if p.stage == stageOverlay || p.stage == stageForeign {
		return
	}
	r := &v1alpha1.RevisionStatus{Name: p.target.name}
	for _, pod := range p.servers() {
		if pod.DeletionTimestamp != nil {
			continue
		}
		r.Pods++
		if revisionOf(&pod.Spec) == r.Name && ready(pod) {
			r.LoadedPods++
		}
	}
	r.Loaded = fmt.Sprintf("%d/%d", r.LoadedPods, max(r.Pods, p.live.wanted))
	s.Revision = r
}

func (p *planner) set(s *v1alpha1.ClusterDNSStatus, kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&s.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: limited(message),
		ObservedGeneration: p.ClusterDNS.Generation, LastTransitionTime: metav1.NewTime(p.Now),
	})
}

// limited keeps a message within what the API server takes.
func limited(message string) string {
	const most = 4000
	if len(message) <= most {
		return message
	}
	return strings.ToValidUTF8(message[:most], "") + " ..."
}

func (p *planner) conditions(s *v1alpha1.ClusterDNSStatus) {
	p.accepted(s)
	p.resolved(s)
	p.programmed(s)
	p.availability(s)
	p.progressing(s)
	p.upstreamsHealthy(s)
	p.degraded(s)
	if p.stage == stagePinned {
		p.set(s, v1alpha1.ConditionRevisionPinned, metav1.ConditionTrue, ReasonPinned,
			fmt.Sprintf("somebody moved the %s to %s; it stays there until the spec changes", p.live.kind, p.pinned))
	} else {
		meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionRevisionPinned)
	}
}

func (p *planner) accepted(s *v1alpha1.ClusterDNSStatus) {
	switch r := p.refusalForStatus(); r.reason {
	case "":
		p.set(s, v1alpha1.ConditionAccepted, metav1.ConditionTrue, ReasonAccepted, "the Corefile is good")
	case ReasonCheckFailed:
		p.set(s, v1alpha1.ConditionAccepted, metav1.ConditionUnknown, r.reason, r.message)
	default:
		p.set(s, v1alpha1.ConditionAccepted, metav1.ConditionFalse, r.reason, r.message)
	}
}

// refusalForStatus also knows what is wrong when nothing is rolled out anyway.
func (p *planner) refusalForStatus() refusal {
	if p.refused.reason != "" {
		return p.refused
	}
	return p.accept()
}

func (p *planner) resolved(s *v1alpha1.ClusterDNSStatus) {
	if len(p.unresolved) > 0 {
		p.set(s, v1alpha1.ConditionResolvedRefs, metav1.ConditionFalse, ReasonRefNotFound, strings.Join(p.unresolved, "\n"))
		return
	}
	p.set(s, v1alpha1.ConditionResolvedRefs, metav1.ConditionTrue, ReasonAsExpected, "all that the spec names is there")
}

// programmed says whether all servers have loaded what the spec says.
func (p *planner) programmed(s *v1alpha1.ClusterDNSStatus) {
	reason, message := p.unprogrammed()
	if reason == "" {
		p.set(s, v1alpha1.ConditionProgrammed, metav1.ConditionTrue, ReasonProgrammed, fmt.Sprintf("all servers have loaded %s", p.target.name))
		return
	}
	p.set(s, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, reason, message)
}

func (p *planner) unprogrammed() (reason, message string) {
	stays := ""
	if p.live.revision != "" && p.live.revision != p.target.name {
		stays = "; " + p.live.revision + " stays"
	}
	switch {
	case len(p.others) > 0:
		return ReasonForeignDNS, p.foreignMessage()
	case p.refused.reason != "":
		return p.refused.reason, "the spec is not rolled out: see Accepted" + stays
	case len(p.unresolved) > 0:
		return ReasonRefNotFound, "the spec is not rolled out: see ResolvedRefs" + stays
	case p.stage == stageOverlay:
		return ReasonOverlay, fmt.Sprintf("ConfigMap %s/%s has what the CoreDNS there imports; whether it does is not known", p.Operator.Namespace, CustomConfigMap)
	case p.stage == stageFailed:
		reason, message, _ = strings.Cut(p.target.marks[annotationFailed], ": ")
		return reason, message + stays
	case p.stage == stagePinned:
		return ReasonPinned, fmt.Sprintf("somebody moved the servers to %s", p.pinned)
	case p.stage == stageObserved:
		return ReasonObserved, fmt.Sprintf("%s would be rolled out: see clusterdns plan", p.target.name)
	case p.stage == stagePaused:
		return ReasonPaused, fmt.Sprintf("%s is not rolled out while rollout.paused is set%s", p.target.name, stays)
	case p.stage == stageCanary:
		return ReasonCanary, fmt.Sprintf("a canary tries %s%s", p.target.name, stays)
	case p.Service == nil && p.stage == stageDone:
		if _, ok := p.serviceIP(); !ok {
			return ReasonNoAddress, fmt.Sprintf("there is no Service %s/%s, and no address for it is known; make it with the address that kubelets tell Pods (--cluster-dns)", p.Operator.Namespace, p.Operator.ServiceName)
		}
	case p.stage != stageDone:
		return ReasonRollingOut, fmt.Sprintf("%d of %d servers have %s", p.live.updated, p.live.wanted, p.target.name)
	}
	return "", ""
}

// foreignMessage says who serves, and what to do.
func (p *planner) foreignMessage() string {
	some := p.others
	if len(some) > 3 {
		some = append(some[:3:3], "...")
	}
	return fmt.Sprintf("Service %s/%s is served by others (%s), and is left alone. To bring them over without losing a query, create:\n"+
		"apiVersion: clusterdns.io/v1alpha1\nkind: DNSMigration\nmetadata: {name: default}\nspec: {from: auto}",
		p.Operator.Namespace, p.Operator.ServiceName, strings.Join(some, ", "))
}

func (p *planner) availability(s *v1alpha1.ClusterDNSStatus) {
	n := 0
	for _, pod := range p.servers() {
		if ready(pod) && p.serverProblem(pod) == "" {
			n++
		}
	}
	switch {
	case p.stage == stageForeign || p.stage == stageOverlay:
		p.set(s, v1alpha1.ConditionAvailable, metav1.ConditionTrue, ReasonForeignDNS, "the DNS is served by others")
	case n > 0:
		p.set(s, v1alpha1.ConditionAvailable, metav1.ConditionTrue, ReasonAsExpected, fmt.Sprintf("%d servers answer", n))
	default:
		p.set(s, v1alpha1.ConditionAvailable, metav1.ConditionFalse, ReasonNoServer, "no server answers")
	}
}

func (p *planner) progressing(s *v1alpha1.ClusterDNSStatus) {
	switch p.stage {
	case stageCanary:
		p.set(s, v1alpha1.ConditionProgressing, metav1.ConditionTrue, ReasonCanary, "a canary tries "+p.target.name+because(p.hindrance()))
	case stageRolling:
		p.set(s, v1alpha1.ConditionProgressing, metav1.ConditionTrue, ReasonRollingOut, fmt.Sprintf("%d of %d servers have %s", p.live.updated, p.live.wanted, p.target.name)+because(p.obstacle(p.target)))
	case stageFailed:
		if p.live.revision == p.target.name {
			p.set(s, v1alpha1.ConditionProgressing, metav1.ConditionTrue, ReasonRolledBack, "going back from "+p.target.name)
			return
		}
		fallthrough
	default:
		p.set(s, v1alpha1.ConditionProgressing, metav1.ConditionFalse, ReasonAsExpected, "no roll-out is under way")
	}
}

// hindrance says what the canary waits for, or "".
func (p *planner) hindrance() string {
	if c := p.canary(p.target.name); c != nil && !ready(c) {
		return delayed(c)
	}
	return ""
}

// degraded says what is not as it should be.
func (p *planner) degraded(s *v1alpha1.ClusterDNSStatus) {
	type complaint struct{ reason, message string }
	var all []complaint
	if p.Failed != "" {
		all = append(all, complaint{ReasonOperatorFails, p.Failed})
	}
	if p.refused.reason != "" && p.refused.reason != ReasonCheckFailed {
		all = append(all, complaint{p.refused.reason, "the spec is not accepted: " + p.refused.message})
	}
	if len(p.unresolved) > 0 {
		all = append(all, complaint{ReasonRefNotFound, p.unresolved[0]})
	}
	if p.stage == stageFailed {
		reason, message, _ := strings.Cut(p.target.marks[annotationFailed], ": ")
		all = append(all, complaint{reason, p.target.name + " was taken back: " + message})
	}
	for _, d := range p.Drift {
		if d.Left {
			all = append(all, complaint{ReasonForeignManager, fmt.Sprintf("%s keeps changing %s; it is left to it: have one of the two stop", d.Manager, d.Object)})
		}
	}
	for _, pod := range p.servers() {
		if problem := or(broken(pod), p.serverProblem(pod)); problem != "" {
			all = append(all, complaint{ReasonServerFails, pod.Name + ": " + problem})
			break
		}
	}
	if len(all) == 0 {
		p.set(s, v1alpha1.ConditionDegraded, metav1.ConditionFalse, ReasonAsExpected, "all is as it should be")
		return
	}
	var messages []string
	for _, c := range all {
		messages = append(messages, c.message)
	}
	p.set(s, v1alpha1.ConditionDegraded, metav1.ConditionTrue, all[0].reason, strings.Join(messages, "\n"))
}

// tell makes events of what changed.
func (p *planner) tell(old, s *v1alpha1.ClusterDNSStatus) {
	bad := map[string]metav1.ConditionStatus{
		v1alpha1.ConditionAccepted: metav1.ConditionFalse, v1alpha1.ConditionResolvedRefs: metav1.ConditionFalse,
		v1alpha1.ConditionAvailable: metav1.ConditionFalse, v1alpha1.ConditionUpstreamsHealthy: metav1.ConditionFalse,
		v1alpha1.ConditionDegraded: metav1.ConditionTrue, v1alpha1.ConditionRevisionPinned: metav1.ConditionTrue,
	}
	// Degraded sums up what other conditions and events say, but for these.
	alone := []string{ReasonOperatorFails, ReasonForeignManager, ReasonServerFails}
	told := func(c *metav1.Condition) bool {
		return c.Type == v1alpha1.ConditionDegraded && !slices.Contains(alone, c.Reason) ||
			slices.ContainsFunc(p.out.Events, func(e Event) bool { return e.Reason == c.Reason })
	}
	for i := range s.Conditions {
		c := &s.Conditions[i]
		before := meta.FindStatusCondition(old.Conditions, c.Type)
		isBad, wasBad := bad[c.Type] == c.Status, before != nil && bad[c.Type] == before.Status
		switch {
		case isBad && (!wasBad || before.Reason != c.Reason) && !told(c):
			p.event(true, c.Reason, c.Type+" is "+string(c.Status)+": "+c.Message)
		case !isBad && wasBad && !told(before):
			p.event(false, c.Type, c.Type+" is "+string(c.Status)+" again: "+c.Message)
		}
	}
}

// upstreamStatus says how each upstream is whose address is known.
func (p *planner) upstreamStatus() []v1alpha1.UpstreamStatus {
	var out []v1alpha1.UpstreamStatus
	for _, server := range p.upstreamServers() {
		key := p.upstreamKey(server)
		first, asked := p.Answers[key]
		if !asked {
			continue
		}
		st := v1alpha1.UpstreamStatus{Endpoint: server.String(), Zones: p.zonesOf(server.of), LastRcode: first.Rcode, Message: first.Problem}
		if server.endpoint.ResolvConf != "" {
			st.Endpoint += " (" + server.endpoint.ResolvConf + ")"
		}
		if tcp := p.Answers[key+" over TCP"]; st.Message == "" && tcp.Problem != "" {
			st.Message = "over TCP: " + tcp.Problem
		}
		st.Healthy = st.Message == ""
		if first.Rcode != "" {
			st.RTT = &metav1.Duration{Duration: first.RTT.Round(100 * time.Microsecond)}
		}
		if !first.CertificateExpires.IsZero() {
			st.CertificateExpires = ptr(metav1.NewTime(first.CertificateExpires))
		}
		out = append(out, st)
	}
	return out
}

func (p *planner) upstreamsHealthy(s *v1alpha1.ClusterDNSStatus) {
	var bad []string
	for _, u := range s.Upstreams {
		if !u.Healthy {
			bad = append(bad, fmt.Sprintf("%s for %s: %s", u.Endpoint, strings.Join(u.Zones, " "), u.Message))
		}
	}
	switch {
	case len(bad) > 0:
		p.set(s, v1alpha1.ConditionUpstreamsHealthy, metav1.ConditionFalse, ReasonUpstreamFails, strings.Join(bad, "\n"))
	case len(s.Upstreams) == 0:
		p.set(s, v1alpha1.ConditionUpstreamsHealthy, metav1.ConditionUnknown, ReasonAsExpected, "the address of no upstream is known")
	default:
		p.set(s, v1alpha1.ConditionUpstreamsHealthy, metav1.ConditionTrue, ReasonAsExpected, fmt.Sprintf("%d upstreams answer", len(s.Upstreams)))
	}
}
