// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeGo stands in for the go command: these tests are about when it is called
// and what becomes of its messages.
const fakeGo = `#!/bin/sh
case "$1" in
env) echo go1.26 linux amd64 ;;
list) printf 'runtime\nexample.org/kube\n' ;;
run) # the last argument is the file to write
	printf '%s\n' "$*" >>"$FAKE_CALLS"
	for out; do :; done
	echo image >"$out" ;;
build)
	for arg; do
		[ "$previous" = -o ] && out=$arg
		previous=$arg
	done
	printf '%s\n' "$*" >>"$FAKE_CALLS"
	case "$FAKE_DO" in
	fail) echo 'main.go:3: undefined: x' >&2; exit 1 ;;
	hang)
		trap 'echo interrupted >>"$FAKE_CALLS"; exit 1' INT
		echo hangs >>"$FAKE_CALLS"
		while :; do sleep 0.02; done ;;
	esac
	echo 'go: downloading example.org/x v1.0.0' >&2
	echo example.org/kube >&2
	echo "program of $$" >"$out" ;;
esac
`

type fixture struct {
	Options
	calls string
	log   *bytes.Buffer
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "with a space")
	f := &fixture{calls: filepath.Join(dir, "calls"), log: &bytes.Buffer{}}
	f.Options = Options{Module: filepath.Join(dir, "module"), Out: filepath.Join(dir, "bin"), Log: f.log}
	f.write(t, "go.mod", "module "+modulePath+"\n\nrequire (\n\tk8s.io/kubernetes v1.36.3\n)\n")
	f.write(t, "go.sum", "")
	f.write(t, "cmd/kube/main.go", "package main\n")
	tools := t.TempDir()
	for _, name := range []string{"go", "kubectl"} {
		if err := os.WriteFile(filepath.Join(tools, name), []byte(fakeGo), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	t.Setenv("FAKE_CALLS", f.calls)
	return f
}

func (f *fixture) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(f.Module, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// builds is how often go build was called.
func (f *fixture) builds() int {
	text, _ := os.ReadFile(f.calls)
	return strings.Count(string(text), "build -v")
}

func (f *fixture) program() string {
	text, _ := os.ReadFile(filepath.Join(f.Out, "kube-apiserver"))
	return string(text)
}

func TestBuildsOnlyWhatChanged(t *testing.T) {
	f := newFixture(t)
	steps := []struct {
		name   string
		change func()
		want   int // calls of go build so far
	}{
		{"first", func() {}, 1},
		{"again", func() {}, 1},
		{"changed source", func() { f.write(t, "cmd/kube/main.go", "package main // changed\n") }, 2},
		{"other version", func() { f.write(t, "go.mod", "require (\n\tk8s.io/kubernetes v1.37.0\n)\n") }, 3},
		{"lost program", func() { os.Remove(filepath.Join(f.Out, "kube")) }, 4},
		{"lost link", func() { os.Remove(filepath.Join(f.Out, "etcd")) }, 4},
		{"kubectl wanted", func() { f.Kubectl = true }, 5},
		{"kubectl again", func() {}, 5},
	}
	for _, step := range steps {
		step.change()
		if err := Run(t.Context(), f.Options); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := f.builds(); got != step.want {
			t.Fatalf("%s: go build was called %d times, want %d", step.name, got, step.want)
		}
		for _, name := range Links {
			if _, err := os.Stat(filepath.Join(f.Out, name)); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
		}
	}
	calls, _ := os.ReadFile(f.calls)
	for _, want := range []string{"version.gitVersion=v1.36.3 ", "version.gitVersion=v1.37.0 ", "version.gitMinor=37 "} {
		if !strings.Contains(string(calls), want) {
			t.Errorf("no go build had %q", want)
		}
	}
	for _, want := range []string{
		"building " + filepath.Join(f.Out, "kube") + ": the first build takes 6 to 8 minutes on 2 cores",
		"1 of 2 packages were compiled", "is up to date", "kubectl: this machine has ",
	} {
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, f.log)
		}
	}
}

