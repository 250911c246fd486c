// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// change changes the state of the Pod, which is then reported. The lock is held
// while f runs.
func (p *pod) change(f func(*state)) {
	p.mu.Lock()
	f(&p.state)
	p.mu.Unlock()
	select {
	case p.news <- struct{}{}:
	default: // there is a report to come
	}
}

// report writes the status after each change, until ctx ends. It is apart from
// what runs the Pod, so that nothing waits for the API server.
func (p *pod) report(ctx context.Context) {
	for {
		select {
		case <-p.news:
		case <-ctx.Done():
			return
		}
		for ctx.Err() == nil {
			err := p.writeStatus(ctx)
			if err == nil || apierrors.IsNotFound(err) || ctx.Err() != nil {
				break
			}
			p.node.log.Printf("reporting %s: %v", filepath.Base(p.folder), err)
			pause(ctx, retry)
		}
	}
}

// writeStatus writes the status as the state is now.
func (p *pod) writeStatus(ctx context.Context) error {
	o := p.object()
	pods := p.node.client.CoreV1().Pods(o.Namespace)
	for {
		next := p.withStatus(o)
		if equality.Semantic.DeepEqual(o.Status, next.Status) {
			return nil
		}
		written, err := pods.UpdateStatus(ctx, next, metav1.UpdateOptions{})
		if err == nil {
			p.observe(written)
		}
		if !apierrors.IsConflict(err) {
			return err
		}
		uid := o.UID
		if o, err = pods.Get(ctx, o.Name, metav1.GetOptions{}); err != nil {
			return err
		}
		if o.UID != uid {
			return nil // another Pod has the name now
		}
	}
}

// withStatus returns a copy of o with the status of the state.
func (p *pod) withStatus(o *corev1.Pod) *corev1.Pod {
	p.mu.Lock()
	s := p.state
	p.mu.Unlock()
	next := o.DeepCopy()
	next.Status = s.status(o, p.node.addresses.host().String(), instant(time.Now()))
	return next
}
