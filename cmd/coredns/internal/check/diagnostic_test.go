// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSorted(t *testing.T) {
	in := []Diagnostic{
		noteAt(Pos{"b", 1}, "n"),
		errorAt(Pos{"b", 10}, "x"),
		errorAt(Pos{"b", 1}, "x"),
		errorAt(Pos{"a", 2}, "two\n lines"),
		errorAt(Pos{"b", 1}, "x"),
		errorAt(Pos{File: "b"}, "whole"),
	}
	var got []string
	for _, d := range sorted(in) {
		got = append(got, d.String())
	}
	want := []string{"a:2: two lines", "b: whole", "b:1: x", "b:1: note: n", "b:10: x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sorted (-want +got):\n%s", diff)
	}
}

func TestGood(t *testing.T) {
	note, err := noteAt(Pos{"a", 1}, "n"), errorAt(Pos{"a", 1}, "e")
	for name, tt := range map[string]struct {
		in   []Diagnostic
		want bool
	}{
		"nothing": {nil, true},
		"note":    {[]Diagnostic{note}, true},
		"error":   {[]Diagnostic{note, err}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Good(tt.in); got != tt.want {
				t.Errorf("want %v, got %v", tt.want, got)
			}
		})
	}
}
