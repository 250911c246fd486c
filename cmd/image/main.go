// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command image makes the container images of this repository, without Docker
// and without root: the same bytes from the same commit.
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

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(program(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// program returns the exit status. The images that it made go to out; progress
// and errors go to errs.
func program(ctx context.Context, args []string, out, errs io.Writer) int {
	err := run(ctx, args, out, errs)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.Is(err, errUsage):
		fmt.Fprintf(errs, "error: %v; see image --help\n", err)
		return exitUsage
	case ctx.Err() != nil:
		fmt.Fprintln(errs, "interrupted: no archive is half-written, and the next run goes on from here")
		return exitFailed
	}
	fmt.Fprintf(errs, "error: %v\n", err)
	return exitFailed
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	given, err := parse(args, errs)
	if err != nil {
		return err
	}
	j, err := given.job(ctx)
	if err != nil {
		return err
	}
	j.out, j.errs = out, errs
	return j.run(ctx)
}
