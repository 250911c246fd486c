// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator"
)

func newMigrateStart() *cobra.Command {
	var k cluster
	var o operatorFlags
	var acknowledge []string
	var soak time.Duration
	var cleanup bool
	c := &cobra.Command{
		Use: "start", Short: "Begin a migration: make the ClusterDNS, if there is none, and the DNSMigration", Args: noArgs,
		Long: `Begin a migration. If there is no ClusterDNS, the one is made that says what the old
DNS says. An error of the preflight stops it, and so does a warning that is not
acknowledged: "clusterdns migrate plan" shows them. The exit status is 1 then.`,
		Example: `  clusterdns migrate start --acknowledge SingleNode,NodeLocal
  clusterdns migrate status --watch`,
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := k.config()
			if err != nil {
				return err
			}
			opts, err := o.options(config)
			if err != nil {
				return err
			}
			m := &v1alpha1.DNSMigration{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
			m.Spec.Soak = &metav1.Duration{Duration: soak}
			if cleanup {
				m.Spec.Cleanup = v1alpha1.CleanupDelete
			}
			slices.Sort(acknowledge)
			for _, code := range slices.Compact(acknowledge) {
				m.Spec.Acknowledge = append(m.Spec.Acknowledge, v1alpha1.WarningCode(code))
			}
			return startMigration(c, opts, m)
		},
	}
	k.flags(c)
	o.flags(c)
	c.Flags().StringSliceVar(&acknowledge, "acknowledge", nil, "codes of warnings that are known and accepted, with commas between; may be repeated")
	c.Flags().DurationVar(&soak, "soak", 24*time.Hour, "how long the old servers stay ready to take over again")
	c.Flags().BoolVar(&cleanup, "delete", false, "delete the old Deployments in the end, rather than leave them at no replicas")
	return c
}

func startMigration(c *cobra.Command, opts operator.Options, m *v1alpha1.DNSMigration) error {
	p, err := operator.PlanMigration(c.Context(), opts)
	if err != nil {
		return err
	}
	api, err := k8s(opts)
	if err != nil {
		return err
	}
	open := unaccepted(p, m)
	if len(open) > 0 {
		for _, f := range open {
			showFinding(c.ErrOrStderr(), f, false)
		}
		return errors.New("nothing was changed: mend the errors, and accept the warnings with --acknowledge")
	}
	if p.Now == nil {
		if p.Adopted == nil {
			return errors.New("the configuration of the old DNS cannot be read: clusterdns migrate plan says why")
		}
		if err := api.Create(c.Context(), p.Adopted.DeepCopy()); err != nil {
			return fmt.Errorf("making the ClusterDNS: %w", err)
		}
		fmt.Fprintln(c.OutOrStdout(), "clusterdns.clusterdns.io/default created")
	}
	if err := api.Create(c.Context(), m); apierrors.IsAlreadyExists(err) {
		return errors.New("there is a DNSMigration already: clusterdns migrate status")
	} else if err != nil {
		return fmt.Errorf("making the DNSMigration: %w", err)
	}
	fmt.Fprintln(c.OutOrStdout(), "dnsmigration.clusterdns.io/default created; clusterdns migrate status --watch shows how it goes")
	return nil
}

// unaccepted are the findings that would stop a migration. That there is no
// ClusterDNS does not: start makes one.
func unaccepted(p operator.MigrationPlan, m *v1alpha1.DNSMigration) []v1alpha1.PreflightFinding {
	return slices.DeleteFunc(slices.Clone(p.Findings), func(f v1alpha1.PreflightFinding) bool {
		return f.Severity == v1alpha1.SeverityInfo || f.Code == "NoClusterDNS" ||
			f.Severity == v1alpha1.SeverityWarning && slices.Contains(m.Spec.Acknowledge, f.Code)
	})
}

func k8s(opts operator.Options) (client.Client, error) {
	scheme, err := operator.Scheme()
	if err != nil {
		return nil, err
	}
	api, err := client.New(opts.Config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("reaching the API server: %w", err)
	}
	return api, nil
}

func getMigration(ctx context.Context, api client.Client) (*v1alpha1.DNSMigration, error) {
	var m v1alpha1.DNSMigration
	err := api.Get(ctx, client.ObjectKey{Name: "default"}, &m)
	switch {
	case meta.IsNoMatchError(err):
		return nil, errors.New("the API server does not know DNSMigration: install the CRDs (kubectl apply -k manifests)")
	case apierrors.IsNotFound(err):
		return nil, errors.New("there is no DNSMigration: clusterdns migrate start makes one")
	case err != nil:
		return nil, fmt.Errorf("reading DNSMigration default: %w", err)
	}
	return &m, nil
}

