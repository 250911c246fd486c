// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/migration"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
	"github.com/clusterdns/clusterdns/operator/internal/probe"
)

// again is how long a comparison with mismatches counts.
const again = 30 * time.Second

// A shadow remembers how answers compared.
type shadow struct {
	of     string // which servers
	at     time.Time
	report *v1alpha1.ShadowReport
}

// migrate takes the next step of the DNSMigration, after that of the ClusterDNS,
// and returns when to look again.
func (r *Reconciler) migrate(ctx context.Context, m migration.Observed, observed plan.Observed) (time.Duration, error) {
	m.Observed = observed
	m.Serving.Loaded, m.Serving.Problems = plan.Serves(observed)
	var failed error
	if m.Shadow, failed = r.compare(ctx, m); failed != nil {
		return 0, failed
	}
	m.Meter = r.Meters.Read(ctx, m.DaemonSets, m.Pods)
	p := migration.For(m)
	err := r.Applier.Apply(ctx, p.Apply, p.Delete, observed.Now)
	if err == nil {
		r.announce(ctx, m.Migration, p.Events)
	}
	return p.Again, errors.Join(err, r.Applier.Migration(ctx, m.Migration, p.Status))
}

// compare asks old and new servers the same, once for each pair of revisions; what
// did not match is asked again after a while.
func (r *Reconciler) compare(ctx context.Context, m migration.Observed) (*v1alpha1.ShadowReport, error) {
	old, ours, ok := migration.Sides(m)
	if !ok || !m.Serving.Loaded || m.Incoming != nil {
		return nil, nil
	}
	of := fmt.Sprint(old, ours, m.ClusterDNS.UID, m.ClusterDNS.Generation, m.Migration.Generation)
	if s := r.shadow; s.of == of && s.report != nil && (s.report.Mismatches == 0 || m.Now.Sub(s.at) < again) {
		return s.report, nil
	}
	names, err := r.Observer.Names(ctx, m)
	if err != nil {
		return nil, err
	}
	r.shadow = shadow{of, m.Now, r.askBoth(ctx, migration.Corpus(names), old, ours)}
	return r.shadow.report, nil
}

// askBoth compares the answers of two servers. What differs is asked again:
// endpoints come and go between two questions.
func (r *Reconciler) askBoth(ctx context.Context, questions []migration.Question, old, ours netip.AddrPort) *v1alpha1.ShadowReport {
	report := &v1alpha1.ShadowReport{}
	for try := range tries {
		var open []migration.Question
		a, b := r.ask(ctx, questions, old), r.ask(ctx, questions, ours)
		for i, q := range questions {
			explained, mismatch := migration.Compare(q, a[i], b[i])
			if mismatch != "" && try < tries-1 {
				open = append(open, q)
				continue
			}
			migration.Tally(report, explained, mismatch)
		}
		if questions = open; len(open) == 0 || ctx.Err() != nil {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return report
}

func (r *Reconciler) ask(ctx context.Context, questions []migration.Question, server netip.AddrPort) []migration.Response {
	if r.Asker.Reach != nil {
		server = r.Asker.Reach(server)
	}
	asks := make([]probe.Asked, len(questions))
	for i, q := range questions {
		asks[i] = probe.Asked{Target: probe.Target{Address: server, Transport: probe.UDP}, Question: probe.Question{Name: q.Name, Type: q.Type}}
		if q.TCP {
			asks[i].Target.Transport = probe.TCP
		}
	}
	out := make([]migration.Response, len(questions))
	for i, report := range probe.All(ctx, asks, parallel) {
		out[i].Rcode = report.Rcode
		if report.Err != nil {
			out[i].Problem = report.Err.Error()
			continue
		}
		if report.Answer.Truncated {
			over := asks[i]
			over.Target.Transport = probe.TCP
			report = probe.All(ctx, []probe.Asked{over}, 1)[0]
		}
		if report.Answer != nil {
			out[i].Records = report.Answer.Answer
		}
	}
	return out
}
