// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A nginx is one that runs, or none yet. It is for one goroutine.
type nginx struct {
	folder string // of its file, and of what it writes
	was    []byte // the file that it has
	cmd    *exec.Cmd
	ended  chan struct{} // closed when it is gone
}

func (n *nginx) file() string { return filepath.Join(n.folder, "nginx.conf") }

// use has nginx work by this file. One that nginx refuses changes nothing.
func (n *nginx) use(ctx context.Context, text []byte) error {
	if bytes.Equal(text, n.was) {
		return nil
	}
	if err := n.check(ctx, text); err != nil {
		return err
	}
	if err := os.WriteFile(n.file(), text, 0o644); err != nil {
		return err
	}
	n.was = text
	if n.cmd != nil {
		return n.cmd.Process.Signal(syscall.SIGHUP)
	}
	return n.start()
}

func (n *nginx) check(ctx context.Context, text []byte) error {
	file := n.file() + ".new"
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "nginx", "-q", "-t", "-c", file, "-e", "stderr").CombinedOutput()
	if err != nil {
		return fmt.Errorf("nginx refuses its file: %w: %s\n%s", err, strings.TrimSpace(string(out)), text)
	}
	return nil
}

// start starts it.
func (n *nginx) start() error {
	n.cmd = exec.Command("nginx", "-c", n.file(), "-e", "stderr")
	n.cmd.Stdout, n.cmd.Stderr = os.Stdout, os.Stderr
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("starting nginx: %w", err)
	}
	go func() {
		_ = n.cmd.Wait() // its state is kept
		close(n.ended)
	}()
	return nil
}

// stop has nginx answer what is under way, for a while.
func (n *nginx) stop() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Signal(syscall.SIGQUIT) // it may be gone
	select {
	case <-n.ended:
	case <-time.After(10 * time.Second):
		_ = n.cmd.Process.Kill()
	}
}
