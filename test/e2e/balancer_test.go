// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// A balancer gives Services of type LoadBalancer an address, as the controller of
// a cloud does. The proxies of the nodes do the rest.
type balancer struct {
	client kubernetes.Interface
	cancel context.CancelFunc
	done   sync.WaitGroup
	given  int
}

func balance(client kubernetes.Interface) *balancer {
	ctx, cancel := context.WithCancel(context.Background())
	b := &balancer{client: client, cancel: cancel}
	b.done.Go(func() {
		for ctx.Err() == nil {
			b.watch(ctx)
		}
	})
	return b
}

func (b *balancer) stop() {
	b.cancel()
	b.done.Wait()
}

// watch looks at Services until the watch ends.
func (b *balancer) watch(ctx context.Context) {
	w, err := b.client.CoreV1().Services("").Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		if s, ok := e.Object.(*corev1.Service); ok && s.Spec.Type == corev1.ServiceTypeLoadBalancer && len(s.Status.LoadBalancer.Ingress) == 0 && s.DeletionTimestamp == nil {
			b.give(ctx, s)
		}
	}
}

func (b *balancer) give(ctx context.Context, s *corev1.Service) {
	b.given++
	status := corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: fmt.Sprintf("198.51.100.%d", b.given)}}}}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return
	}
	// One that fails comes again with the next change.
	_, _ = b.client.CoreV1().Services(s.Namespace).Patch(ctx, s.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
}
