// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/clusterdns/clusterdns/cmd/image/oci"
)

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, i := range images {
		repository, tag := i.reference()
		full := repository + ":" + tag
		if _, err := name.NewTag(full, name.StrictValidation); err != nil || !strings.HasPrefix(full, registry+"/") {
			t.Errorf("%s is no name of ours: %v", full, err)
		}
		if seen[i.name] {
			t.Errorf("there are two images %s", i.name)
		}
		seen[i.name] = true
	}
}

func TestChoose(t *testing.T) {
	names := func(args ...string) (names []string) {
		chosen, err := choose(args)
		if err != nil {
			t.Error(err)
		}
		for _, i := range chosen {
			names = append(names, i.name)
		}
		return names
	}
	if got, want := names(), []string{"glibc", "busybox", "musl", "web", "ingress", "dns"}; !slices.Equal(got, want) {
		t.Errorf("without names: %q", got)
	}
	if got, want := names("agnhost"), []string{"agnhost"}; !slices.Equal(got, want) {
		t.Errorf("of one name: %q", got)
	}
	if _, err := choose([]string{"web", "windows"}); !errors.Is(err, errUsage) {
		t.Errorf("of a name that is none: %v", err)
	}
}

// TestUpToDate makes an image again only when what is in it changes.
func TestUpToDate(t *testing.T) {
	content := "one"
	img := image{name: "sample", parts: []part{func(context.Context, *workshop) (layer, error) {
		return files(oci.File{Name: "a", Mode: 0o644, Data: []byte(content)})
	}}}
	var report, log bytes.Buffer
	w := &workshop{out: t.TempDir(), report: &report, log: &log}
	file := filepath.Join(w.out, "sample.tar")
	made := func() (again bool, text string) {
		t.Helper()
		log.Reset()
		if err := w.make(t.Context(), img); err != nil {
			t.Fatal(err)
		}
		archive, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(log.String(), "wrote"), string(archive)
	}
	again, first := made()
	if !again {
		t.Error("it is not made")
	}
	if again, _ := made(); again {
		t.Error("it is made again from the same")
	}
	content = "two"
	if again, second := made(); !again || second == first {
		t.Error("it is not made again from something else")
	}
	img.config.Cmd = []string{"/a"}
	if again, _ := made(); !again {
		t.Error("it is not made again with another command")
	}
	content, img.config.Cmd = "one", nil
	if _, third := made(); third != first {
		t.Error("the same content makes another archive")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if again, _ := made(); !again {
		t.Error("it is not made again when it is gone")
	}
	if want := file + " clusterdns.test/sample:1\n"; !strings.HasPrefix(report.String(), want) {
		t.Errorf("the report is %q", report.String())
	}
}

// TestMissing names what is not there, and how to get it.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	w := &workshop{root: "/nonexistent", cache: t.TempDir(), out: t.TempDir(), report: new(bytes.Buffer), log: new(bytes.Buffer)}
	for _, name := range []string{"glibc", "busybox", "musl", "web"} {
		i, _ := find(name)
		err := w.make(t.Context(), i)
		if err == nil || !strings.Contains(err.Error(), "install") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int
	}{{[]string{"--help"}, 0}, {[]string{"--colour"}, 2}, {[]string{"windows"}, 2}} {
		if got := program(t.Context(), c.args, new(bytes.Buffer), new(bytes.Buffer)); got != c.want {
			t.Errorf("%q: got %d, want %d", c.args, got, c.want)
		}
	}
}
