// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package kube gives tests a real Kubernetes API server.
//
// It is started as a program, so that no test links Kubernetes itself.
package kube

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// A Cluster is a running control plane. Its methods are safe for concurrent use.
type Cluster struct {
	Kubeconfig string // of an administrator
	APIServer  string // URL

	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	mu  sync.Mutex
	dir string
}

// An Option of [Start] is one of bin/cluster.
type Option string

// WithScheduler also starts kube-scheduler, which gives Pods to Nodes.
const WithScheduler Option = "--scheduler"

// Start starts a control plane that lives until [Cluster.Stop], at the latest
// until the test program ends. It needs bin/cluster, which make builds.
func Start(options ...Option) (*Cluster, error) {
	program := filepath.Join(Root(), "bin", "cluster")
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("%w: run \"make programs\" first (make test does)", err)
	}
	dir, err := os.MkdirTemp("", "clusterdns-test-")
	if err != nil {
		return nil, err
	}
	args := []string{"run", "--json", "--control", "--dir", dir}
	for _, o := range options {
		args = append(args, string(o))
	}
	c := &Cluster{dir: dir, cmd: exec.Command(program, args...)}
	var log strings.Builder
	c.cmd.Stderr = &log
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	line, err := c.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, c)
	}
	if err != nil {
		_ = c.cmd.Wait()
		return nil, fmt.Errorf("starting a control plane: %w\n%s", err, log.String())
	}
	return c, nil
}

// Root returns the root of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

// Do has the control plane obey a command, such as stop-apiserver,
// start-apiserver, restart-apiserver, or "kubeconfig NAME [GROUP...]", and
// returns the value that it answers with.
func (c *Cluster) Do(command string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		return "", fmt.Errorf("%s: %w", command, err)
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s: %w", command, err)
	}
	word, value, _ := strings.Cut(strings.TrimSpace(line), " ")
	if word != "ok" {
		return "", fmt.Errorf("%s: %s", command, value)
	}
	return value, nil
}

// Stop ends the control plane and deletes its state.
func (c *Cluster) Stop() {
	_ = c.in.Close() // which means quit
	done := make(chan struct{})
	go func() { _ = c.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		_ = c.cmd.Process.Kill()
	}
	_ = os.RemoveAll(c.dir)
}
