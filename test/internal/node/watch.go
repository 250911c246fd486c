// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// watchPods observes the Pods on the Node. It returns once all are known.
func (n *Node) watchPods() error {
	_, err := n.watch(n.ctx, n.client.CoreV1().RESTClient(), "pods", corev1.NamespaceAll, &corev1.Pod{},
		func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", n.options.Name).String()
		},
		cache.ResourceEventHandlerFuncs{
			AddFunc:    func(o any) { n.observe(o.(*corev1.Pod)) },
			UpdateFunc: func(_, o any) { n.observe(o.(*corev1.Pod)) },
			DeleteFunc: func(o any) {
				if last, ok := o.(cache.DeletedFinalStateUnknown); ok {
					o = last.Obj
				}
				n.forget(o.(*corev1.Pod))
			},
		})
	return err
}

// watchEndpoints returns a store of the EndpointSlices of a Service. It calls
// changed after each change.
func (n *Node) watchEndpoints(ctx context.Context, namespace, service string, changed func()) (cache.Store, error) {
	return n.watch(ctx, n.client.DiscoveryV1().RESTClient(), "endpointslices", namespace, &discoveryv1.EndpointSlice{},
		func(o *metav1.ListOptions) { o.LabelSelector = discoveryv1.LabelServiceName + "=" + service },
		cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { changed() },
			UpdateFunc: func(any, any) { changed() },
			DeleteFunc: func(any) { changed() },
		})
}

// watch keeps a store of objects until ctx ends. It returns once the handler
// has seen all that there are.
func (n *Node) watch(ctx context.Context, client rest.Interface, resource, namespace string, kind runtime.Object,
	selector func(*metav1.ListOptions), handler cache.ResourceEventHandler,
) (cache.Store, error) {
	store, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewFilteredListWatchFromClient(client, resource, namespace, selector),
		ObjectType:    kind,
		Handler:       handler,
	})
	n.wg.Go(func() { informer.RunWithContext(ctx) })
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return nil, fmt.Errorf("watching %s: %w", resource, ctx.Err())
	}
	return store, nil
}

// pause returns false if ctx ends before the time has passed.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
