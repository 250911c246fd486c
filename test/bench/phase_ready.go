// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
)

// readiness measures how long a start takes: until the first right answer, and
// until /ready says so. Both servers may use all processors, as the API server does.
func (b *bench) readiness(ctx context.Context) error {
	who := []kind{stock, ours}
	for round := 1; round <= b.rounds; round++ {
		for _, k := range turn(round, who) {
			c := journal.Cell{Phase: "ready", Round: round, Server: k.name, Mix: "start"}
			r, err := b.cell(ctx, c, true, func(ctx context.Context) (values, string, error) { return b.readyOnce(ctx, k) })
			if err != nil {
				return err
			}
			b.say("ready, round %d of %d, %s: right answer after %.0f ms, ready after %.0f ms", round, b.rounds, k.name,
				r.Values["answer_ms"], r.Values["ready_ms"])
		}
		c := journal.Cell{Phase: "ready", Round: round, Server: "api-server", Mix: "start"}
		r, err := b.cell(ctx, c, true, b.apiShare)
		if err != nil {
			return err
		}
		b.say("ready, round %d of %d, the API server's share: %.0f ms", round, b.rounds, r.Values["list_ms"])
	}
	return nil
}

func (b *bench) readyOnce(ctx context.Context, k kind) (values, string, error) {
	l, err := b.theLab(ctx)
	if err != nil {
		return nil, "", err
	}
	s, err := b.start(k, launch{dir: filepath.Join(l.dir, "ready"), source: l.source, cores: b.allCores})
	if err != nil {
		return nil, "", err
	}
	defer s.stop()
	timed, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	// The last Service and the last slice: what comes first proves nothing.
	last := l.world.Services[len(l.world.Services)-1]
	headless := l.world.Headless[len(l.world.Headless)-1]
	var answered, ready time.Time
	var errs [2]error
	var group sync.WaitGroup
	group.Go(func() {
		if answered, errs[0] = s.await(timed, question(last.FQDN()), l.right(k, last)); errs[0] == nil {
			answered, errs[0] = s.await(timed, question(headless.FQDN()), l.right(k, headless))
		}
	})
	group.Go(func() { ready, errs[1] = s.awaitReady(timed) })
	group.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, "", err
	}
	return values{"answer_ms": answered.Sub(s.begin).Seconds() * 1e3, "ready_ms": ready.Sub(s.begin).Seconds() * 1e3}, "", nil
}

// awaitReady returns when /ready first said yes.
func (s *server) awaitReady(ctx context.Context) (time.Time, error) {
	for ctx.Err() == nil {
		if err := s.ended(); err != nil {
			return time.Time{}, err
		}
		if s.isReady() {
			return time.Now(), nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return time.Time{}, fmt.Errorf("%s does not get ready: %w", s.name, context.Cause(ctx))
}

// apiShare is how long the API server takes to hand out what a server needs,
// to a client that throws it away.
func (b *bench) apiShare(ctx context.Context) (values, string, error) {
	l, err := b.theLab(ctx)
	if err != nil {
		return nil, "", err
	}
	base, doer := "", http.DefaultClient
	if l.fake != nil {
		base = l.fake.URL()
	} else {
		cfg, err := clientcmd.BuildConfigFromFlags("", l.control.Kubeconfig)
		if err != nil {
			return nil, "", err
		}
		if doer, err = rest.HTTPClientFor(cfg); err != nil {
			return nil, "", err
		}
		base = cfg.Host
	}
	begin := time.Now()
	errs := make([]error, 3)
	var group sync.WaitGroup
	for i, path := range []string{"/api/v1/namespaces", "/api/v1/services", "/apis/discovery.k8s.io/v1/endpointslices"} {
		group.Go(func() { errs[i] = discard(ctx, doer, base+path) })
	}
	group.Wait()
	return values{"list_ms": time.Since(begin).Seconds() * 1e3}, "", errors.Join(errs...)
}

func discard(ctx context.Context, doer *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"?resourceVersion=0", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/vnd.kubernetes.protobuf")
	resp, err := doer.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
