// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestStockCoreDNS does what plugin/README.md says, with the CoreDNS that our
// go.mod requires and all of its plugins, and asks what came of it.
//
// With an empty build cache it takes minutes: give go test a -timeout of 30m.
func TestStockCoreDNS(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: compiling CoreDNS with all of its plugins takes minutes")
	}
	version := strings.TrimSpace(mustCommand(t, root(t), "go", "list", "-m", "-f", "{{.Version}}", coredns))
	script, err := stockScript("plugin/README.md", read(t, "plugin/README.md"), version)
	if err != nil {
		t.Fatal(err)
	}
	source := copySource(t)
	requires := requirements(t, source)
	runScript(t, script, "COREDNS="+source, "CLUSTERDNS="+root(t))

	program := filepath.Join(source, "coredns")
	checkBuild(t, program, requires)
	checkAnswers(t, program, strings.TrimPrefix(version, "v"))
}

// copySource returns a copy of the CoreDNS in the module cache, which is read-only.
func copySource(t *testing.T) string {
	t.Helper()
	source := filepath.Join(t.TempDir(), "coredns")
	cached := strings.TrimSpace(mustCommand(t, root(t), "go", "list", "-m", "-f", "{{.Dir}}", coredns))
	if err := os.CopyFS(source, os.DirFS(cached)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(source, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.Chmod(name, info.Mode().Perm()|0o200)
	})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// requirements returns the versions that the go.mod in dir requires.
func requirements(t *testing.T, dir string) map[string]string {
	t.Helper()
	required := make(map[string]string)
	for _, line := range regexp.MustCompile(`(?m)^\s+(\S+) (v\S+)`).FindAllStringSubmatch(readFile(t, filepath.Join(dir, "go.mod")), -1) {
		required[line[1]] = line[2]
	}
	return required
}

// runScript runs shell commands and logs how far they are.
func runScript(t *testing.T, script string, env ...string) {
	t.Helper()
	ctx := t.Context()
	if deadline, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-10*time.Second))
		defer cancel()
	}
	begin := time.Now()
	r, w := io.Pipe()
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			t.Logf("%3.0f s  %s", time.Since(begin).Seconds(), lines.Text())
		}
	}()
	cmd := exec.CommandContext(ctx, "sh", "-ex", "-c", script)
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), env...)
	cmd.Stdout, cmd.Stderr = w, w
	cmd.WaitDelay = time.Second // a compiler may outlive its shell
	err := cmd.Run()
	_ = w.Close()
	<-logged
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("not done after %v: give go test a larger -timeout, the build cache is cold", time.Since(begin).Round(time.Second))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%3.0f s  done", time.Since(begin).Seconds())
}
