// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
	"github.com/clusterdns/clusterdns/operator"
)

// checked is the output of check for programs.
type checked struct {
	Good     bool     `json:"good"`
	Findings []string `json:"findings,omitempty"`
}

func newCheck() *cobra.Command {
	var from source
	var out format
	var coredns, domain string
	c := &cobra.Command{
		Use: "check -f FILE", Short: "Say whether a ClusterDNS or a Corefile is good", Args: noArgs,
		Long: `Say what is wrong with a ClusterDNS or a Corefile, with the line and the remedy:
first what can be seen in the text, then what the program of the DNS servers says
about it (its flag -check), if that is there. The exit status is 1 if it is bad.`,
		Example: `  clusterdns check -f clusterdns.yaml
  clusterdns check -f Corefile --coredns bin/coredns`,
		RunE: func(c *cobra.Command, _ []string) error {
			text, name, err := from.read(c)
			if err != nil {
				return err
			}
			program, err := findCoreDNS(coredns)
			if err != nil {
				return err
			}
			r, err := check(c, text, name, domain, program)
			if err != nil {
				return err
			}
			err = out.write(c.OutOrStdout(), r, func() {
				for _, f := range r.Findings {
					fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", name, f)
				}
				if r.Good {
					fmt.Fprintf(c.OutOrStdout(), "%s: ok\n", name)
				}
			})
			if err == nil && !r.Good {
				err = exitStatus(exitFailed)
			}
			return err
		},
	}
	from.flag(c, "manifest with a ClusterDNS, or a Corefile")
	out.flag(c)
	c.Flags().StringVar(&coredns, "coredns", "", "program of the DNS servers (default: coredns beside this program, or in PATH); none leaves it out")
	c.Flags().StringVar(&domain, "cluster-domain", "", "cluster domain (default: that of the ClusterDNS or the Corefile)")
	return c
}

// findCoreDNS returns the program to ask, or "" if there is none.
func findCoreDNS(named string) (string, error) {
	if named == "none" {
		return "", nil
	}
	if named != "" {
		return exec.LookPath(named)
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "coredns")
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	path, err := exec.LookPath("coredns")
	if err != nil {
		return "", nil //nolint:nilerr // there is none
	}
	return path, nil
}

// check checks a Corefile, or the one of a ClusterDNS.
func check(c *cobra.Command, text, name, domain, program string) (checked, error) {
	r := checked{Good: true}
	if isManifest(text) {
		dns, err := clusterDNS(text, name)
		if err != nil {
			return r, err
		}
		facts := render.Facts{ClusterDomain: domain}
		file, problems := render.Corefile(&dns.Spec, facts)
		for _, p := range problems {
			r.add(true, p.String())
		}
		domain, text = render.ClusterDomain(&dns.Spec, facts), corefile.Format(file)
	}
	file, err := corefile.Parse(text)
	if err != nil {
		r.add(true, err.Error())
		return r, nil
	}
	var domains []string
	if domain = cmp.Or(domain, file.ClusterDomain()); domain != "" {
		domains = []string{domain}
	}
	seen := corefile.Check(file, corefile.Rules{ClusterDomains: domains})
	var said []string
	good := true
	if program != "" {
		if said, good, err = operator.Check(c.Context(), program, text); err != nil {
			return r, err
		}
	}
	for _, d := range seen {
		about := fmt.Sprintf("line %d: ", d.Line)
		if !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, about) }) {
			r.add(d.Severity == corefile.Error, fmt.Sprintf("line %d: %s: %s; %s", d.Line, strings.ToLower(string(d.Severity)), d.Message, d.Remedy))
		}
	}
	r.Good = r.Good && good
	r.Findings = append(r.Findings, said...)
	if program == "" {
		r.add(false, "note: no program coredns was found, which would say more; name it with --coredns")
	}
	return r, nil
}

func (r *checked) add(bad bool, finding string) {
	r.Good = r.Good && !bad
	r.Findings = append(r.Findings, finding)
}
