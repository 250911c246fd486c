// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/clusterdns/clusterdns/test/internal/node"
)

// A session is one run of the program, and all that has to be undone at its end.
type session struct {
	options
	repo  string
	dir   string // state and logs
	out   io.Writer
	err   io.Writer
	begin time.Time
	env   []string // of every program that it starts

	lock     lock
	ports    reservation
	health   int // ports of CoreDNS for HTTP
	ready    int
	metrics  int
	children []*child // in the order of their start
	node     *node.Node
	files    []string // to be deleted
	fail     context.CancelCauseFunc
}

// run starts everything, follows until ctx ends or a program fails, stops
// everything, and returns why it ended.
func run(ctx context.Context, opts options, stdout, stderr io.Writer) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s := &session{options: opts, out: stdout, err: stderr, begin: time.Now(), fail: fail}
	if err := s.prepare(); err != nil {
		s.stop()
		return err
	}
	err := s.serve(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = cause // what else failed follows from it
	}
	interrupted := errors.Is(err, errInterrupted)
	if interrupted {
		fmt.Fprintln(s.err) // after the ^C of the terminal
	}
	s.stop()
	if interrupted {
		fmt.Fprintf(s.err, "all is stopped; the logs stay in %s\n", s.dir)
	}
	return err
}

// prepare finds out whether there is a chance, and takes the ports.
func (s *session) prepare() (err error) {
	if s.repo, err = findRepository(); err != nil {
		return err
	}
	if err := needPrograms(s.repo, s.existing); err != nil {
		return err
	}
	if s.dir, err = s.state(s.repo); err != nil {
		return err
	}
	if s.lock, err = acquire(s.dir, s.port); err != nil {
		return err
	}
	return s.reserve()
}

// reserve takes the ports. After a crash, the system may need a moment to free
// that of the earlier run.
func (s *session) reserve() (err error) {
	patience := time.Duration(0)
	if s.lock.crashed {
		patience = 5 * time.Second
	}
	if err := s.ports.reserveDNS(s.port, patience); err != nil {
		return err
	}
	// The usual ports of CoreDNS, except 8080: a kubectl that knows no cluster asks there.
	for _, p := range []struct {
		port  *int
		usual int
	}{{&s.health, 8180}, {&s.ready, 8181}, {&s.metrics, 9153}} {
		if *p.port, err = s.ports.reserveTCP(p.usual); err != nil {
			return fmt.Errorf("finding a port for HTTP: %w", err)
		}
	}
	return nil
}

// serve brings everything up, tells the user, and waits for the end.
func (s *session) serve(ctx context.Context) error {
	bringUp := s.ownCluster
	if s.existing {
		bringUp = s.existingCluster
	}
	guide, output, err := bringUp(ctx)
	if err != nil {
		return err
	}
	guide.total = time.Since(s.begin)
	if err := guide.print(s.out); err != nil {
		return fmt.Errorf("printing what to try: %w", err)
	}
	// CoreDNS logs a query after it has answered, and the operator what it did to
	// get here; that is nobody's business.
	show := time.AfterFunc(100*time.Millisecond, func() { output.shown.Store(true) })
	<-ctx.Done()
	show.Stop()
	output.shown.Store(false)
	return nil
}

// stop undoes everything, the latest first.
func (s *session) stop() {
	s.ports.release()
	for _, c := range slices.Backward(s.children) {
		select {
		case <-c.done:
		default:
			fmt.Fprintf(s.err, "stopping %s\n", c.name)
		}
		c.stop(30 * time.Second)
	}
	if s.node != nil {
		s.node.Close()
	}
	for _, path := range s.files {
		_ = os.Remove(path)
	}
	if s.lock.file != nil {
		s.lock.release()
	}
}

// step tells what is done, that it is still being done, and how long it took.
func (s *session) step(what string, do func() error) error {
	fmt.Fprintf(s.err, "%s\n", what)
	begin := time.Now()
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	done := make(chan error, 1)
	go func() { done <- do() }()
	for {
		select {
		case err := <-done:
			if err == nil {
				fmt.Fprintf(s.err, "  done in %s\n", round(time.Since(begin)))
			}
			return err
		case <-tick.C:
			fmt.Fprintf(s.err, "  still at it after %s\n", time.Since(begin).Round(time.Second))
		}
	}
}

// file returns the path of a file of the state folder.
func (s *session) file(name string) string { return filepath.Join(s.dir, name) }

// round brings a duration into a form for people.
func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

// without returns the environment without some variables.
func without(env []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			return len(entry) > len(name) && entry[:len(name)] == name && entry[len(name)] == '='
		})
	})
}
