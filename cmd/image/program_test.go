// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	enter(t)
	for _, c := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"help", []string{"--help"}, exitOK, "skopeo copy --all oci-archive:"},
		{"flag", []string{"--nonsense"}, exitUsage, "flag provided but not defined: -nonsense; see image --help"},
		{"argument", []string{"coredns"}, exitUsage, `"coredns" is not expected`},
		{"platform", []string{"--platform=linux/amd64,windows/amd64"}, exitUsage, `--platform "windows/amd64": want some of linux/amd64,linux/arm64`},
		{"no platform", []string{"--platform="}, exitUsage, `--platform ""`},
		{"version", []string{"--version=v1 or so"}, exitUsage, `--version "v1 or so": want a tag`},
		{"created", []string{"--created=yesterday"}, exitUsage, `time "yesterday": want RFC 3339`},
		{"revision", []string{"--revision=none"}, exitFailed, "give --created"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var errs bytes.Buffer
			status := program(t.Context(), c.args, &errs, &errs)
			if status != c.status || !strings.Contains(errs.String(), c.want) {
				t.Errorf("status %d, want %d, and in %q %q", status, c.status, errs.String(), c.want)
			}
		})
	}
	if _, err := os.Stat("bin"); err == nil {
		t.Error("there is a folder although nothing was made")
	}
}

func TestSourceDateEpoch(t *testing.T) {
	enter(t)
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	for _, c := range []struct{ created, want string }{
		{"", "2023-11-14T22:13:20Z"},
		{"0", "1970-01-01T00:00:00Z"},
		{"2026-11-25T13:00:00.9+01:00", "2026-11-25T12:00:00Z"},
	} {
		j, err := flags{platforms: "linux/amd64", created: c.created}.job(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := j.created.Format("2006-01-02T15:04:05Z07:00"); got != c.want {
			t.Errorf("--created %q: %s, want %s", c.created, got, c.want)
		}
	}
}

func TestDirty(t *testing.T) {
	enter(t)
	if err := os.WriteFile("operator/operator.go", []byte("package operator\n\nvar Version = \"v10\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	j, err := flags{platforms: "linux/amd64"}.job(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(j.revision, "-dirty") || j.created.Hour() != 12 {
		t.Errorf("revision %s of %s, want it dirty, and the time of the commit", j.revision, j.created)
	}
}

func TestNoGo(t *testing.T) {
	enter(t)
	t.Setenv("PATH", t.TempDir())
	var errs bytes.Buffer
	if status := program(t.Context(), nil, &errs, &errs); status != exitFailed || !strings.Contains(errs.String(), "install Go 1.26 or later") {
		t.Errorf("status %d: %s", status, errs.String())
	}
}

func TestOutside(t *testing.T) {
	t.Chdir(t.TempDir())
	var errs bytes.Buffer
	if status := program(t.Context(), nil, &errs, &errs); status != exitFailed || !strings.Contains(errs.String(), "change to a folder of it") {
		t.Errorf("status %d: %s", status, errs.String())
	}
}

// TestDoesNotCompile shows what the compiler says.
func TestDoesNotCompile(t *testing.T) {
	enter(t)
	if err := os.WriteFile("cmd/clusterdns/main.go", []byte("package main\n\nfunc main() { nothing() }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	status := program(t.Context(), []string{"--platform=linux/amd64"}, &errs, &errs)
	for _, want := range []string{"cmd/clusterdns/main.go:3:15: undefined: nothing", "error: building ./cmd/clusterdns for linux/amd64: go build: exit status 1"} {
		if status != exitFailed || !strings.Contains(errs.String(), want) {
			t.Errorf("status %d, want %q in %s", status, want, errs.String())
		}
	}
}

// An interrupter ends a context when it reads a word, as a user who presses
// Ctrl-C on seeing it.
type interrupter struct {
	bytes.Buffer
	word   string
	cancel func()
}

// Write implements io.Writer.
func (i *interrupter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(i.word)) {
		i.cancel()
	}
	return i.Buffer.Write(p)
}

// TestInterrupted keeps the archive of before, and leaves nothing beside it.
func TestInterrupted(t *testing.T) {
	for _, word := range []string{"building coredns", "building clusterdns", "writing bin/images/coredns.tar"} {
		t.Run(word, func(t *testing.T) {
			enter(t)
			old := "bin/images/coredns.tar"
			if err := os.MkdirAll(filepath.Dir(old), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(old, []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			errs := &interrupter{word: word, cancel: cancel}
			if status := program(ctx, []string{"--platform=linux/amd64", "--out=bin/images"}, errs, errs); status != exitFailed || !strings.Contains(errs.String(), "interrupted") {
				t.Errorf("status %d: %s", status, errs.String())
			}
			files, err := filepath.Glob("bin/images/*")
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if f != old && !strings.HasSuffix(f, ".spdx.json") {
					t.Errorf("%s is left", f)
				}
			}
			if hidden, err := filepath.Glob("bin/images/.*"); err != nil || len(hidden) > 0 {
				t.Errorf("%q, %v are left", hidden, err)
			}
			if text, err := os.ReadFile(old); err != nil || string(text) != "old" {
				t.Errorf("the old archive is %q, %v", text, err)
			}
		})
	}
}
