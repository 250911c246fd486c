// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"testing"
)

// TestProgress counts packages and shows the rest, however it comes.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := &progress{out: &out}
	for _, text := range []string{"runtime\nnet/h", "ttp\n# example.org/a\n./a.go:1:1: und", "efined: x\nos\n"} {
		if n, err := p.Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if want := "# example.org/a\n./a.go:1:1: undefined: x\n"; out.String() != want || p.packages != 3 {
		t.Errorf("%d packages and %q, want 3 and %q", p.packages, out.String(), want)
	}
}
