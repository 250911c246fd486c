// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/clusterdns/clusterdns/test/cluster"
)

const runHelp = `Runs a cluster and stops it on Ctrl-C. When it is ready, standard output gets

    kubeconfig: PATH
    ready

or, with --json, one line {"kubeconfig":...,"apiserver":...,"kubectl":...}; all
other messages go to standard error. With --control it reads commands from
standard input, one a line, and answers each on standard output with a line
` + "`ok [VALUE]` or `error MESSAGE`" + `:

    stop-apiserver, start-apiserver, restart-apiserver
                              it keeps its port; ok when it is ready, or gone
    kubeconfig NAME [GROUP...]
                              ok PATH; of a user without other rights than RBAC
                              gives, or of system:serviceaccount:NAMESPACE:NAME
    quit                      ok when all is stopped

The end of standard input means quit.`

// startFlags are the flags of everything that starts a cluster.
type startFlags struct {
	dir, bin, serviceCIDRs string
	scheduler              bool
	timeout                time.Duration
}

func (f *startFlags) register(set *flag.FlagSet) {
	set.StringVar(&f.dir, "dir", "", "state `folder` of the cluster; made if missing, delete it to begin anew")
	set.StringVar(&f.bin, "bin", "", "`folder` of the Kubernetes programs (default: beside this program, else where build puts them)")
	set.StringVar(&f.serviceCIDRs, "service-cidrs", cluster.DefaultServiceCIDRs, "`ranges` of service addresses")
	set.BoolVar(&f.scheduler, "scheduler", false, "start kube-scheduler, too")
	set.DurationVar(&f.timeout, "timeout", 2*time.Minute, "give up when the cluster is not ready by then")
}

// args are the flags again, for another program.
func (f *startFlags) args() []string {
	return []string{
		"--dir=" + f.dir, "--bin=" + f.bin, "--service-cidrs=" + f.serviceCIDRs,
		fmt.Sprintf("--scheduler=%t", f.scheduler), "--timeout=" + f.timeout.String(),
	}
}

func (f *startFlags) options(std stdio) cluster.Options {
	return cluster.Options{
		Dir: f.dir, Bin: f.bin, ServiceCIDRs: f.serviceCIDRs,
		Scheduler: f.scheduler, Timeout: f.timeout, Log: std.err,
	}
}

func parseStart(std stdio, set *flag.FlagSet, f *startFlags, args []string) error {
	f.register(set)
	if err := parse(std, set, args); err != nil {
		return err
	}
	if f.bin == "" {
		f.bin = defaultBin()
	}
	return required(std, set, "dir")
}

func runRun(ctx context.Context, std stdio, args []string) error {
	set := flags(std, "run", runHelp)
	asJSON := set.Bool("json", false, "print one JSON line when ready")
	control := set.Bool("control", false, "read commands from standard input")
	var f startFlags
	if err := parseStart(std, set, &f, args); err != nil {
		return err
	}
	var requests <-chan string
	if *control {
		ctx, requests = readRequests(ctx, std.in)
	}
	c, err := cluster.Start(ctx, f.options(std))
	if err != nil {
		if errors.Is(err, errInputEnded) {
			return nil
		}
		return err
	}
	announce(std, c, *asJSON)
	err = serve(ctx, std, c, requests)
	fmt.Fprintln(std.err, "stopping the cluster")
	c.Stop()
	if errors.Is(err, errQuit) {
		fmt.Fprintln(std.out, "ok")
		return nil
	}
	return err
}

// ready is what --json prints.
type ready struct {
	Kubeconfig string `json:"kubeconfig"`
	APIServer  string `json:"apiserver"`
	Kubectl    string `json:"kubectl,omitempty"` // one to use, if there is any
}

func announce(std stdio, c *cluster.Cluster, asJSON bool) {
	if !asJSON {
		fmt.Fprintf(std.out, "kubeconfig: %s\nready\n", c.Kubeconfig())
		return
	}
	line, _ := json.Marshal(ready{c.Kubeconfig(), c.APIServer(), c.Kubectl()}) // strings always can
	fmt.Fprintf(std.out, "%s\n", line)
}
