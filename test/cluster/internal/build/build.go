// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package build makes the Kubernetes programs from their Go modules.
package build

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

// Links are the names that the file kube answers to.
var Links = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"}

// Options says what to build and where.
type Options struct {
	Module   string // the folder of this Go module
	Out      string // the folder that gets the programs
	Kubectl  bool   // build kubectl even if the machine has one
	Nodes    bool   // build what nodes need, too
	Log      io.Writer
	Terminal bool // Log is a terminal, where a line can be rewritten
}

// target is one file to build.
type target struct {
	name    string // of the file
	folder  string // of the Go module, in this one
	pkg     string
	sources []string // globs of what it is made from, beside other modules
	args    []string // it is what pkg writes, run with these: an image's name, and its program in Out
	note    string   // what to know before it begins
}

var (
	kube = target{
		name: "kube", pkg: "./cmd/kube", sources: []string{"cmd/kube/*.go"},
		note: ": the first build takes 6 to 8 minutes on 2 cores, later ones take seconds",
	}
	kubectl = target{name: "kubectl", pkg: "k8s.io/kubernetes/cmd/kubectl"}

	// nodes are what a node needs beside kube, in this order.
	nodes = []target{
		{
			name: "containerd", folder: runtime, pkg: containerd + "containerd",
			note: ": the first build takes a minute or two",
		},
		{name: "containerd-shim-runc-v2", folder: runtime, pkg: containerd + "containerd-shim-runc-v2"},
		{name: "ctr", folder: runtime, pkg: containerd + "ctr"},
		{name: "pause", folder: runtime, pkg: "./pause", sources: []string{"pause/*.go"}},
		{
			name: "pause.tar", folder: runtime, pkg: "./image", sources: []string{"image/*.go", "pause/*.go"},
			args: []string{PauseImage, "pause"},
		},
	}
)

const (
	runtime    = "containerd" // the folder of the nested module
	containerd = "github.com/containerd/containerd/v2/cmd/"
)

// PauseImage is the name of the image in pause.tar: every pod has a container
// of it, which holds its namespaces.
const PauseImage = "clusterdns.test/pause:1"

// Run builds what is missing or out of date.
func Run(ctx context.Context, o Options) error {
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return fmt.Errorf("making the folder of the programs: %w", err)
	}
	unlock, err := o.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := o.build(ctx, kube); err != nil {
		return err
	}
	if err := o.link(); err != nil {
		return err
	}
	if o.Nodes {
		for _, t := range nodes {
			if err := o.build(ctx, t); err != nil {
				return err
			}
		}
	}
	if !o.Kubectl {
		if path, err := exec.LookPath("kubectl"); err == nil {
			fmt.Fprintf(o.Log, "kubectl: this machine has %s\n", path)
			return nil
		}
	}
	return o.build(ctx, kubectl)
}

// link makes the names of kube.
func (o Options) link() error {
	for _, name := range Links {
		path := filepath.Join(o.Out, name)
		if to, err := os.Readlink(path); err == nil && to == kube.name {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("replacing %s: %w", path, err)
		}
		if err := os.Symlink(kube.name, path); err != nil {
			return fmt.Errorf("linking the programs: %w", err)
		}
	}
	return nil
}

func (o Options) build(ctx context.Context, t target) error {
	path := filepath.Join(o.Out, t.name)
	flags, err := o.flags(t)
	if err != nil {
		return err
	}
	o.Module = filepath.Join(o.Module, t.folder)
	stamp, err := o.stamp(ctx, t, flags)
	if err != nil {
		return fmt.Errorf("building %s: %w", t.name, err)
	}
	if stamp.matches(path) {
		fmt.Fprintf(o.Log, "%s is up to date\n", path)
		return nil
	}
	fmt.Fprintf(o.Log, "building %s%s\n", path, t.note)
	if err := o.compile(ctx, t, flags, path); err != nil {
		return fmt.Errorf("building %s: %w", t.name, err)
	}
	return stamp.write(path)
}

// compile builds into a new file first: an interrupted build leaves the old
// program, and one that runs keeps its file.
func (o Options) compile(ctx context.Context, t target, flags []string, path string) error {
	progress := newProgress(o.Log, t.name, o.Terminal, time.Now())
	defer progress.close()

	fresh := filepath.Join(o.Out, "."+t.name+".new")
	defer os.Remove(fresh)
	var packages collector
	list := append([]string{"list", "-deps"}, listFlags(flags)...)
	if err := o.run(ctx, progress, &packages, append(list, t.pkg)...); err != nil {
		return err
	}
	progress.expect(packages.lines)
	if err := o.run(ctx, progress, io.Discard, o.making(t, flags, fresh)...); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	progress.finish()
	return nil
}

// making is the go command that makes the file path.
func (o Options) making(t target, flags []string, path string) []string {
	if t.args == nil {
		return append(append([]string{"build", "-v"}, flags...), "-o", path, t.pkg)
	}
	command := append(append([]string{"run", "-v"}, flags...), t.pkg)
	image, program := t.args[0], filepath.Join(o.Out, t.args[1])
	return append(command, image, program, path)
}
