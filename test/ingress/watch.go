// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// A watcher knows the world of one namespace.
type watcher struct {
	client    kubernetes.Interface
	factory   informers.SharedInformerFactory
	namespace string
	changed   chan struct{} // holds one: there is something new
}

// watch returns once it knows all that there is.
func watch(ctx context.Context, client kubernetes.Interface, namespace string) (*watcher, error) {
	w := &watcher{
		client: client, namespace: namespace, changed: make(chan struct{}, 1),
		factory: informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace)),
	}
	note := func() {
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
	for _, i := range []cache.SharedIndexInformer{
		w.factory.Networking().V1().Ingresses().Informer(),
		w.factory.Core().V1().Services().Informer(),
		w.factory.Discovery().V1().EndpointSlices().Informer(),
	} {
		if _, err := i.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { note() }, UpdateFunc: func(any, any) { note() }, DeleteFunc: func(any) { note() },
		}); err != nil {
			return nil, err
		}
	}
	w.factory.Start(ctx.Done())
	for kind, ok := range w.factory.WaitForCacheSync(ctx.Done()) {
		if !ok {
			return nil, fmt.Errorf("reading %s: %w", kind, context.Cause(ctx))
		}
	}
	note()
	return w, nil
}

// world returns what there is now.
func (w *watcher) world() (world, error) {
	var now world
	var err error
	if now.ingresses, err = w.factory.Networking().V1().Ingresses().Lister().List(labels.Everything()); err != nil {
		return now, err
	}
	if now.services, err = w.factory.Core().V1().Services().Lister().List(labels.Everything()); err != nil {
		return now, err
	}
	now.slices, err = w.factory.Discovery().V1().EndpointSlices().Lister().List(labels.Everything())
	return now, err
}

// publish writes where Ingresses are reached, which is where the Service is, into
// the status of those of the class.
func (w *watcher) publish(ctx context.Context, now world, class, service string) error {
	status := networkingv1.IngressStatus{}
	for _, s := range now.services {
		if s.Name == service {
			status = statusOf(s)
		}
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	for _, i := range now.ingresses {
		if i.Spec.IngressClassName == nil || *i.Spec.IngressClassName != class || reflect.DeepEqual(i.Status, status) {
			continue
		}
		_, err := w.client.NetworkingV1().Ingresses(i.Namespace).Patch(ctx, i.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("writing the status of Ingress %s: %w", i.Name, err)
		}
	}
	return nil
}

// statusOf has the addresses of the load balancer of a Service.
func statusOf(s *corev1.Service) networkingv1.IngressStatus {
	var status networkingv1.IngressStatus
	for _, a := range s.Status.LoadBalancer.Ingress {
		status.LoadBalancer.Ingress = append(status.LoadBalancer.Ingress, networkingv1.IngressLoadBalancerIngress{IP: a.IP, Hostname: a.Hostname})
	}
	return status
}
