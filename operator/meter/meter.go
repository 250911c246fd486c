// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package meter tells over HTTP what a counter counts.
package meter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/clusterdns/clusterdns/operator/counter"
)

// Options are those of a meter.
type Options struct {
	// Questions to ask. Without a count and a duration they end with the meter.
	Questions counter.Config
	// Address is host:port to serve HTTP at.
	Address string
	// Listening, if set, is called with the address once all is at work.
	Listening func(net.Addr)
}

// Run asks and serves until ctx ends; then it waits for the answers that are under
// way, and goes on serving meanwhile. It returns what was counted.
func Run(ctx context.Context, o Options) (Counts, error) {
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		return Counts{}, fmt.Errorf("serving HTTP at %q: %w; name another with --address", o.Address, err)
	}
	run, err := counter.Start(ctx, o.Questions)
	if err != nil {
		return Counts{}, errors.Join(err, l.Close())
	}
	if o.Listening != nil {
		o.Listening(l.Addr())
	}
	m := &meter{run: run}
	s := &http.Server{Handler: m.handler(), ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	select {
	case err = <-served:
		run.Stop()
	case <-run.Done():
	}
	run.Wait()
	counted := m.counts()
	if err != nil {
		return counted, fmt.Errorf("serving HTTP: %w", err)
	}
	err = s.Close()
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return counted, err
}

// A meter is a counter that is at work.
type meter struct{ run *counter.Run }
