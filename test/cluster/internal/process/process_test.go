// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func shell(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start(Command{Name: "sh", Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(0) })
	return p
}

func TestStopIsNoFailure(t *testing.T) {
	p := shell(t, "sleep 100 & wait")
	if !p.Record.Alive() {
		t.Fatalf("%+v is not alive after its start", p.Record)
	}
	p.Stop(time.Second)
	if p.Record.Alive() {
		t.Errorf("%+v is alive after Stop", p.Record)
	}
	if err := p.Failure(); err != nil {
		t.Errorf("Failure after Stop: %v", err)
	}
}

func TestStopInsists(t *testing.T) {
	p := shell(t, `trap "" TERM; echo deaf; while :; do sleep 0.01; done`)
	for lastLines(p.Log, 1) == nil { // until the trap is set
		time.Sleep(time.Millisecond)
	}
	p.Stop(10 * time.Millisecond)
	if p.Record.Alive() {
		t.Error("a program that ignores SIGTERM is alive after Stop")
	}
}

func TestFailureTellsTheEndOfTheLog(t *testing.T) {
	p := shell(t, "sleep 0.1; echo the port is taken >&2; exit 3")
	<-p.Done()
	err := p.Failure()
	if err == nil {
		t.Fatal("no failure")
	}
	for _, want := range []string{"sh ended by itself", "exit status 3", p.Log, "the port is taken"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not contain %q", err, want)
		}
	}
}

func TestStartOfAMissingProgram(t *testing.T) {
	_, err := Start(Command{Name: "etcd", Path: "/no/such/etcd", Log: filepath.Join(t.TempDir(), "log")})
	if err == nil || !strings.Contains(err.Error(), "starting etcd: ") || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// A pid is given to other programs later: a record must not reach those.
func TestRecordOfAnEarlierProcessHarmsNobody(t *testing.T) {
	bystander := exec.Command("sleep", "100")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { bystander.Process.Kill(); bystander.Wait() }()
	now, err := Find(bystander.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for name, stale := range map[string]Record{
		"other start":      {now.PID, "1@then", now.Exe},
		"other executable": {now.PID, now.Started, "/usr/bin/other"},
	} {
		t.Run(name, func(t *testing.T) {
			if stale.Alive() {
				t.Error("the earlier process is said to be alive")
			}
			if err := stale.Kill(t.Context()); err != nil {
				t.Errorf("Kill: %v", err)
			}
			if !now.Alive() {
				t.Error("the process that has the pid now was killed")
			}
		})
	}
	if err := now.Signal(os.Kill); err != nil {
		t.Fatal(err)
	}
	// We do not wait for it, so that it becomes a zombie, as under an init
	// that does not reap. That is gone enough.
	if err := now.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEnvironmentReachesNoFlags(t *testing.T) {
	got := environment([]string{"PATH=/bin", "ETCD_NAME=x", "HTTPS_PROXY=y", "TMPDIR=/t", "KUBECONFIG=z"})
	if want := []string{"PATH=/bin", "TMPDIR=/t"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
