// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const startHelp = `Starts a cluster in the background, waits until it is ready and prints the path
of its kubeconfig. ` + "`cluster stop`" + ` stops it. Its messages are in logs/cluster.log of the
state folder.`

func runStart(ctx context.Context, std stdio, args []string) error {
	set := flags(std, "start", startHelp)
	var f startFlags
	if err := parseStart(std, set, &f, args); err != nil {
		return err
	}
	d, err := daemonise(&f)
	if err != nil {
		return fmt.Errorf("starting in the background: %w", err)
	}
	r, err := d.await(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "kubeconfig: %s\nready\n", r.Kubeconfig)
	return nil
}

// daemon is a `cluster run` in the background.
type daemon struct {
	cmd    *exec.Cmd
	output io.ReadCloser // its standard output: one line when it is ready
	log    *os.File      // its standard error
	offset int64         // where that begins in log
}

func daemonise(f *startFlags) (*daemon, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	logs := filepath.Join(f.dir, "logs")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return nil, err
	}
	// Appended to: the log may be that of a cluster which runs here already.
	log, err := os.OpenFile(filepath.Join(logs, "cluster.log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	offset, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, append([]string{"run", "--json"}, f.args()...)...)
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // away from our terminal
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &daemon{cmd, output, log, offset}, cmd.Start()
}

// await returns when the daemon is ready or has failed. When ctx ends before,
// the daemon is stopped.
func (d *daemon) await(ctx context.Context) (ready, error) {
	stop := context.AfterFunc(ctx, func() { _ = d.cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	line, err := bufio.NewReader(d.output).ReadBytes('\n')
	var r ready
	if err == nil && ctx.Err() == nil {
		return r, json.Unmarshal(line, &r)
	}
	_ = d.cmd.Wait()
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	said, _ := io.ReadAll(io.NewSectionReader(d.log, d.offset, 1<<20))
	return r, errors.New(lastError(string(said)))
}

// lastError is the message with which the daemon ended.
func lastError(said string) string {
	if _, message, found := strings.Cut("\n"+said, "\ncluster: "); found {
		return strings.TrimSpace(message)
	}
	return "it ended without a message: " + strings.TrimSpace(said)
}
