// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// patience is how long Stop waits before it insists.
const patience = 30 * time.Second

// existing resolves the name of a state directory that must be there.
func existing(dir string) (layout, error) {
	real, err := filepath.Abs(dir)
	if err == nil {
		real, err = filepath.EvalSymlinks(real)
	}
	if errors.Is(err, os.ErrNotExist) {
		return "", noCluster(dir)
	}
	return layout(real), err
}

func noCluster(dir string) error {
	return fmt.Errorf("%s holds no cluster: start one with `cluster start --dir %q`", dir, dir)
}

// Stop ends the cluster that another program runs in dir, and whatever a crash
// has left there. It reports whether there was anything to end; log gets a line
// for each leftover.
func Stop(ctx context.Context, dir string, log io.Writer) (bool, error) {
	files, err := existing(dir)
	if err != nil {
		return false, err
	}
	stopped, err := stopHolder(ctx, files)
	if err != nil {
		return false, err
	}
	held, err := acquire(files) // keeps others from starting meanwhile
	if err != nil {
		return false, err
	}
	defer held.release()
	s, err := files.load()
	if err != nil || s.Dir == "" {
		return stopped, err
	}
	ended, err := endLeftovers(ctx, files, s, log)
	if err != nil {
		return false, err
	}
	s.Ready, s.Processes = false, nil
	return stopped || ended, files.save(s)
}

// stopHolder ends the program that runs the cluster, if there is one.
func stopHolder(ctx context.Context, files layout) (bool, error) {
	holder, ok := files.holder()
	if !ok {
		return false, nil
	}
	if err := holder.Signal(syscall.SIGTERM); err != nil && holder.Alive() {
		return false, fmt.Errorf("stopping the cluster's program (pid %d): %w", holder.PID, err)
	}
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if holder.Wait(patient) == nil {
		return true, nil
	}
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return true, holder.Kill(ctx)
}

// endLeftovers ends the recorded programs that still run, though the one that
// started them does not, and what is left of nodes. It reports whether there
// was anything.
func endLeftovers(ctx context.Context, files layout, s state, log io.Writer) (bool, error) {
	any := false
	for _, name := range s.stopOrder() {
		record, ok := s.Processes[name]
		if !ok || !record.Alive() {
			continue
		}
		any = true
		fmt.Fprintf(log, "ending %s (pid %d), left over from a run that crashed\n", name, record.PID)
		if err := record.Kill(ctx); err != nil {
			return any, err
		}
	}
	cleaned, err := cleanNodes(ctx, files, s, log)
	return any || cleaned, err
}

// Status describes the cluster in a directory.
type Status struct {
	Running    bool  // a program runs it
	NotReady   error // why the API server cannot be used, or nil
	APIServer  string
	Kubeconfig string
	Programs   []Program
}

// Program is one program of a cluster.
type Program struct {
	Name  string
	PID   int
	Alive bool
	Log   string
}

// Inspect looks at the cluster in dir, whoever runs it.
func Inspect(ctx context.Context, dir string) (Status, error) {
	a, err := openAccess(dir)
	if err != nil {
		return Status{}, err
	}
	s, err := a.files.load()
	if err != nil {
		return Status{}, err
	}
	status := Status{
		APIServer:  a.apiServer,
		Kubeconfig: a.files.kubeconfig(),
	}
	_, status.Running = a.files.holder()
	client, err := a.client()
	if err != nil {
		return Status{}, err
	}
	status.NotReady = get(ctx, client, a.apiServer+"/readyz?verbose")
	for _, name := range s.startOrder() {
		if r, ok := s.Processes[name]; ok {
			status.Programs = append(status.Programs, Program{name, r.PID, r.Alive(), a.files.log(name)})
		}
	}
	return status, nil
}
