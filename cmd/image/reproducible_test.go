// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// sums are those of all files of a folder.
func sums(t *testing.T, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f.Name()+" "+sum(text))
	}
	return out
}

// TestReproducible builds the same commit in two folders, the second time as
// another user would: elsewhere, in another zone, with another umask, with
// preferences for Go, and with the platforms named the other way round.
func TestReproducible(t *testing.T) {
	build := func(args ...string) []string {
		t.Helper()
		enter(t)
		var errs bytes.Buffer
		if status := program(t.Context(), append(args, "--version=v1.2.3"), io.Discard, &errs); status != exitOK {
			t.Fatalf("status %d\n%s", status, errs.String())
		}
		return sums(t, "bin/images")
	}
	first := build()
	t.Setenv("TZ", "Asia/Tokyo")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("GOFLAGS", "-tags=extra -buildvcs=true")
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	second := build("--platform=linux/arm64,linux/amd64")
	if !slices.Equal(first, second) {
		t.Errorf("first  %q\nsecond %q", first, second)
	}
	if len(first) != 6 {
		t.Errorf("%q, want two archives and four SBOMs", first)
	}
}
