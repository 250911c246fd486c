// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// fetch returns what an API server has, and whether it lists every kind. api is
// how the plugin is told where it is: "kubeconfig FILE" or "endpoint URL".
func fetch(ctx context.Context, api string) (w *World, complete bool, err error) {
	word, where, _ := strings.Cut(api, " ")
	cfg := &rest.Config{Host: where}
	if word == "kubeconfig" {
		if cfg, err = clientcmd.BuildConfigFromFlags("", where); err != nil {
			return nil, false, err
		}
	}
	cfg.QPS = -1
	c, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, false, err
	}
	w, complete = &World{}, true
	if err := addImports(ctx, cfg, w); err != nil {
		return nil, false, err
	}
	for _, add := range []func(context.Context, kubernetes.Interface, *World) error{addNamespaces, addServices, addSlices, addPods} {
		err := add(ctx, c, w)
		switch {
		case apierrors.IsForbidden(err):
			complete = false
		case err != nil:
			return nil, false, err
		}
	}
	return w, complete, nil
}

// addImports adds the ServiceImports, if the API server has any and shows them.
func addImports(ctx context.Context, cfg *rest.Config, w *World) error {
	c, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return err
	}
	list, err := c.Resource(serviceImports).List(ctx, metav1.ListOptions{})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		w.unserved = true
		return nil
	case err != nil:
		return fmt.Errorf("listing serviceimports: %w", err)
	}
	for i := range list.Items {
		w.Add(&list.Items[i])
	}
	return nil
}

var serviceImports = schema.GroupVersionResource{Group: "multicluster.x-k8s.io", Version: "v1alpha1", Resource: "serviceimports"}

func addNamespaces(ctx context.Context, c kubernetes.Interface, w *World) error {
	list, err := c.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing namespaces: %w", err)
	}
	for i := range list.Items {
		w.Add(&list.Items[i])
	}
	return nil
}

func addServices(ctx context.Context, c kubernetes.Interface, w *World) error {
	list, err := c.CoreV1().Services("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing services: %w", err)
	}
	for i := range list.Items {
		w.Add(&list.Items[i])
	}
	return nil
}

func addSlices(ctx context.Context, c kubernetes.Interface, w *World) error {
	list, err := c.DiscoveryV1().EndpointSlices("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing endpointslices: %w", err)
	}
	for i := range list.Items {
		w.Add(&list.Items[i])
	}
	return nil
}

func addPods(ctx context.Context, c kubernetes.Interface, w *World) error {
	list, err := c.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing pods: %w", err)
	}
	for i := range list.Items {
		w.Add(&list.Items[i])
	}
	return nil
}
