// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestAffected runs testdata/versions/*.txtar: a Corefile, and what the step
// changes for it that the first line names.
func TestAffected(t *testing.T) {
	scripts(t, "versions", func(title string, f *File) []Diagnostic {
		from, to := step(t, title)
		return Affected(f, from, to)
	})
}

// step returns the versions of a title such as "From 1.9.3 to 1.15.0: why".
func step(t *testing.T, title string) (from, to Version) {
	t.Helper()
	words := strings.Fields(title)
	if len(words) < 4 {
		t.Fatalf("%q does not begin with a step", title)
	}
	from, err1 := ParseVersion(words[1])
	to, err2 := ParseVersion(strings.TrimSuffix(words[3], ":"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return from, to
}

func TestParseVersion(t *testing.T) {
	for _, tt := range []struct{ tag, want string }{
		{"1.15.0", "1.15.0"},
		{"v1.11.1", "1.11.1"},
		{"1.11.1-eksbuild.9", "1.11.1"},
		{"v1.10.1+k3s1", "1.10.1"},
		{"1.9", "1.9.0"},
		{"v1.12.0_vendor", "1.12.0"},
		{"1.8.4.1", "1.8.4"},
		{"", ""},
		{"latest", ""},
		{"1", ""},
		{"1..2", ""},
		{"sha256:0a1b", ""},
	} {
		got := ""
		v, err := ParseVersion(tt.tag)
		if err == nil {
			got = v.String()
		}
		if got != tt.want {
			t.Errorf("%q: got %q, %v, want %q", tt.tag, got, err, tt.want)
		}
	}
}

func TestChanges(t *testing.T) {
	if !slices.IsSortedFunc(changes, func(a, b Change) int { return a.Version.Compare(b.Version) }) {
		t.Error("the table is not in the order of the versions")
	}
	for _, c := range changes {
		if c.Remedy == "" || c.Summary == "" && c.severity() == Warning && (c.Kind == NewDefault || c.Kind == Behaviour) {
			t.Errorf("%+v: says too little", c)
		}
	}
	all := Changes(Version{}, Version{1, 15, 0})
	if len(all) != len(changes) {
		t.Errorf("got %d changes, want %d", len(all), len(changes))
	}
	if got := Changes(Version{1, 7, 0}, Version{1, 7, 0}); len(got) > 0 {
		t.Errorf("no step: got %v", got)
	}
	var got []string
	for _, c := range Changes(Version{1, 6, 9}, Version{1, 7, 1}) {
		got = append(got, fmt.Sprint(c.Kind, " ", c.Plugin, " ", c.Option))
	}
	want := "added dns64 |removed federation |removed kubernetes resyncperiod|removed kubernetes upstream"
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
}
