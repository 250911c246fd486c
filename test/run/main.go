// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command run is what make run starts: a Kubernetes control plane on this
// machine, the operator with its DNS servers, and samples to ask for.
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

var (
	errUsage       = errors.New("usage") // the message is out already
	errInterrupted = errors.New("interrupted")
)

func main() { os.Exit(program(os.Args[1:], os.Stdout, os.Stderr)) }

// program returns the exit status. What the user came for goes to stdout;
// progress, the log of CoreDNS and errors go to stderr.
func program(args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stdout, stderr)
	if err == nil {
		ctx, stop := interruptible()
		defer stop()
		err = run(ctx, opts, stdout, stderr)
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp), errors.Is(err, errInterrupted):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	fmt.Fprintf(stderr, "error: %v\n", err)
	return 1
}

// interruptible returns a context that the first signal ends. A second one
// ends the program at once; then the control plane stops by itself, since its
// standard input ends, and Linux ends CoreDNS.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel(errInterrupted)
	}()
	return ctx, func() { cancel(nil) }
}
