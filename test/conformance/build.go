// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"time"
)

const suite = "k8s.io/kubernetes/test/e2e"

// suiteFile is the program of the tests.
func (j *job) suiteFile() string { return filepath.Join(j.programs, "e2e.test") }

// build builds the tests unless those that are there are of the same modules
// and Go.
func (j *job) build(ctx context.Context) error {
	folder := filepath.Join(j.root, "test", "conformance")
	version, stamp, err := inputs(folder)
	if err != nil {
		return err
	}
	file, stampFile := j.suiteFile(), filepath.Join(j.programs, ".e2e.test.stamp")
	if text, err := os.ReadFile(stampFile); err == nil && string(text) == stamp {
		if _, err := os.Stat(file); err == nil {
			fmt.Fprintf(j.log, "%s is up to date\n", file)
			return nil
		}
	}
	fmt.Fprintf(j.log, "building the tests of Kubernetes %s: 3 to 6 minutes the first time, and a minute later\n", version)
	start := time.Now()
	fresh := file + ".new"
	defer os.Remove(fresh) // fails once it is renamed
	cmd := j.command(ctx, "go", "test", "-c", "-trimpath", "-ldflags=-X k8s.io/component-base/version.gitVersion="+version, "-o", fresh, suite)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	stop := j.tick("building")
	err = cmd.Run()
	stop()
	if err != nil {
		return explain(ctx, err)
	}
	if err := os.Rename(fresh, file); err != nil {
		return err
	}
	fmt.Fprintf(j.log, "built %s in %.0f s\n", file, time.Since(start).Seconds())
	return os.WriteFile(stampFile, []byte(stamp), 0o644)
}

var requirement = regexp.MustCompile(`(?m)^(?:require)?\s*k8s\.io/kubernetes (v\S+)`)

// inputs returns the version of Kubernetes, and what stands for all that the
// tests are made of.
func inputs(folder string) (version, stamp string, err error) {
	mod, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		return "", "", err
	}
	sum, err := os.ReadFile(filepath.Join(folder, "go.sum"))
	if err != nil {
		return "", "", err
	}
	found := requirement.FindSubmatch(mod)
	if found == nil {
		return "", "", fmt.Errorf("%s/go.mod does not require k8s.io/kubernetes", folder)
	}
	return string(found[1]), fmt.Sprintf("%s %s %x %x\n", runtime.Version(), runtime.GOARCH, sha256.Sum256(mod), sha256.Sum256(sum)), nil
}

// command is one that Ctrl-C ends, and that says what it has to say in the log.
func (j *job) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = j.log, j.log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // lets it clean up
	cmd.WaitDelay = 30 * time.Second
	return cmd
}

func explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w: install Go 1.26 or later from https://go.dev/dl", err)
	}
	return err
}

// tick says every half a minute that something still goes on, until the
// function that it returns is called.
func (j *job) tick(what string) (stop func()) {
	start, done, ended := time.Now(), make(chan struct{}), make(chan struct{})
	ticker := time.NewTicker(30 * time.Second)
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(j.log, "  %s for %.0f s\n", what, time.Since(start).Seconds())
			case <-done:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(done)
		<-ended
	}
}
