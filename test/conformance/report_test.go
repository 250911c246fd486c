// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sample is what ginkgo writes, shortened.
const sample = `[{"SpecReports":[
 {"LeafNodeType":"SynchronizedBeforeSuite","State":"passed"},
 {"ContainerHierarchyTexts":["[sig-network] DNS"],"LeafNodeType":"It","LeafNodeText":"b","State":"passed"},
 {"ContainerHierarchyTexts":["[sig-network] DNS"],"LeafNodeType":"It","LeafNodeText":"a","State":"skipped","Failure":{"Message":"Only supported for providers [gce]\nat x.go"}},
 {"ContainerHierarchyTexts":["[sig-apps] Job"],"LeafNodeType":"It","LeafNodeText":"not selected","State":"skipped"},
 {"ContainerHierarchyTexts":["[sig-network] DNS"],"LeafNodeType":"It","LeafNodeText":"c","State":"failed","Failure":{"Message":"no answer"}}
]}]`

func TestSelected(t *testing.T) {
	specs, err := selected([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range specs {
		got = append(got, s.line())
	}
	want := []string{
		"skipped [sig-network] DNS a: Only supported for providers [gce]",
		"passed [sig-network] DNS b",
		"failed [sig-network] DNS c: no answer",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if _, err := selected([]byte("no JSON")); err == nil {
		t.Error("something else is a report")
	}
}

func TestReport(t *testing.T) {
	specs, err := selected([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, list string
		update     bool
		want       []string // lines of the differences
	}{
		{"the same", "# why\n\npassed [sig-network] DNS b\nskipped [sig-network] DNS a: Only supported for providers [gce]\nfailed [sig-network] DNS c: no answer\n", false, nil},
		{"one passed before", "passed [sig-network] DNS b\nskipped [sig-network] DNS a: Only supported for providers [gce]\npassed [sig-network] DNS c\n", false,
			[]string{"- passed [sig-network] DNS c", "+ failed [sig-network] DNS c: no answer"}},
		{"a failure is not written down", "passed [sig-network] DNS b\nskipped [sig-network] DNS a: Only supported for providers [gce]\n", true,
			[]string{"+ failed [sig-network] DNS c: no answer"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, log bytes.Buffer
			j := &job{root: t.TempDir(), update: c.update, out: &out, log: &log}
			if err := os.MkdirAll(filepath.Dir(j.specsFile()), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(j.specsFile(), []byte(c.list), 0o644); err != nil {
				t.Fatal(err)
			}
			err := j.report(specs)
			if (err == nil) != (c.want == nil) {
				t.Errorf("the error is %v", err)
			}
			var got []string
			for line := range strings.Lines(out.String()) {
				if strings.HasPrefix(line, "+") || strings.HasPrefix(line, "-") {
					got = append(got, strings.TrimSpace(line))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestUpdate writes down what is good.
func TestUpdate(t *testing.T) {
	j := &job{root: t.TempDir(), update: true, out: new(bytes.Buffer), log: new(bytes.Buffer)}
	if err := os.MkdirAll(filepath.Dir(j.specsFile()), 0o755); err != nil {
		t.Fatal(err)
	}
	specs := []spec{{"a", "passed", ""}, {"b", "skipped", "no cloud"}}
	if err := j.report(specs); err != nil {
		t.Fatal(err)
	}
	j.update = false
	if err := j.report(specs); err != nil {
		t.Errorf("what was written is not what is compared: %v", err)
	}
}

func TestInputs(t *testing.T) {
	version, stamp, err := inputs(".")
	if err != nil || !strings.HasPrefix(version, "v1.") || stamp == "" {
		t.Errorf("got %q, %q, %v", version, stamp, err)
	}
}

func TestFollow(t *testing.T) {
	var log bytes.Buffer
	j := &job{log: &log}
	j.follow(strings.NewReader("SSSS\n------------------------------\n[sig-network] DNS a [sig-network]\nk8s.io/x.go:1\n  STEP: x\n• [1.5 seconds]\n" +
		"------------------------------\n[sig-network] DNS b\nS [SKIPPED] [0.1 seconds]\n[sig-network] DNS c\n• [FAILED] [2 seconds]\n"))
	want := "  • [1.5 seconds] [sig-network] DNS a [sig-network]\n  S [SKIPPED] [0.1 seconds] [sig-network] DNS b\n  • [FAILED] [2 seconds] [sig-network] DNS c\n"
	if log.String() != want {
		t.Errorf("got %q", log.String())
	}
}
