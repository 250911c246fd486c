// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
)

const (
	// steady is how often to look when nothing happens: upstreams come and go.
	steady = 30 * time.Second
	// soon is how often to look during a roll-out.
	soon = time.Second
)

// For returns what to do next. The same observations give the same plan.
func For(o Observed) Plan {
	if o.ClusterDNS == nil {
		return Plan{}
	}
	if o.Unread != "" {
		return unread(o)
	}
	p := newPlanner(o)
	switch p.ClusterDNS.Spec.ManagementState {
	case v1alpha1.Unmanaged:
		p.unmanaged()
	case v1alpha1.Overlay:
		p.overlay()
	default:
		p.managed()
	}
	p.report()
	return p.out
}

// Corefile returns the text that is to be checked before [For] is called, and
// the files that it names; "" if there is none.
func Corefile(o Observed) (text string, files map[string][]byte) {
	if o.ClusterDNS == nil || o.ClusterDNS.Spec.ManagementState == v1alpha1.Unmanaged {
		return "", nil
	}
	p := newPlanner(o)
	return p.text, p.files()
}

type planner struct {
	Observed
	out Plan

	file     *corefile.File
	problems []render.Problem
	text     string
	live     live
	kept     revisions
	// target is the revision of the spec.
	target revision
	stage  stage
	// verdicts of the steps, for the status.
	refused    refusal
	unresolved []string
	others     []string // endpoints that are not ours
	pinned     string   // revision that somebody moved the workload to
	granted    bool     // the rights are among the steps
}

// A refusal says why the spec is not rendered.
type refusal struct{ reason, message string }

func newPlanner(o Observed) *planner {
	p := &planner{Observed: o, live: o.live(), kept: readRevisions(o.Revisions)}
	p.kept.forgetOthers(string(o.ClusterDNS.UID))
	spec := &p.ClusterDNS.Spec
	p.file, p.problems = render.Corefile(spec, p.facts())
	p.text = corefile.Format(p.file)
	p.target = p.newTarget()
	return p
}

// newTarget returns the revision of the spec, with what is known of it.
func (p *planner) newTarget() revision {
	certificates := make(map[string][]byte)
	for _, name := range certificateNames(&p.ClusterDNS.Spec) {
		certificates[name] = p.References.Certificates[name]
	}
	r, err := newRevision(p.text, certificates, p.template())
	if err != nil {
		p.refused = refusal{"Internal", err.Error()}
		return r
	}
	if known, ok := p.kept.named(r.name); ok {
		r.marks, r.created = known.marks, known.created
	}
	return r
}

// files are those that the Corefile names, by path.
func (p *planner) files() map[string][]byte {
	files := make(map[string][]byte)
	for name, bundle := range p.References.Certificates {
		files[render.CAFile(name)] = bundle
	}
	for name, data := range p.References.Secrets {
		for key, value := range data {
			files[render.CertificateFolder(name)+"/"+key] = value
		}
	}
	return files
}

func (p *planner) facts() render.Facts {
	return render.Facts{ClusterDomain: p.Kubelet.ClusterDomain, Services: p.References.Services}
}

func (p *planner) domain() string { return render.ClusterDomain(&p.ClusterDNS.Spec, p.facts()) }

// managed brings the cluster to what the spec says, one step at a time.
func (p *planner) managed() {
	p.refused = p.accept()
	p.unresolved = p.missing()
	p.others = p.foreign()
	if len(p.others) > 0 && !p.live.exists && p.Way != Forward {
		p.stage = stageForeign
		return
	}
	if p.ClusterDNS.Spec.ManagementState == v1alpha1.Observe {
		p.stage = p.look()
		return
	}
	p.keepUp(p.roll())
}

// keepUp has all objects as they are to be with a revision; without one there is
// nothing yet that would answer.
func (p *planner) keepUp(current revision, ok bool) {
	if !ok {
		return
	}
	p.grant()
	p.apply(p.workload(current))
	if len(p.others) == 0 && p.Way == Alone {
		p.apply(p.service()...)
	}
	spec := &p.ClusterDNS.Spec
	p.optional(!p.wantsDaemonSet(), "PodDisruptionBudget", func() { p.apply(Object{Object: p.disruption()}) })
	p.optional(spec.NetworkPolicy != nil && spec.NetworkPolicy.Enabled, "NetworkPolicy", func() { p.apply(Object{Object: p.networkPolicy(p.needed()...)}) })
	p.optional(spec.Observability != nil && spec.Observability.ServiceMonitor && p.ServiceMonitors, "ServiceMonitor", func() { p.apply(Object{Object: p.serviceMonitor()}) })
	p.retire()
}

// grant has the servers may what they need, before there are any.
func (p *planner) grant() {
	if !p.granted {
		p.apply(p.access(p.needed()...)...)
	}
	p.granted = true
}

// needed are the revisions that run, or may: their Pods have what they need.
func (p *planner) needed() []revision {
	good, _ := p.kept.good()
	runs, _ := p.kept.named(p.live.revision)
	return []revision{p.target, good, runs}
}

func (p *planner) apply(o ...Object) { p.out.Apply = append(p.out.Apply, o...) }

func (p *planner) remove(kind, name string) {
	p.out.Delete = append(p.out.Delete, Reference{kind, p.Operator.Namespace, name})
}

// optional writes an object, or deletes the one that was wanted before.
func (p *planner) optional(wanted bool, kind string, write func()) {
	if wanted {
		write()
	} else if p.present(kind, Name) {
		p.remove(kind, Name)
	}
}

func (p *planner) present(kind, name string) bool {
	for _, o := range p.Present {
		if o == (Reference{kind, p.Operator.Namespace, name}).String() {
			return true
		}
	}
	return false
}

// retire deletes what is no longer of use: the workload of the other kind, once
// this one serves, and revisions beyond those that are kept.
func (p *planner) retire() {
	serves := p.live.settled && p.live.available > 0
	if serves && p.live.kind == "DaemonSet" && p.wantsDaemonSet() && p.Deployment != nil {
		p.remove("Deployment", Name)
	}
	if serves && p.live.kind == "Deployment" && !p.wantsDaemonSet() && p.DaemonSet != nil {
		p.remove("DaemonSet", Name)
	}
	for i, r := range p.kept {
		if i >= p.keep() && !p.used(r) {
			p.remove("ConfigMap", r.name)
		}
	}
}

// used reports whether a revision runs, or is to, or is the one to go back to.
func (p *planner) used(r revision) bool {
	good, _ := p.kept.good()
	if r.name == p.target.name || r.name == p.live.revision || r.name == good.name {
		return true
	}
	for i := range p.Pods {
		if revisionOf(&p.Pods[i].Spec) == r.name {
			return true
		}
	}
	return false
}

// keep returns how many revisions are kept.
func (p *planner) keep() int {
	if r := p.ClusterDNS.Spec.Rollout; r != nil && r.Revisions != nil {
		return int(*r.Revisions)
	}
	return 10
}

// deadline returns how long a roll-out may take.
func (p *planner) deadline() time.Duration {
	if r := p.ClusterDNS.Spec.Rollout; r != nil && r.ProgressDeadline != nil {
		return r.ProgressDeadline.Duration
	}
	return 5 * time.Minute
}
