// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command conformance runs Kubernetes' own tests of cluster DNS, and compares
// what passes with a list.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// module is the path of the module of the repository.
const module = "github.com/clusterdns/clusterdns"

const about = `Usage: conformance [flags]

Runs the specs of k8s.io/kubernetes/test/e2e that are about cluster DNS, but for
serial and slow ones, and fails unless exactly those pass that specs.txt names.
Against the cluster of --kubeconfig, with the DNS that it has; without one it
starts a cluster with real nodes, which takes root, and installs our DNS there
from archives of our images. make conformance makes these.

Flags:
`

var errUsage = errors.New("usage")

// A job is what is to be done, and where things are.
type job struct {
	kubeconfig string
	registry   string // where the nodes find the images of the tests; empty: where Kubernetes has them
	nodes      int
	update     bool

	root     string // folder of the repository
	work     string // folder of logs, reports and the state of the cluster
	programs string // folder of the tests
	out, log io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(program(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// program returns the exit status. What passed goes to out; progress and errors
// go to errs.
func program(ctx context.Context, args []string, out, errs io.Writer) int {
	j, err := parse(args, errs)
	if err == nil {
		j.out, j.log = out, errs
		err = j.run(ctx)
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(errs, "error: %v; see conformance --help\n", err)
		return 2
	case ctx.Err() != nil:
		fmt.Fprintln(errs, "interrupted")
		return 1
	}
	fmt.Fprintf(errs, "error: %v\n", err)
	return 1
}

func parse(args []string, errs io.Writer) (*job, error) {
	var j job
	set := flag.NewFlagSet("conformance", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&j.kubeconfig, "kubeconfig", os.Getenv("KUBECONFIG"), "`file` that leads to a cluster, as $KUBECONFIG; empty: start one")
	set.StringVar(&j.registry, "registry", "", "`registry` with the images of the tests, for --kubeconfig (default that of Kubernetes)")
	set.IntVar(&j.nodes, "nodes", 1, "`number` of nodes of a cluster that is started")
	set.BoolVar(&j.update, "update", false, "write specs.txt anew, if nothing failed")
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		set.SetOutput(errs)
		fmt.Fprint(errs, about)
		set.PrintDefaults()
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	case set.NArg() > 0:
		return nil, fmt.Errorf("%w: %q is not expected", errUsage, set.Arg(0))
	case j.nodes < 1:
		return nil, fmt.Errorf("%w: --nodes %d: want one at least", errUsage, j.nodes)
	}
	return &j, j.find()
}

// find finds the repository that the folder of today is in.
func (j *job) find() error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	for ; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module "+module+"\n") {
			break
		}
		if dir == filepath.Dir(dir) {
			return fmt.Errorf("this folder is not in the repository of %s: change to one of it", module)
		}
	}
	j.root, j.work, j.programs = dir, filepath.Join(dir, ".cache", "conformance"), filepath.Join(dir, "bin", "conformance")
	return errors.Join(os.MkdirAll(j.work, 0o755), os.MkdirAll(j.programs, 0o755))
}

func (j *job) run(ctx context.Context) error {
	if err := j.build(ctx); err != nil {
		return fmt.Errorf("building the tests: %w", err)
	}
	if j.kubeconfig != "" {
		return j.test(ctx, j.kubeconfig, j.registry)
	}
	c, err := j.start(ctx)
	if err != nil {
		return fmt.Errorf("starting a cluster: %w", err)
	}
	defer c.stop()
	if err := c.install(ctx); err != nil {
		return fmt.Errorf("installing our DNS: %w", err)
	}
	return j.test(ctx, c.Kubeconfig, ownRegistry)
}
