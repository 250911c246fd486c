// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command bench measures our CoreDNS side by side with the stock one, with the
// floor of the CoreDNS server and with servers that know no cluster, on the
// same objects, in alternating rounds of one run.
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

// program returns the exit status. Tables go to stdout, progress to stderr.
func program(args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stdout, stderr)
	if err == nil {
		ctx, stop := interruptible()
		defer stop()
		err = run(ctx, opts, stdout, stderr)
		if context.Cause(ctx) != nil {
			err = context.Cause(ctx) // what else failed follows from it
		}
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(stderr, "\nstopped; the same command goes on from here")
		return 130
	}
	fmt.Fprintf(stderr, "error: %v\n", err)
	return 1
}

// interruptible returns a context that the first signal ends; a second one
// ends the program.
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
