// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
)

// options are what the user decides.
type options struct {
	port     int
	existing bool   // use the cluster of the current kubeconfig
	dir      string // state; empty is a folder of the repository, one for each port
}

const help = `Starts a Kubernetes control plane on this machine with a node whose Pods are
processes, and the operator, which has DNS servers there. It applies
manifests/samples, prints what to ask and to change, and follows until Ctrl-C.
Every start begins with an empty cluster.

With --cluster=existing it answers for the cluster of the current kubeconfig
instead, which is only read: nothing is applied there.

In make run, PORT=1054 stands for --port=1054 and CLUSTER=existing for
--cluster=existing.

`

// parse reads the flags.
func parse(args []string, stdout, stderr io.Writer) (options, error) {
	var opts options
	set := flag.NewFlagSet("run", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() {} // a mistake needs one line, not a page
	set.IntVar(&opts.port, "port", 1053, "DNS `port` on 127.0.0.1, over UDP and TCP")
	cluster := set.String("cluster", "own", "`which` cluster: own starts one, existing is that of the current kubeconfig")
	set.StringVar(&opts.dir, "dir", "", "`folder` for state and logs (default .cache/run/PORT in the repository)")
	err := set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		set.SetOutput(stdout)
		fmt.Fprint(stdout, help)
		set.PrintDefaults()
		return opts, err
	case err != nil: // it is printed
	case set.NArg() > 0:
		fmt.Fprintf(stderr, "what is %q? There are flags only; see --help\n", set.Arg(0))
	case opts.port < 1 || opts.port > 65535:
		fmt.Fprintf(stderr, "port %d: must be 1 to 65535, as in `make run PORT=1053`\n", opts.port)
	case *cluster != "own" && *cluster != "existing":
		fmt.Fprintf(stderr, "cluster %q: must be existing, as in `make run CLUSTER=existing`, or own\n", *cluster)
	default:
		opts.existing = *cluster == "existing"
		return opts, nil
	}
	return opts, errUsage
}

// state returns the folder for state and logs. Every port has one, so that two
// can run at once.
func (o options) state(repo string) (string, error) {
	if o.dir != "" {
		return filepath.Abs(o.dir)
	}
	return filepath.Join(repo, ".cache", "run", strconv.Itoa(o.port)), nil
}
