// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clusterdns/clusterdns/test/bench/internal/proc"
	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

// A controlPlane is a real API server with etcd and controllers.
type controlPlane struct {
	Kubeconfig string
	APIServer  string

	client kubernetes.Interface
	cmd    *exec.Cmd
	in     io.WriteCloser
}

// startControlPlane starts one that lives until stop, at the latest as long as we do.
func startControlPlane(ctx context.Context, b *bench, dir string) (*controlPlane, error) {
	b.say("starting a control plane")
	c := &controlPlane{}
	c.cmd = exec.Command(filepath.Join(b.repo, "bin", "cluster"), "run", "--json", "--control", "--dir", filepath.Join(dir, "cluster"))
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(b.cache, "control-plane.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	c.cmd.Stderr = log
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := proc.Pinned(b.allCores, c.cmd.Start); err != nil {
		return nil, fmt.Errorf("%w: run \"make programs\" first (make bench does)", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.in.Close() }) // which means quit
	defer stop()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, c)
	}
	if err != nil {
		return nil, fmt.Errorf("starting a control plane: %w%s", err, tail(log.Name()))
	}
	return c, c.connect()
}

func (c *controlPlane) connect() error {
	cfg, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return err
	}
	cfg.QPS, cfg.ContentType = -1, runtime.ContentTypeProtobuf
	c.client, err = kubernetes.NewForConfig(cfg)
	return err
}

func (c *controlPlane) stop() {
	_ = c.in.Close() // which means quit
	done := make(chan struct{})
	go func() { _ = c.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		_ = c.cmd.Process.Kill()
		<-done
	}
}

// load creates all objects.
func (c *controlPlane) load(ctx context.Context, b *bench, w world.World) error {
	objects := w.Objects()
	namespaces := len(w.Namespaces)
	b.say("creating %d objects in the API server", len(objects))
	for _, group := range [][]runtime.Object{objects[:namespaces], objects[namespaces:]} {
		if err := c.create(ctx, b, group); err != nil {
			return err
		}
	}
	return nil
}

// create creates objects with a few workers.
func (c *controlPlane) create(ctx context.Context, b *bench, objects []runtime.Object) error {
	var next atomic.Int64
	var failure atomic.Pointer[error]
	var workers sync.WaitGroup
	last := time.Now()
	for range 16 {
		workers.Go(func() {
			for failure.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(objects) {
					return
				}
				if err := c.put(ctx, objects[i]); err != nil {
					failure.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { workers.Wait(); close(done) }()
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-tick.C:
			if time.Since(last) > 15*time.Second {
				last = time.Now()
				b.say("  %d of %d", min(int(next.Load()), len(objects)), len(objects))
			}
			continue
		case <-done:
		}
		tick.Stop()
		if err := failure.Load(); err != nil {
			return *err
		}
		return nil
	}
}

func (c *controlPlane) put(ctx context.Context, o runtime.Object) error {
	var err error
	switch o := o.(type) {
	case *corev1.Namespace:
		_, err = c.client.CoreV1().Namespaces().Create(ctx, o, metav1.CreateOptions{})
	case *corev1.Service:
		_, err = c.client.CoreV1().Services(o.Namespace).Create(ctx, o, metav1.CreateOptions{})
	case *discoveryv1.EndpointSlice:
		_, err = c.client.DiscoveryV1().EndpointSlices(o.Namespace).Create(ctx, o, metav1.CreateOptions{})
	}
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// update replaces a slice whatever it was.
func (c *controlPlane) update(ctx context.Context, o *discoveryv1.EndpointSlice) error {
	_, err := c.client.DiscoveryV1().EndpointSlices(o.Namespace).Update(ctx, o, metav1.UpdateOptions{})
	return err
}
