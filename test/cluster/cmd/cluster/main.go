// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command cluster builds, starts and stops a real Kubernetes control plane on
// this machine, for tests and for trying things out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// command is one subcommand.
type command struct {
	name, synopsis, about string
	run                   func(ctx context.Context, std stdio, args []string) error
}

// stdio is what a command talks to.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// commands is a function since the commands refer to it for their help.
func commands() []command {
	return []command{
		{"build", "[--out DIR] [--kubectl] [--nodes]", "build the Kubernetes programs, if there is need to", runBuild},
		{"start", "--dir DIR [--nodes N]", "start a cluster in the background and return when it is ready", runStart},
		{"run", "--dir DIR [--nodes N] [--json] [--control]", "run a cluster until Ctrl-C", runRun},
		{"stop", "--dir DIR", "stop a cluster, or end what a crash has left of it", runStop},
		{"status", "--dir DIR", "say what runs; exit status 1 unless the cluster is ready", runStatus},
		{"load-image", "--dir DIR [--node NAME] FILE...", "give images to the nodes of a cluster", runLoadImage},
		{"kubeconfig", "--dir DIR [--user NAME [--group GROUP]...]", "print the path of a kubeconfig", runKubeconfig},
	}
}

var (
	errUsage       = errors.New("usage")              // the message is out already
	errQuiet       = errors.New("quiet")              // likewise, but the usage was right
	errInterrupted = errors.New("interrupted")        // Ctrl-C before the work was done
	errTerminated  = errors.New("asked to terminate") // SIGTERM or SIGHUP, likewise
)

func main() {
	ctx, stop := interruptible()
	defer stop()
	os.Exit(exitCode(dispatch(ctx, stdio{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])))
}

// interruptible is a context that the first signal ends. A second one ends the
// program at once, and the kernel the programs that it started.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		received := <-signals
		signal.Stop(signals)
		if received == os.Interrupt {
			cancel(errInterrupted)
			return
		}
		cancel(errTerminated)
	}()
	return ctx, func() { cancel(nil) }
}

func exitCode(err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, errQuiet):
		return 1
	}
	fmt.Fprintf(os.Stderr, "cluster: %v\n", err)
	if errors.Is(err, errInterrupted) {
		return 130
	}
	return 1
}

func dispatch(ctx context.Context, std stdio, args []string) error {
	if len(args) == 0 {
		usage(std.err)
		return errUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(std.out)
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, std, args[1:])
		}
	}
	fmt.Fprintf(std.err, "cluster: there is no command %q\n\n", args[0])
	usage(std.err)
	return errUsage
}

func usage(out io.Writer) {
	fmt.Fprint(out, `Cluster runs a real Kubernetes control plane (etcd, kube-apiserver,
kube-controller-manager) on this machine, on loopback addresses, without root;
and as root on Linux real nodes (containerd, kubelet, kube-proxy) as well.

Commands:
`)
	for _, c := range commands() {
		fmt.Fprintf(out, "  cluster %s %s\n        %s\n", c.name, c.synopsis, c.about)
	}
	fmt.Fprint(out, `
`+"`cluster COMMAND --help`"+` tells more. Where KUBEBUILDER_ASSETS is set, the programs in
that folder are used and none are built.
`)
}

// flags makes the flag set of a command with a help text of its own.
func flags(std stdio, name, about string) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(std.err)
	set.Usage = func() {
		for _, c := range commands() {
			if c.name == name {
				fmt.Fprintf(set.Output(), "Usage: cluster %s %s\n\n%s\n\nFlags:\n", c.name, c.synopsis, about)
			}
		}
		set.PrintDefaults()
	}
	return set
}

// parse reads the flags of a command that takes no other arguments.
func parse(std stdio, set *flag.FlagSet, args []string) error {
	if err := parseFlags(std, set, args); err != nil {
		return err
	}
	if set.NArg() > 0 {
		fmt.Fprintf(std.err, "cluster %s: what is %q? It takes flags only; see --help\n", set.Name(), set.Arg(0))
		return errUsage
	}
	return nil
}

// parseFlags reads the flags, and leaves other arguments.
func parseFlags(std stdio, set *flag.FlagSet, args []string) error {
	for _, arg := range args {
		if arg == "-h" || arg == "-help" || arg == "--help" {
			set.SetOutput(std.out)
		}
	}
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	return nil
}

// required complains when a flag without a default was left out.
func required(std stdio, set *flag.FlagSet, name string) error {
	if set.Lookup(name).Value.String() != "" {
		return nil
	}
	fmt.Fprintf(std.err, "cluster %s: --%s is missing; see --help\n", set.Name(), name)
	return errUsage
}
