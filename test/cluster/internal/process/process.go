// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package process runs programs that do not outlive us.
//
// Every program has a [Record] by which a later run recognises it beyond
// doubt, so that a crash leaves nothing behind that could not be ended safely.
package process

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/clusterdns/clusterdns/test/cluster/internal/netns"
)

// Command says what to run.
type Command struct {
	Name string   // how messages call the program
	Path string   // the file to execute
	Args []string // its arguments, without the program's name
	Log  string   // the file that gets its output; appended to

	// Netns is the file of the network namespace to run in; empty is ours.
	Netns string

	// Orphan lets the program outlive us. It is how a test makes the
	// leftovers of a crash.
	Orphan bool
}

// Process is a running program, or one that has ended.
type Process struct {
	Command
	Record Record

	cmd     *exec.Cmd
	done    chan struct{}
	ended   error // how it ended; valid once done is closed
	stopped sync.Once
	asked   chan struct{} // closed once Stop was called
}

// Start runs c in a process group of its own, so that a Ctrl-C on the terminal
// reaches only us and we decide the order in which things stop.
func Start(c Command) (*Process, error) {
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Name, err)
	}
	defer log.Close()

	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = environment(os.Environ())
	cmd.Stdout, cmd.Stderr = log, log
	if err := spawn(cmd, c.Orphan, c.Netns); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Name, err)
	}
	p := &Process{Command: c, cmd: cmd, done: make(chan struct{}), asked: make(chan struct{})}
	go p.wait()
	if p.Record, err = Find(cmd.Process.Pid); err != nil || p.Record.Exe == "" {
		p.Stop(0)
		return nil, fmt.Errorf("starting %s: it ended at once%s", c.Name, p.Excerpt(5))
	}
	return p, nil
}

func (p *Process) wait() {
	p.ended = p.cmd.Wait()
	close(p.done)
}

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Failure is nil while the program runs and after it was told to stop;
// otherwise it says how the program ended and what it said last.
func (p *Process) Failure() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	select {
	case <-p.asked:
		return nil
	default:
	}
	state := "exit status 0"
	if p.ended != nil {
		state = p.ended.Error()
	}
	return fmt.Errorf("%s ended by itself (%s)%s", p.Name, state, p.Excerpt(8))
}

// Stop asks the program to end, insists after grace, and returns once it has
// ended.
func (p *Process) Stop(grace time.Duration) {
	p.stopped.Do(func() { close(p.asked) })
	if grace > 0 {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
			return
		case <-time.After(grace):
		}
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// spawner runs functions on one operating system thread that never ends.
// The kernel sends a parent death signal when the thread that started the
// child ends, not its process (golang.org/issue/27505).
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

// Spawn starts cmd in a process group of its own. Where the kernel can do it,
// the program is killed when we die.
func Spawn(cmd *exec.Cmd) error { return spawn(cmd, false, "") }

func spawn(cmd *exec.Cmd, orphan bool, namespace string) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if !orphan {
		tie(cmd.SysProcAttr)
	}
	start := cmd.Start
	if namespace != "" {
		start = func() error { return netns.Do(namespace, cmd.Start) }
	}
	result := make(chan error)
	spawner() <- func() { result <- start() }
	return <-result
}

// environment keeps the few variables that are about the machine. The rest
// must not reach the programs: etcd for one reads each of its flags from ETCD_*.
func environment(all []string) []string {
	keep := map[string]bool{"PATH": true, "HOME": true, "TMPDIR": true, "LANG": true, "TZ": true, "GOMAXPROCS": true, "GOMEMLIMIT": true}
	var kept []string
	for _, entry := range all {
		if name, _, _ := strings.Cut(entry, "="); keep[name] {
			kept = append(kept, entry)
		}
	}
	return kept
}
