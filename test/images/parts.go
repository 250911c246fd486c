// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/clusterdns/clusterdns/cmd/image/oci"
)

// files returns a layer of these.
func files(all ...oci.File) (layer, error) {
	hash := sha256.New()
	for _, f := range all {
		fmt.Fprintf(hash, "%q %o %q %d %d\n", f.Name, f.Mode, f.Link, f.Capabilities, len(f.Data))
		hash.Write(f.Data)
		if f.Path == "" {
			continue
		}
		if err := add(hash, f.Path); err != nil {
			return layer{}, err
		}
	}
	return layer{
		key:  fmt.Sprintf("files %x", hash.Sum(nil)),
		make: func(ctx context.Context) (v1.Layer, error) { return oci.Layer(ctx, born, all...) },
	}, nil
}

func add(to io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(to, file)
	return err
}

// text is one file of text.
func text(name, content string) part {
	return func(context.Context, *workshop) (layer, error) {
		return files(oci.File{Name: name, Mode: 0o644, Data: []byte(content)})
	}
}

// goProgram builds a package of a module of the repository, static, and has it
// in the root of the image. Go knows what has changed.
func goProgram(name, folder, pkg string) part {
	return func(ctx context.Context, w *workshop) (layer, error) {
		path := filepath.Join(w.cache, name)
		fmt.Fprintf(w.log, "building %s\n", name)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", path, pkg)
		cmd.Dir = filepath.Join(w.root, folder)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
		if err := w.command(ctx, cmd, withGo); err != nil {
			return layer{}, err
		}
		return files(oci.File{Name: name, Mode: 0o755, Path: path})
	}
}

// musl compiles a C file into a static program with musl.
func musl(name, source string) part {
	return func(ctx context.Context, w *workshop) (layer, error) {
		path := filepath.Join(w.cache, filepath.Base(name))
		fmt.Fprintf(w.log, "building %s with musl\n", filepath.Base(name))
		cmd := exec.CommandContext(ctx, "musl-gcc", "-static", "-Os", "-s", "-std=c99", "-Wall", "-Wextra", "-Werror", "-o", path, filepath.Join(w.root, source))
		if err := w.command(ctx, cmd, remedy); err != nil {
			return layer{}, err
		}
		return files(oci.File{Name: name, Mode: 0o755, Path: path})
	}
}

// busybox is Debian's static one, with a link for each of its applets, and what
// each program expects of a system.
func busybox(ctx context.Context, w *workshop) (layer, error) {
	program, err := exec.LookPath("busybox")
	if err != nil {
		return layer{}, fmt.Errorf("%w: %s", err, remedy)
	}
	var list bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "--list")
	cmd.Stdout = &list
	if err := w.command(ctx, cmd, remedy); err != nil {
		return layer{}, err
	}
	all := []oci.File{
		{Name: "bin/busybox", Mode: 0o755, Path: program},
		{Name: "etc/passwd", Mode: 0o644, Data: []byte("root:x:0:0:root:/:/bin/sh\n")},
		{Name: "etc/group", Mode: 0o644, Data: []byte("root:x:0:\n")},
		{Name: "etc/nsswitch.conf", Mode: 0o644, Data: []byte("hosts: files dns\n")},
	}
	for applet := range strings.FieldsSeq(list.String()) {
		if applet != "busybox" {
			all = append(all, oci.File{Name: "bin/" + applet, Link: "busybox"})
		}
	}
	return files(all...)
}

// remedy is what to do if a program is not there.
const remedy = "install it: test/deps.sh images, as root on Debian, does"

// withGo is what to do if Go is not there.
const withGo = "install Go 1.26 or later from https://go.dev/dl"

// command runs cmd. What it says goes to the log unless it is for us.
func (w *workshop) command(ctx context.Context, cmd *exec.Cmd, missing string) error {
	if cmd.Stdout == nil {
		cmd.Stdout = w.log
	}
	cmd.Stderr = w.log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // lets it remove its temporary files
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w: %s", err, missing)
	}
	return fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err)
}
