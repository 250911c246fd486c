// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/mcs-api/config/crd"
)

// InstallServiceImports installs the CRD of the Multi-Cluster Services API, if
// it is not there, and waits until the API server serves it.
func (c *Client) InstallServiceImports(ctx context.Context) error {
	objects, err := Decode(string(crd.ServiceImportCRD))
	if err != nil {
		return err
	}
	for _, o := range objects {
		r, _, err := c.resource(o)
		if err != nil {
			return err
		}
		if _, err := r.Create(ctx, o, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("installing the CRD %s: %w", o.GetName(), err)
		}
	}
	return c.awaitServiceImports(ctx, true)
}

// RemoveServiceImports removes the CRD and all objects of its kind, and waits
// until the API server no longer serves it.
func (c *Client) RemoveServiceImports(ctx context.Context) error {
	objects, err := Decode(string(crd.ServiceImportCRD))
	if err != nil {
		return err
	}
	for _, o := range objects {
		if err := c.Delete(ctx, o); err != nil {
			return err
		}
	}
	return c.awaitServiceImports(ctx, false)
}

func (c *Client) awaitServiceImports(ctx context.Context, served bool) error {
	for {
		_, err := c.Resource(resources["ServiceImport"]).List(ctx, metav1.ListOptions{})
		if (err == nil) == served {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting until ServiceImports are served: %t: %w", served, ctx.Err())
		}
	}
}
