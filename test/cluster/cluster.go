// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package cluster runs a real Kubernetes on this machine.
//
// It starts etcd, kube-apiserver, kube-controller-manager and, if asked,
// kube-scheduler as ordinary processes on loopback addresses and free ports.
// Neither root nor a container runtime is needed for that: pods are objects
// only. As root on Linux it also starts real nodes, each in a network namespace
// of its own. Kubernetes itself is linked by cmd/kube alone.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/clusterdns/clusterdns/test/cluster/internal/pki"
	"github.com/clusterdns/clusterdns/test/cluster/internal/process"
)

// Cluster is a running control plane. Its methods may be called concurrently;
// those that start or stop something wait for each other.
type Cluster struct {
	opts   Options
	files  layout
	lock   *lock
	ca     *pki.Authority
	client *http.Client
	failed chan error

	mu      sync.Mutex // guards what follows
	state   state
	running map[string]*process.Process
	closed  bool
}

// Start brings up a control plane and returns once it can be used: the API
// server is ready, the Service kubernetes exists and, with a controller
// manager, the namespace default has its service account.
//
// A state directory that was used before keeps its objects, its credentials
// and, if still free, its ports. What a crash left running is ended first.
// When ctx ends during Start, everything is stopped again; afterwards ctx has
// no meaning.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		opts:    opts,
		files:   layout(opts.Dir),
		failed:  make(chan error, 1),
		running: map[string]*process.Process{},
	}
	if c.lock, err = acquire(c.files); err != nil {
		return nil, err
	}
	timed, cancel := context.WithTimeoutCause(ctx, opts.Timeout, fmt.Errorf("gave up after %s", opts.Timeout))
	defer cancel()
	if err := c.start(timed); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	begin := time.Now()
	if err := c.prepare(ctx); err != nil {
		return err
	}
	if err := c.run(c.etcd()); err != nil {
		return err
	}
	if err := c.startAPIServer(ctx); err != nil {
		return err
	}
	if err := c.startControllers(ctx); err != nil {
		return err
	}
	if err := c.startNodes(ctx); err != nil {
		return err
	}
	c.state.Ready, c.state.Established = true, true
	if err := c.files.save(c.state); err != nil {
		return err
	}
	c.logf("ready after %s: %s", time.Since(begin).Round(100*time.Millisecond), c.state.APIServer())
	return nil
}

// Stop ends every program, the last started first, and frees the directory.
// Calling it again does nothing.
func (c *Cluster) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	grace := stopGrace
	if !c.state.Ready || c.failure() != nil {
		grace = 0 // half a cluster waits for its other half; none of them needs a proper end
	}
	c.stopNodes()
	// The controllers go together: each takes a moment, and neither needs the
	// other.
	var controllers sync.WaitGroup
	for _, name := range []string{scheduler, controllerManager} {
		if p := c.running[name]; p != nil {
			controllers.Go(func() { p.Stop(grace) })
		}
	}
	controllers.Wait()
	for _, name := range []string{apiServer, etcd} {
		if p := c.running[name]; p != nil {
			p.Stop(grace)
		}
	}
	c.state.Ready = false
	for name := range c.running {
		delete(c.state.Processes, name)
	}
	if c.state.Dir != "" { // else Start failed before it read the state
		if err := c.files.save(c.state); err != nil {
			c.logf("%v", err)
		}
	}
	c.lock.release()
}

// Failed yields an error when a program ends that nobody stopped. The cluster
// is of no use then but still has to be stopped.
func (c *Cluster) Failed() <-chan error { return c.failed }

// Kubeconfig is the path of a kubeconfig with all rights.
func (c *Cluster) Kubeconfig() string { return c.files.kubeconfig() }

// APIServer is the URL of the API server.
func (c *Cluster) APIServer() string { return c.state.APIServer() }

// Kubectl is the path of a kubectl to use with this cluster, or empty.
func (c *Cluster) Kubectl() string { return c.opts.kubectl() }

// StopAPIServer ends the API server and leaves the rest running.
func (c *Cluster) StopAPIServer() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopAPIServer()
}

// StartAPIServer starts the API server again, on the port that it had, and
// returns once it is ready.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.restartedAPIServer(ctx)
}

// RestartAPIServer is StopAPIServer and StartAPIServer.
func (c *Cluster) RestartAPIServer(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.stopAPIServer(); err != nil {
		return err
	}
	return c.restartedAPIServer(ctx)
}

func (c *Cluster) stopAPIServer() error {
	p := c.running[apiServer]
	if p == nil {
		return errors.New("the API server is not running")
	}
	p.Stop(stopGrace)
	return c.forget(apiServer)
}

func (c *Cluster) restartedAPIServer(ctx context.Context) error {
	switch {
	case c.closed:
		return errors.New("the cluster was stopped")
	case c.running[apiServer] != nil:
		return errors.New("the API server is running already")
	}
	if err := portFree(c.state.APIPort); err != nil {
		return fmt.Errorf("starting the API server again: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.opts.Timeout, fmt.Errorf("gave up after %s", c.opts.Timeout))
	defer cancel()
	return c.startAPIServer(ctx)
}

// run starts a program, records it and watches it.
func (c *Cluster) run(command process.Command) error {
	if command.Path == "" {
		return nil
	}
	p, err := process.Start(command)
	if err != nil {
		return err
	}
	c.running[p.Name] = p
	go c.watch(p)
	if c.state.Processes == nil {
		c.state.Processes = map[string]process.Record{}
	}
	c.state.Processes[p.Name] = p.Record
	return c.files.save(c.state)
}

func (c *Cluster) watch(p *process.Process) {
	<-p.Done()
	if err := p.Failure(); err != nil {
		select {
		case c.failed <- err:
		default: // one failure is enough; others mostly follow from it
		}
	}
}

func (c *Cluster) forget(name string) error {
	delete(c.running, name)
	delete(c.state.Processes, name)
	return c.files.save(c.state)
}

func (c *Cluster) logf(format string, args ...any) {
	fmt.Fprintf(c.opts.Log, format+"\n", args...)
}
