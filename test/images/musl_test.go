// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// compileResolve compiles resolve, with musl if this machine has it.
func compileResolve(t *testing.T) string {
	t.Helper()
	compiler := "musl-gcc"
	if _, err := exec.LookPath(compiler); err != nil {
		compiler = "cc"
	}
	if _, err := exec.LookPath(compiler); err != nil {
		t.Skip("this machine has no C compiler")
	}
	program := filepath.Join(t.TempDir(), "resolve")
	if out, err := exec.CommandContext(t.Context(), compiler, "-std=c99", "-o", program, filepath.Join("musl", "resolve.c")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func TestResolve(t *testing.T) {
	program := compileResolve(t)
	for _, c := range []struct {
		args     string
		status   int
		out, err string // what is in there
	}{
		{"192.0.2.1", 0, "192.0.2.1\n", ""},
		{"2001:db8::1 inet6", 0, "2001:db8::1\n", ""},
		{"2001:db8::1 inet", 1, "", "resolve: 2001:db8::1: "},
		{"localhost inet", 0, "127.0.0.1\n", ""},
		{"-n 3 -i 0 192.0.2.1", 0, "answered 3\nfailed 0\n", ""},
		{"-n 2 -i 0 2001:db8::1 inet", 1, "answered 0\nfailed 2\n", "2001:db8::1"},
		{"--reverse 127.0.0.1", 0, "localhost\n", ""},
		{"--reverse localhost", 2, "", "resolve: localhost: "},
		{"--help", 0, "Usage: resolve", ""},
		{"", 2, "", "is expected"},
		{"-n", 2, "", "-n wants"},
		{"-n x a", 2, "", "-n wants"},
		{"-i -1 a", 2, "", "-i wants"},
		{"-x a", 2, "", "no such flag"},
		{"a inet7", 2, "", "inet or inet6"},
		{"a inet b", 2, "", "too many"},
	} {
		t.Run(c.args, func(t *testing.T) {
			var out, errs bytes.Buffer
			cmd := exec.CommandContext(t.Context(), program, strings.Fields(c.args)...)
			cmd.Stdout, cmd.Stderr = &out, &errs
			err := cmd.Run()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != c.status {
				t.Errorf("the status is %d, want %d", got, c.status)
			}
			if !strings.Contains(out.String(), c.out) || c.out == "" && out.Len() > 0 {
				t.Errorf("it prints %q, want %q", &out, c.out)
			}
			if !strings.Contains(errs.String(), c.err) || c.err == "" && errs.Len() > 0 {
				t.Errorf("it complains %q, want %q", &errs, c.err)
			}
		})
	}
}
