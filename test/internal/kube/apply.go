// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// resources are the kinds that manifests of tests may have.
var resources = map[string]schema.GroupVersionResource{
	"Namespace":     {Version: "v1", Resource: "namespaces"},
	"Service":       {Version: "v1", Resource: "services"},
	"Pod":           {Version: "v1", Resource: "pods"},
	"Node":          {Version: "v1", Resource: "nodes"},
	"EndpointSlice": {Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},

	"ServiceImport": {Group: "multicluster.x-k8s.io", Version: "v1alpha1", Resource: "serviceimports"},

	"CustomResourceDefinition": {Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},

	"ServiceAccount":     {Version: "v1", Resource: "serviceaccounts"},
	"ClusterRole":        {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	"ClusterRoleBinding": {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
}

// A Client writes objects.
type Client struct{ dynamic.Interface }

// NewClient returns a client for the cluster of a kubeconfig file.
func NewClient(kubeconfig string) (*Client, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	cfg.QPS = -1
	d, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{d}, nil
}

// Credentials writes the administrator's client certificate, its key and the
// CA to files and returns their paths as CLIENT_CERT, CLIENT_KEY and CA.
func (c *Cluster) Credentials() (map[string]string, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return nil, err
	}
	if err := rest.LoadTLSFiles(cfg); err != nil {
		return nil, err
	}
	paths := make(map[string]string)
	for name, data := range map[string][]byte{"CLIENT_CERT": cfg.CertData, "CLIENT_KEY": cfg.KeyData, "CA": cfg.CAData} {
		paths[name] = filepath.Join(c.dir, "credentials-"+strings.ToLower(name))
		if err := os.WriteFile(paths[name], data, 0o600); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// A Revision is the state of the API server after a change of one kind.
type Revision struct {
	Resource string // such as services
	Version  uint64 // resourceVersion
}

// Decode returns the objects of a YAML file.
func Decode(manifest string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	d := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	for {
		o := &unstructured.Unstructured{}
		err := d.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if o.Object != nil {
			objects = append(objects, o)
		}
	}
}

func (c *Client) resource(o *unstructured.Unstructured) (dynamic.ResourceInterface, string, error) {
	r, ok := resources[o.GetKind()]
	if !ok {
		return nil, "", fmt.Errorf("applying %s/%s: tests know no kind %q", o.GetNamespace(), o.GetName(), o.GetKind())
	}
	if o.GetNamespace() == "" {
		return c.Resource(r), r.Resource, nil
	}
	return c.Resource(r).Namespace(o.GetNamespace()), r.Resource, nil
}

// Apply creates or replaces o, with its status if it has one.
func (c *Client) Apply(ctx context.Context, o *unstructured.Unstructured) (Revision, error) {
	r, name, err := c.resource(o)
	if err != nil {
		return Revision{}, err
	}
	status, hasStatus := o.Object["status"]
	got, err := c.put(ctx, r, o)
	if err != nil {
		return Revision{}, fmt.Errorf("applying %s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
	}
	if hasStatus {
		got.Object["status"] = status
		if got, err = r.UpdateStatus(ctx, got, metav1.UpdateOptions{}); err != nil {
			return Revision{}, fmt.Errorf("writing the status of %s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
		}
	}
	return revision(name, got), nil
}

// put creates o, or replaces it if there is one. A Pod has to wait for the
// service account of a new namespace, and a Service until its address is released.
func (c *Client) put(ctx context.Context, r dynamic.ResourceInterface, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	for {
		got, err := r.Create(ctx, o, metav1.CreateOptions{})
		switch {
		case apierrors.IsAlreadyExists(err),
			apierrors.IsInvalid(err) && exists(ctx, r, o.GetName()): // its own address is "already allocated"
			old, err := r.Get(ctx, o.GetName(), metav1.GetOptions{})
			if err != nil {
				return nil, err
			}
			if o.GetKind() == "Pod" {
				return old, nil // its spec cannot be changed
			}
			o = o.DeepCopy()
			o.SetResourceVersion(old.GetResourceVersion())
			return r.Update(ctx, o, metav1.UpdateOptions{})
		case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "serviceaccount"),
			apierrors.IsInvalid(err) && strings.Contains(err.Error(), "already allocated"):
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				return nil, err
			}
		default:
			return got, err
		}
	}
}

func exists(ctx context.Context, r dynamic.ResourceInterface, name string) bool {
	_, err := r.Get(ctx, name, metav1.GetOptions{})
	return err == nil
}

// Delete deletes o. That it is gone already is no error.
func (c *Client) Delete(ctx context.Context, o *unstructured.Unstructured) error {
	r, _, err := c.resource(o)
	if err != nil {
		return err
	}
	now := int64(0)
	err = r.Delete(ctx, o.GetName(), metav1.DeleteOptions{GracePeriodSeconds: &now})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting %s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
	}
	return nil
}

func revision(resource string, o *unstructured.Unstructured) Revision {
	v, _ := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
	return Revision{resource, v}
}
