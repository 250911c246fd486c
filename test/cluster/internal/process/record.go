// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Record identifies one process for good. A pid alone does not: the kernel
// gives it to another program later.
type Record struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // when, in a form that only equals itself
	Exe     string `json:"exe"`     // the executed file, symbolic links resolved; empty while it is ending
}

// ErrGone says that there is no such process.
var ErrGone = errors.New("no such process")

// Self is the record of the running program.
func Self() (Record, error) { return Find(os.Getpid()) }

// Alive reports whether anything of the recorded process is still there: its
// ports and files are free only when it is not.
func (r Record) Alive() bool {
	now, err := Find(r.PID)
	return err == nil && now.Started == r.Started && (now.Exe == r.Exe || now.Exe == "")
}

// Signal sends sig to the recorded process, and to no other that has its pid.
func (r Record) Signal(sig os.Signal) error {
	// On Linux this holds a pidfd: after the check the pid cannot be reused
	// under our hands.
	p, err := os.FindProcess(r.PID)
	if err != nil {
		return ErrGone
	}
	defer p.Release()
	if !r.Alive() {
		return ErrGone
	}
	return p.Signal(sig)
}

// Kill ends the recorded process and returns once it is gone.
func (r Record) Kill(ctx context.Context) error {
	if err := r.Signal(os.Kill); err != nil {
		if !r.Alive() {
			return nil
		}
		return fmt.Errorf("ending process %d (%s): %w", r.PID, r.Exe, err)
	}
	return r.Wait(ctx)
}

// Wait returns once the recorded process is gone.
func (r Record) Wait(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for r.Alive() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for process %d (%s) to end: %w", r.PID, r.Exe, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}
