// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What is selected: as the issue of the project says.
const (
	focus = `\[sig-network\] DNS `
	skip  = `\[Serial\]|\[Slow\]`
)

// test runs the tests, prints what passed and compares it.
func (j *job) test(ctx context.Context, kubeconfig, registry string) error {
	start := time.Now()
	logFile, reportFile := filepath.Join(j.work, "e2e.log"), filepath.Join(j.work, "report.json")
	if err := os.Remove(reportFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	fmt.Fprintf(j.log, "running the specs that match %s; their log is %s\n", focus, logFile)
	failed := j.suite(ctx, kubeconfig, registry, logFile, reportFile)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text, err := os.ReadFile(reportFile)
	if err != nil {
		return fmt.Errorf("the tests left no report, see %s: %w", logFile, errors.Join(failed, err))
	}
	specs, err := selected(text)
	if err != nil {
		return err
	}
	fmt.Fprintf(j.log, "ran %d specs in %.0f s\n", len(specs), time.Since(start).Seconds())
	if err := j.report(specs); err != nil {
		return err
	}
	return failed // what is not in a spec, as a cluster that is not ready
}

// suite runs the program of the tests. It fails if one of them does.
func (j *job) suite(ctx context.Context, kubeconfig, registry, logFile, reportFile string) error {
	log, err := os.Create(logFile)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := j.command(ctx, j.suiteFile(),
		"--provider=skeleton", "--kubeconfig="+kubeconfig, "--ginkgo.focus="+focus, "--ginkgo.skip="+skip,
		"--ginkgo.json-report="+reportFile, "--ginkgo.v", "--ginkgo.no-color", "--ginkgo.timeout=30m")
	noOrphan(cmd)
	own(cmd)
	if registry != "" {
		list := filepath.Join(j.work, "registries.yaml")
		if err := os.WriteFile(list, []byte("promoterE2eRegistry: "+registry+"\n"), 0o644); err != nil {
			return err
		}
		cmd.Env = append(os.Environ(), "KUBE_TEST_REPO_LIST="+list)
	}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = io.MultiWriter(log, w), log
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		j.follow(r)
	}()
	err = cmd.Run()
	_ = w.Close()
	<-followed
	if err != nil {
		return fmt.Errorf("the tests failed, see %s: %w", logFile, err)
	}
	return nil
}

// follow says which spec ended how, from the log.
func (j *job) follow(log io.Reader) {
	lines := bufio.NewReader(log)
	name := ""
	for {
		line, err := lines.ReadString('\n')
		switch {
		case strings.HasPrefix(line, "[sig-"):
			name = strings.TrimSpace(line)
		case name != "" && (strings.HasPrefix(line, "• [") || strings.HasPrefix(line, "S [")):
			fmt.Fprintf(j.log, "  %s %s\n", strings.TrimSpace(line), name)
			name = ""
		}
		if err != nil {
			return
		}
	}
}
