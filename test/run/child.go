// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A child is a program that runs until it is told to stop.
type child struct {
	name string   // for messages
	log  *os.File // what it says
	cmd  *exec.Cmd

	ask   func() // asks it to end
	asked atomic.Bool
	done  chan struct{}
	err   error // how it ended; valid once done is closed
}

// startChild starts cmd in a process group of its own, so that a Ctrl-C on the
// terminal reaches only us and we decide the order in which things stop. When
// it ends unasked, fail is called.
func startChild(name string, cmd *exec.Cmd, log *os.File, ask func(*child), fail func(error)) (*child, error) {
	c := &child{name: name, log: log, cmd: cmd, done: make(chan struct{})}
	c.ask = func() { ask(c) }
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.WaitDelay = time.Second // for output; a program that it left behind may hold that
	if err := spawn(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		c.err = cmd.Wait()
		close(c.done)
		if !c.asked.Load() {
			fail(c.failure())
		}
	}()
	return c, nil
}

// stop asks the child to end, insists after a while, and returns once it is gone.
func (c *child) stop(grace time.Duration) {
	c.asked.Store(true)
	c.ask()
	select {
	case <-c.done:
	case <-time.After(grace):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// terminate asks by signal.
func terminate(c *child) { _ = c.cmd.Process.Signal(syscall.SIGTERM) }

// failure says how the child ended and what it said last.
func (c *child) failure() error {
	how := "exit status 0"
	if c.err != nil {
		how = c.err.Error()
	}
	return fmt.Errorf("%s ended by itself (%s)%s", c.name, how, excerpt(c.log.Name(), 12))
}

// excerpt is the end of a log file, to be appended to an error.
func excerpt(path string, n int) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	var last []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		last = append(last, lines.Text())
		last = last[max(0, len(last)-n):]
	}
	if len(last) == 0 {
		return fmt.Sprintf("; its log %s is empty", path)
	}
	return fmt.Sprintf("; the end of %s:\n    %s", path, strings.Join(last, "\n    "))
}

// spawner starts programs on one operating system thread that never ends. The
// kernel sends a parent death signal when the thread that started the child
// ends, not its process (golang.org/issue/27505).
var spawner = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

func spawn(cmd *exec.Cmd) error {
	result := make(chan error)
	spawner() <- func() { result <- cmd.Start() }
	return <-result
}

// A tee writes to a log file and, once it is shown, to the terminal.
type tee struct {
	log    io.Writer
	screen io.Writer
	shown  atomic.Bool
}

// Write implements [io.Writer].
func (t *tee) Write(p []byte) (int, error) {
	if t.shown.Load() {
		_, _ = t.screen.Write(p) // a terminal that is gone must not stop the program
	}
	return t.log.Write(p)
}
