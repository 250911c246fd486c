// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A Build makes one program of the tree.
type Build struct {
	Tree     Tree
	Package  string // as ./cmd/coredns
	OS, Arch string
	Version  string
	Out      string
	Log      io.Writer // gets the names of the packages that are compiled, and what is wrong with one
}

// Run makes the program. What the machine prefers, as GOFLAGS or GOAMD64, does
// not count: the program would depend on it.
func (b Build) Run(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(b.Out), 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-v", "-trimpath", "-buildvcs=false",
		// The version decides which image of CoreDNS the operator runs.
		"-ldflags", "-s -w -X "+Module+"/operator.Version="+b.Version,
		"-o", b.Out, b.Package)
	cmd.Dir = string(b.Tree)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+b.OS, "GOARCH="+b.Arch,
		"GOFLAGS=-buildvcs=false", "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off",
		"GOAMD64=v1", "GOARM64=v8.0")
	cmd.Stdout, cmd.Stderr = b.Log, b.Log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // lets it remove its temporary files
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return errNoGo
	}
	return fmt.Errorf("building %s for %s/%s: go build: %w", b.Package, b.OS, b.Arch, err)
}

var errNoGo = errors.New("go is not on the PATH: install Go 1.26 or later from https://go.dev/dl")

// CheckGo says so if there is no Go to build with.
func CheckGo() error {
	if _, err := exec.LookPath("go"); err != nil {
		return errNoGo
	}
	return nil
}