// Nodes need more, in the order in which one is made from the other; without
// them none of it is built.
func TestBuildsWhatNodesNeed(t *testing.T) {
	f := newFixture(t)
	f.write(t, "containerd/go.mod", "module "+modulePath+"/containerd\n")
	f.write(t, "containerd/go.sum", "")
	if err := Run(t.Context(), f.Options); err != nil {
		t.Fatal(err)
	}
	if got := f.builds(); got != 1 {
		t.Fatalf("without nodes go build was called %d times", got)
	}
	f.Nodes = true
	for range 2 { // the second time there is nothing to do
		if err := Run(t.Context(), f.Options); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.builds(); got != 5 {
		t.Errorf("go build was called %d times, want 5", got)
	}
	calls, _ := os.ReadFile(f.calls)
	want := "./image " + PauseImage + " " + filepath.Join(f.Out, "pause") + " " + filepath.Join(f.Out, ".pause.tar.new")
	if got := strings.Count(string(calls), want); got != 1 {
		t.Errorf("the image was made %d times:\n%s", got, calls)
	}
	if got := strings.Count(string(calls), "version.gitVersion="); got != 1 {
		t.Errorf("%d programs have the version of Kubernetes, want 1", got)
	}
	if _, err := os.Stat(filepath.Join(f.Out, "pause.tar")); err != nil {
		t.Error(err)
	}
}

func TestFailedBuildKeepsTheProgram(t *testing.T) {
	f := newFixture(t)
	if err := Run(t.Context(), f.Options); err != nil {
		t.Fatal(err)
	}
	before := f.program()
	f.write(t, "cmd/kube/main.go", "package main // broken\n")
	t.Setenv("FAKE_DO", "fail")
	err := Run(t.Context(), f.Options)
	if err == nil || !strings.Contains(err.Error(), "building kube: ") || !strings.Contains(err.Error(), "main.go:3: undefined: x") {
		t.Errorf("got %v", err)
	}
	if f.program() != before {
		t.Error("the program is another now")
	}
	t.Setenv("FAKE_DO", "")
	if err := Run(t.Context(), f.Options); err != nil {
		t.Fatal(err)
	}
	if f.program() == before {
		t.Error("the next build did not replace the program")
	}
}

func TestInterruptStopsTheCompiler(t *testing.T) {
	f := newFixture(t)
	t.Setenv("FAKE_DO", "hang")
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	go func() {
		for t.Context().Err() == nil {
			if text, _ := os.ReadFile(f.calls); strings.Contains(string(text), "hangs") {
				cancel(interrupted)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	if err := Run(ctx, f.Options); !errors.Is(err, interrupted) {
		t.Errorf("got %v", err)
	}
	if text, _ := os.ReadFile(f.calls); !strings.Contains(string(text), "interrupted") {
		t.Error("the go command was not told")
	}
	if left, _ := filepath.Glob(filepath.Join(f.Out, ".kube.*")); left != nil {
		t.Errorf("it left %q", left)
	}
}

func TestWithoutGo(t *testing.T) {
	f := newFixture(t)
	t.Setenv("PATH", t.TempDir())
	err := Run(t.Context(), f.Options)
	if err == nil || !strings.Contains(err.Error(), "install Go") {
		t.Errorf("got %v", err)
	}
}

func TestFindModule(t *testing.T) {
	root := t.TempDir()
	module := filepath.Join(root, "test", "cluster")
	if err := os.MkdirAll(filepath.Join(module, "cmd"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := FindModule(root); err == nil {
		t.Error("found a module where none is")
	}
	if err := os.WriteFile(filepath.Join(module, "go.mod"), []byte("module "+modulePath+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{root, filepath.Join(root, "test"), module, filepath.Join(module, "cmd")} {
		if got, err := FindModule(from); err != nil || got != module {
			t.Errorf("FindModule(%s) = %q, %v", from, got, err)
		}
	}
}

func TestProgressLines(t *testing.T) {
	var log bytes.Buffer
	p := newProgress(&log, "kube", false, time.Now())
	defer p.close()
	feed := func(text string) {
		if _, err := p.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(want string) {
		t.Helper()
		if got := p.line(192 * time.Second); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	want("kube: looking up its packages, 3m12s")
	feed("go: downloading a v1\ngo: downlo")
	want("kube: 1 modules downloaded, 3m12s")
	p.expect([]string{"fmt", "example.org/a", "example.org/kube"})
	want("kube: 0 of at most 3 packages compiled, 3m12s")
	feed("ading b v1\nfmt\nexample.org/a\n")
	want("kube: 2 of at most 3 packages compiled, 3m12s")
	feed("example.org/kube\n")
	want("kube: linking, 3m12s")
	if p.diagnostics != nil {
		t.Errorf("progress was taken for diagnostics: %q", p.diagnostics)
	}
}