func newMigrateStatus() *cobra.Command {
	var k cluster
	var out format
	var again bool
	c := &cobra.Command{
		Use: "status", Short: "Show how far the migration has come", Args: noArgs,
		Long: `Show how far the migration has come, and how many queries were lost. With --watch it
is shown again when it changes, until it is over or Ctrl-C. The exit status is 1 if
somebody has to do something, or it went back.`,
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := k.config()
			if err != nil {
				return err
			}
			api, err := k8s(operator.Options{Config: config})
			if err != nil {
				return err
			}
			var m *v1alpha1.DNSMigration
			look := func(ctx context.Context) (view, error) {
				if m, err = getMigration(ctx, api); err != nil {
					return view{}, err
				}
				over := m.Status.ObservedGeneration == m.Generation && (m.Status.Phase == v1alpha1.PhaseFinalised || m.Status.Phase == v1alpha1.PhaseRolledBack)
				return view{value: m.Status, text: describeMigration(m), last: !again || over}, nil
			}
			if again {
				err = watch(c.Context(), c.OutOrStdout(), &out, look)
			} else {
				var v view
				if v, err = look(c.Context()); err == nil {
					err = v.show(c.OutOrStdout(), &out, true)
				}
			}
			if err == nil && m != nil && (m.Status.Phase == v1alpha1.PhaseRolledBack || meta.IsStatusConditionTrue(m.Status.Conditions, v1alpha1.ConditionBlocked)) {
				return exitStatus(exitFailed)
			}
			return err
		},
	}
	k.flags(c)
	out.flag(c)
	c.Flags().BoolVarP(&again, "watch", "w", false, "show it again when it changes")
	return c
}

// phases are in the order in which they come.
var phases = []v1alpha1.MigrationPhase{
	v1alpha1.PhasePreflight, v1alpha1.PhaseShadow, v1alpha1.PhaseCanary, v1alpha1.PhaseOverlap, v1alpha1.PhaseCutOver, v1alpha1.PhaseSoak, v1alpha1.PhaseFinalise, v1alpha1.PhaseFinalised,
}

// describeMigration writes a status for people.
func describeMigration(m *v1alpha1.DNSMigration) string {
	var b strings.Builder
	s := &m.Status
	fmt.Fprintf(&b, "DNSMigration default, from %s", s.From)
	if s.Provider != "" {
		fmt.Fprintf(&b, " of %s", s.Provider)
	}
	fmt.Fprintf(&b, "\n%s %s\n", phaseBar(s.Phase), s.Phase)
	if s.ObservedGeneration != m.Generation {
		fmt.Fprintf(&b, "the operator has not seen the last change (generation %d, it saw %d): is it running?\n", m.Generation, s.ObservedGeneration)
	}
	for _, c := range s.Conditions {
		if c.Message != "" && (c.Type != v1alpha1.ConditionProgressing || c.Status == metav1.ConditionTrue) && (c.Type != v1alpha1.ConditionBlocked || c.Status == metav1.ConditionTrue) {
			fmt.Fprintf(&b, "%-12s %-6s %s\n", c.Type, c.Status, c.Message)
		}
	}
	for _, f := range s.Preflight {
		if s.Phase == v1alpha1.PhasePreflight && f.Severity != v1alpha1.SeverityInfo {
			showFinding(&b, f, slices.Contains(m.Spec.Acknowledge, f.Code))
		}
	}
	if r := s.Shadow; r != nil {
		fmt.Fprintf(&b, "shadow       %d questions to old and new servers: %d differ, %d more in a way that is known\n", r.Queries, r.Mismatches, r.Explained)
		for _, sample := range r.Samples {
			fmt.Fprintf(&b, "  %s\n", sample)
		}
	}
	if s.LostQueries != nil && s.MeteredQueries != nil {
		fmt.Fprintf(&b, "lost         %d of %d queries\n", *s.LostQueries, *s.MeteredQueries)
	}
	if s.Snapshot != "" {
		fmt.Fprintf(&b, "snapshot     ConfigMap %s\n", s.Snapshot)
	}
	return b.String()
}

// phaseBar draws how far a phase is.
func phaseBar(phase v1alpha1.MigrationPhase) string {
	n := slices.Index(phases, phase) + 1
	return "[" + strings.Repeat("==", n) + strings.Repeat("  ", len(phases)-n) + "]"
}

func newMigrateRollback() *cobra.Command {
	var k cluster
	c := &cobra.Command{
		Use: "rollback", Short: "Go back to the old servers", Args: noArgs,
		Long: `Go back to the old servers, from any phase, and stay there: spec.rollback.requested
is set. Without it the migration begins again.`,
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := k.config()
			if err != nil {
				return err
			}
			api, err := k8s(operator.Options{Config: config})
			if err != nil {
				return err
			}
			m, err := getMigration(c.Context(), api)
			if err != nil {
				return err
			}
			after := m.DeepCopy()
			if after.Spec.Rollback == nil {
				after.Spec.Rollback = &v1alpha1.MigrationRollback{}
			}
			after.Spec.Rollback.Requested = true
			if err := api.Patch(c.Context(), after, client.MergeFrom(m)); err != nil {
				return fmt.Errorf("asking for the way back: %w", err)
			}
			fmt.Fprintln(c.OutOrStdout(), "the way back was asked for; clusterdns migrate status --watch shows how it goes")
			return nil
		},
	}
	k.flags(c)
	return c
}
