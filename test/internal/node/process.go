// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// A command is what a container runs.
type command struct {
	program string
	args    []string
	env     []string
	folder  string // to run in
	log     string // file that output is appended to
}

// A process is a command that runs.
type process struct {
	cmd     *exec.Cmd
	log     *os.File
	begin   int64 // where its output begins in log
	started time.Time
	done    chan struct{}
}

// start starts a command. A process that was started is to be waited for.
func (c command) start() (*process, error) {
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(c.program, c.args...), log: log, begin: begin, started: time.Now(), done: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = c.env, c.folder, log, log
	p.cmd.SysProcAttr = tied()
	if err := spawn(p.cmd); err != nil {
		_ = log.Close()
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // the state of the process says all
		close(p.done)
	}()
	return p, nil
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

// id is what the status of a container calls the process.
func (p *process) id() string { return fmt.Sprintf("process://%d", p.cmd.Process.Pid) }

// stop asks the process to end, insists after the time of grace, and returns
// once it is gone.
func (p *process) stop(grace time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// exitCode returns what a shell would say of a process that has ended.
func (p *process) exitCode() int32 {
	if s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int32(s.Signal())
	}
	return int32(p.cmd.ProcessState.ExitCode())
}

// Kubelet takes no more of a log than this for a message.
const maxMessage, maxLines = 2048, 80

// lastWords returns the end of the output, and closes the log.
func (p *process) lastWords() string {
	defer func() { _ = p.log.Close() }()
	end, err := p.log.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	text := make([]byte, min(end-p.begin, maxMessage))
	if _, err := p.log.ReadAt(text, end-int64(len(text))); err != nil {
		return ""
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	return string(bytes.ToValidUTF8(bytes.Join(lines[max(0, len(lines)-maxLines):], nil), nil))
}
