// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command images makes the container images of the pods that the end-to-end
// tests run, without Docker and without an image registry.
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

var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(program(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// program returns the exit status. The archives that are there then go to out;
// progress and errors go to errs.
func program(ctx context.Context, args []string, out, errs io.Writer) int {
	err := run(ctx, args, out, errs)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(errs, "error: %v; see images --help\n", err)
		return 2
	case ctx.Err() != nil:
		fmt.Fprintln(errs, "interrupted: no archive is half-written, and the next run goes on from here")
		return 1
	}
	fmt.Fprintf(errs, "error: %v\n", err)
	return 1
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	set := flag.NewFlagSet("images", flag.ContinueOnError)
	folder := set.String("out", "", "`folder` of the archives (default bin/images of the repository)")
	set.SetOutput(io.Discard)
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		set.SetOutput(errs)
		usage(errs)
		set.PrintDefaults()
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	chosen, err := choose(set.Args())
	if err != nil {
		return err
	}
	w, err := newWorkshop(*folder, out, errs)
	if err != nil {
		return err
	}
	for _, i := range chosen {
		if err := w.make(ctx, i); err != nil {
			return fmt.Errorf("making the image %s: %w", i.name, err)
		}
	}
	return nil
}

func usage(errs io.Writer) {
	fmt.Fprint(errs, `Usage: images [flags] [IMAGE...]

Makes the images of the pods of the tests, archives of the OCI image layout for
this machine's architecture. What has not changed is not made again. Without
names it makes all but those that are made if asked for.

`)
	for _, i := range images {
		fmt.Fprintf(errs, "  %-18s %s\n", i.name, i.about)
	}
	fmt.Fprint(errs, "\nFlags:\n")
}

// choose returns the images of these names, or those that are made without being asked for.
func choose(names []string) ([]image, error) {
	var chosen []image
	for _, name := range names {
		i, ok := find(name)
		if !ok {
			return nil, fmt.Errorf("%w: there is no image %q", errUsage, name)
		}
		chosen = append(chosen, i)
	}
	if len(names) > 0 {
		return chosen, nil
	}
	for _, i := range images {
		if !i.onDemand {
			chosen = append(chosen, i)
		}
	}
	return chosen, nil
}

func find(name string) (image, bool) {
	for _, i := range images {
		if i.name == name {
			return i, true
		}
	}
	return image{}, false
}

// newWorkshop finds the repository that the folder of today is in.
func newWorkshop(out string, report, log io.Writer) (*workshop, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for ; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module "+module+"\n") {
			break
		}
		if dir == filepath.Dir(dir) {
			return nil, fmt.Errorf("this folder is not in the repository of %s: change to one of it", module)
		}
	}
	w := &workshop{root: dir, cache: filepath.Join(dir, ".cache", "images"), out: out, report: report, log: log}
	if w.out == "" {
		w.out = filepath.Join(dir, "bin", "images")
	}
	for _, dir := range []string{w.cache, w.out} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	return w, nil
}
