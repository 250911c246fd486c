// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator"
)

func newMigrate() *cobra.Command {
	c := &cobra.Command{
		Use: "migrate", Short: "Bring the cluster from the DNS that serves it to the ClusterDNS", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newMigratePlan(), newMigrateStart(), newMigrateStatus(), newMigrateRollback())
	return c
}

func newMigratePlan() *cobra.Command {
	var out format
	var k cluster
	var o operatorFlags
	var onlyManifest bool
	c := &cobra.Command{
		Use: "plan", Short: "Show what serves, and what stands in the way of a migration", Args: noArgs,
		Long: `Show which DNS serves the cluster, who looks after it, and what a migration to the
ClusterDNS would find: errors, which stop it, and warnings, which stop it until the
DNSMigration acknowledges them. Then the ClusterDNS that says what the old DNS says,
or how the one that is there differs from it. Nothing is changed.

The exit status is 1 if there are errors.`,
		Example: `  clusterdns migrate plan
  clusterdns migrate plan --manifest | kubectl apply -f -`,
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := k.config()
			if err != nil {
				return err
			}
			opts, err := o.options(config)
			if err != nil {
				return err
			}
			p, err := operator.PlanMigration(c.Context(), opts)
			if err != nil {
				return err
			}
			if onlyManifest {
				return printManifest(c.OutOrStdout(), p)
			}
			var failed error
			if err := out.write(c.OutOrStdout(), p, func() { failed = showMigration(c.OutOrStdout(), p) }); err != nil {
				return err
			}
			if failed == nil && p.Failed() {
				return exitStatus(exitFailed)
			}
			return failed
		},
	}
	k.flags(c)
	o.flags(c)
	out.flag(c)
	c.Flags().BoolVar(&onlyManifest, "manifest", false, "print the ClusterDNS that says what the old DNS says, and nothing else")
	return c
}

func printManifest(w io.Writer, p operator.MigrationPlan) error {
	if p.Adopted == nil {
		return errors.New("the configuration of the old DNS cannot be read: clusterdns migrate plan says why")
	}
	text, err := manifest(p.Adopted)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	return err
}

// showMigration prints a plan for people.
func showMigration(w io.Writer, p operator.MigrationPlan) error {
	fmt.Fprint(w, p.Discovery)
	for _, s := range []v1alpha1.FindingSeverity{v1alpha1.SeverityError, v1alpha1.SeverityWarning, v1alpha1.SeverityInfo} {
		for _, f := range p.Findings {
			if f.Severity == s {
				showFinding(w, f, slices.Contains(p.Acknowledged, f.Code))
			}
		}
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, verdict(p))
	if p.Adopted == nil {
		return nil
	}
	then, err := manifest(p.Adopted)
	if err != nil {
		return err
	}
	if p.Now == nil {
		fmt.Fprintf(w, "\nthe ClusterDNS that says what the old DNS says\n\n%s", then)
		return nil
	}
	now := *p.Now
	now.TypeMeta, now.ObjectMeta = p.Adopted.TypeMeta, p.Adopted.ObjectMeta
	text, err := manifest(&now)
	if err != nil || text == then {
		return err
	}
	fmt.Fprint(w, "\nwhat would be otherwise if the ClusterDNS said what the old DNS says\n\n")
	_, err = w.Write(diff.Diff("ClusterDNS", []byte(text), "the old DNS", []byte(then)))
	return err
}

func showFinding(w io.Writer, f v1alpha1.PreflightFinding, acknowledged bool) {
	known := ""
	if acknowledged && f.Severity == v1alpha1.SeverityWarning {
		known = " (acknowledged)"
	}
	fmt.Fprintf(w, "\n%s %s%s: %s\n", strings.ToLower(string(f.Severity)), f.Code, known, f.Message)
	if f.Fix != "" {
		fmt.Fprintf(w, "  fix: %s\n", f.Fix)
	}
}

// verdict says whether a migration would begin, and what is missing.
func verdict(p operator.MigrationPlan) string {
	var codes []string
	failed := 0
	for _, f := range p.Findings {
		switch {
		case f.Severity == v1alpha1.SeverityError:
			failed++
		case f.Severity == v1alpha1.SeverityWarning && !slices.Contains(p.Acknowledged, f.Code):
			codes = append(codes, string(f.Code))
		}
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	var out []string
	if failed > 0 {
		out = append(out, fmt.Sprintf("a migration would not begin: errors: %d", failed))
	}
	if len(codes) > 0 {
		out = append(out, "to accept the warnings: spec.acknowledge: ["+strings.Join(codes, ", ")+"]")
	}
	if len(out) == 0 {
		return "a migration would begin"
	}
	return strings.Join(out, "\n")
}
