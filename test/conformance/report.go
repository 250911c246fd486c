// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A spec is one test that was selected.
type spec struct {
	name   string
	state  string // passed, skipped, failed, timedout, panicked, ...
	reason string // why it is not passed
}

// line is what specs.txt has of it.
func (s spec) line() string {
	if s.state == "passed" {
		return "passed " + s.name
	}
	return s.state + " " + s.name + ": " + firstLine(s.reason)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// reports is what ginkgo writes: see types.Report of github.com/onsi/ginkgo/v2.
type reports []struct {
	SpecReports []struct {
		ContainerHierarchyTexts []string
		LeafNodeType            string
		LeafNodeText            string
		State                   string
		Failure                 struct{ Message string }
	}
}

// selected returns the specs that were chosen, sorted. Those that were not are
// skipped, too, but without a reason.
func selected(text []byte) ([]spec, error) {
	var all reports
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("reading the report of the tests: %w", err)
	}
	var specs []spec
	for _, r := range all {
		for _, s := range r.SpecReports {
			if s.LeafNodeType != "It" || s.State == "skipped" && s.Failure.Message == "" {
				continue
			}
			name := strings.Join(append(s.ContainerHierarchyTexts, s.LeafNodeText), " ")
			specs = append(specs, spec{name, s.State, s.Failure.Message})
		}
	}
	slices.SortFunc(specs, func(a, b spec) int { return strings.Compare(a.name, b.name) })
	return specs, nil
}

const specsHead = `# Copyright The clusterdns Authors
# SPDX-License-Identifier: Apache-2.0
#
# The specs of Kubernetes that are about cluster DNS, and how they end with ours:
# as with stock CoreDNS. Written by make conformance CONFORMANCEFLAGS=--update.
`

func (j *job) specsFile() string { return filepath.Join(j.root, "test", "conformance", "specs.txt") }

// report prints how each spec ended, and compares that with specs.txt.
func (j *job) report(specs []spec) error {
	var got []string
	bad := 0
	for _, s := range specs {
		got = append(got, s.line())
		fmt.Fprintln(j.out, s.line())
		if s.state != "passed" && s.state != "skipped" {
			bad++
		}
	}
	if j.update && bad == 0 && len(got) > 0 {
		return os.WriteFile(j.specsFile(), []byte(specsHead+strings.Join(got, "\n")+"\n"), 0o644)
	}
	text, err := os.ReadFile(j.specsFile())
	if err != nil {
		return err
	}
	differences := compare(listed(string(text)), got)
	for _, d := range differences {
		fmt.Fprintln(j.out, d)
	}
	if len(differences) > 0 {
		return errors.New("the specs did not end as test/conformance/specs.txt says: - is what it says, + is what was")
	}
	fmt.Fprintf(j.log, "all %d specs ended as test/conformance/specs.txt says\n", len(got))
	return nil
}

// listed returns the lines of specs.txt that are no comments.
func listed(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// compare returns the lines that only one has, with - if that is want, or +.
func compare(want, got []string) []string {
	var differences []string
	for _, line := range want {
		if !slices.Contains(got, line) {
			differences = append(differences, "- "+line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			differences = append(differences, "+ "+line)
		}
	}
	return differences
}
