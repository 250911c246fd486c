// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// programEnv makes the test binary the program itself.
const programEnv = "CLUSTERDNS_RUN_TEST_PROGRAM"

const (
	started = "Ctrl-C stops everything." // is printed when all runs
	limit   = 3 * time.Minute            // for what takes seconds on an idle machine
)

func TestMain(m *testing.M) {
	if os.Getenv(programEnv) != "" {
		main()
	}
	if err := requirements(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func requirements() error {
	for _, name := range []string{"dig", "nslookup"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%w: `make deps` installs it (Debian: bind9-dnsutils)", err)
		}
	}
	repo, err := findRepository()
	if err != nil {
		return err
	}
	return needPrograms(repo, false)
}

// A process is the program as a user runs it.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr transcript
	ended          chan struct{}
}

// start starts the program; it is killed when the test ends.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), programEnv+"=1")
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(os.Interrupt)
		select {
		case <-p.ended:
		case <-time.After(limit):
			_ = p.cmd.Process.Kill()
			<-p.ended
		}
		if t.Failed() {
			t.Logf("run %s\nstdout:\n%s\nstderr:\n%s", strings.Join(args, " "), p.stdout.String(), p.stderr.String())
		}
	})
	return p
}

// until waits until the program has written text.
func (p *process) until(t *testing.T, out *transcript, text string) {
	t.Helper()
	timeout := time.After(limit)
	for !strings.Contains(out.String(), text) {
		select {
		case <-out.changed():
		case <-p.ended:
			t.Fatalf("the program ended (%v) before it said %q", p.cmd.ProcessState, text)
		case <-timeout:
			t.Fatalf("the program did not say %q within %s", text, limit)
		}
	}
}

// status waits until the program has ended and returns its exit status.
func (p *process) status(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		t.Fatalf("the program still runs after %s", limit)
	}
	return p.cmd.ProcessState.ExitCode()
}

// interrupt does what Ctrl-C does, and wants a clean end.
func (p *process) interrupt(t *testing.T) {
	t.Helper()
	children := descendants(t, p.cmd.Process.Pid)
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := p.status(t); got != 0 {
		t.Errorf("exit status after SIGINT: %d, want 0", got)
	}
	if text := "all is stopped"; !strings.Contains(p.stderr.String(), text) {
		t.Errorf("it did not say %q", text)
	}
	for _, c := range children {
		if c.alive() {
			t.Errorf("%v is alive after the end", c)
		}
	}
}

// fails runs the program, which has to end by itself with status 1, and returns what it said.
func fails(t *testing.T, args ...string) string {
	t.Helper()
	p := start(t, args...)
	if got := p.status(t); got != 1 {
		t.Errorf("exit status: %d, want 1", got)
	}
	return p.stderr.String()
}

// A transcript is output that can be read while it is written.
type transcript struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	wake chan struct{}
}

// Write implements [io.Writer].
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wake != nil {
		close(t.wake)
		t.wake = nil
	}
	return t.buf.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// changed is closed with the next write.
func (t *transcript) changed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wake == nil {
		t.wake = make(chan struct{})
	}
	return t.wake
}
