// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterdns/clusterdns/test/apiserver"
	"github.com/clusterdns/clusterdns/test/internal/kube"
	"github.com/clusterdns/clusterdns/test/internal/server"
)

func cmdApply(ts *testscript.TestScript, neg bool, args []string) {
	change(ts, neg, args, (*Run).apply)
}

func cmdDelete(ts *testscript.TestScript, neg bool, args []string) {
	change(ts, neg, args, (*Run).remove)
}

// change does one thing with each object of a manifest, and waits until the plugin knows.
func change(ts *testscript.TestScript, neg bool, args []string, do func(*Run, context.Context, *unstructured.Unstructured) (kube.Revision, error)) {
	r, wait, objects := manifest(ts, neg, args)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var revisions []kube.Revision
	for _, o := range objects {
		rev, err := do(r, ctx, o)
		ts.Check(err)
		revisions = append(revisions, rev)
	}
	if wait {
		ts.Check(r.await(ctx, revisions))
	}
}

func manifest(ts *testscript.TestScript, neg bool, args []string) (r *Run, wait bool, objects []*unstructured.Unstructured) {
	wait = true
	if len(args) > 0 && args[0] == "-nowait" {
		wait, args = false, args[1:]
	}
	if neg || len(args) == 0 {
		ts.Fatalf("usage: k8s/apply [-nowait] FILE...")
	}
	for _, file := range args {
		more, err := kube.Decode(run(ts).Suite.Expand(ts.ReadFile(file)))
		ts.Check(err)
		objects = append(objects, more...)
	}
	r = run(ts)
	return r, wait && r.Server != nil, objects
}

func (r *Run) apply(ctx context.Context, o *unstructured.Unstructured) (kube.Revision, error) {
	if r.fake != nil {
		typed, err := typed(o)
		if err != nil {
			return kube.Revision{}, err
		}
		return kube.Revision{Resource: resourceOf(o), Version: r.fake.Apply(typed)}, nil
	}
	if o.GetKind() != "Namespace" { // namespaces are slow to go: they stay for the next scenario
		r.applied = append(r.applied, o)
	}
	rev, err := r.Suite.Client.Apply(ctx, o)
	rev.Resource = resourceOf(o)
	return rev, err
}

func (r *Run) remove(ctx context.Context, o *unstructured.Unstructured) (kube.Revision, error) {
	if r.fake != nil {
		typed, err := typed(o)
		if err != nil {
			return kube.Revision{}, err
		}
		return kube.Revision{Resource: resourceOf(o), Version: r.fake.Delete(typed)}, nil
	}
	if err := r.Suite.Client.Delete(ctx, o); err != nil {
		return kube.Revision{}, err
	}
	rev, err := r.barrier(ctx, o.GetKind())
	rev.Resource = resourceOf(o)
	return rev, err
}

// resourceOf returns what the plugin calls the resource that o is one of.
func resourceOf(o *unstructured.Unstructured) string {
	if o.GetKind() == "EndpointSlice" && o.GetLabels()[importLabel] != "" {
		return "imported_endpointslices"
	}
	return resources[o.GetKind()].name
}

const importLabel = "multicluster.kubernetes.io/service-name"

// cmdMCS has the API server know ServiceImports.
func cmdMCS(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: k8s/mcs")
	}
	r := run(ts)
	if r.fake != nil {
		r.fake.AddKind(apiserver.ServiceImports())
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ts.Check(r.Suite.Client.InstallServiceImports(ctx))
}

// resources are the kinds that the in-repo API server has.
var resources = map[string]struct {
	name string
	make func() runtime.Object
}{
	"Namespace":     {"namespaces", func() runtime.Object { return new(corev1.Namespace) }},
	"Service":       {"services", func() runtime.Object { return new(corev1.Service) }},
	"Pod":           {"pods", func() runtime.Object { return new(corev1.Pod) }},
	"Node":          {"nodes", func() runtime.Object { return new(corev1.Node) }},
	"EndpointSlice": {"endpointslices", func() runtime.Object { return new(discoveryv1.EndpointSlice) }},
	"ServiceImport": {"serviceimports", nil},
}

func typed(o *unstructured.Unstructured) (runtime.Object, error) {
	kind, ok := resources[o.GetKind()]
	if !ok {
		return nil, fmt.Errorf("the in-repo API server has no %q", o.GetKind())
	}
	if kind.make == nil {
		return o, nil
	}
	t := kind.make()
	return t, runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, t)
}

// barrier changes an object of that kind that no scenario asks for: whoever is
// told of this change has been told of all before it.
func (r *Run) barrier(ctx context.Context, kind string) (kube.Revision, error) {
	objects, err := kube.Decode(barriers[kind])
	if err != nil || len(objects) != 1 {
		return kube.Revision{}, fmt.Errorf("no barrier for %s: %w", kind, err)
	}
	o := objects[0]
	o.SetAnnotations(map[string]string{"clusterdns.io/test-barrier": time.Now().String()})
	if kind != "Namespace" {
		r.applied = append(r.applied, o)
	}
	return r.Suite.Client.Apply(ctx, o)
}

var barriers = map[string]string{
	"Namespace":     "{apiVersion: v1, kind: Namespace, metadata: {name: barrier}}",
	"Service":       "{apiVersion: v1, kind: Service, metadata: {name: barrier, namespace: default}, spec: {clusterIP: None}}",
	"EndpointSlice": "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: barrier, namespace: default, labels: {multicluster.kubernetes.io/service-name: barrier, multicluster.kubernetes.io/source-cluster: none}}, addressType: IPv4, endpoints: []}",
	"ServiceImport": "{apiVersion: multicluster.x-k8s.io/v1alpha1, kind: ServiceImport, metadata: {name: barrier, namespace: default}, spec: {type: Headless, ports: []}}",
	"Node":          "{apiVersion: v1, kind: Node, metadata: {name: barrier}}",
	"Pod":           "{apiVersion: v1, kind: Pod, metadata: {name: barrier, namespace: default}, spec: {containers: [{name: c, image: none}]}}",
}

// await waits until the plugin has been told of revisions.
func (r *Run) await(ctx context.Context, revisions []kube.Revision) error {
	for _, rev := range revisions {
		for {
			v, err := server.Metric("coredns_clusterdns_watch_resource_version", "resource="+rev.Resource)
			if err != nil {
				return err
			}
			watched, err := server.Metric("coredns_clusterdns_synced", "resource="+rev.Resource)
			if err != nil {
				return err
			}
			if watched == 0 || v >= float64(rev.Version) {
				break // it is told, or does not watch this kind
			}
			select {
			case <-time.After(2 * time.Millisecond):
			case <-ctx.Done():
				return fmt.Errorf("the plugin was not told of %s at resourceVersion %d: %w", rev.Resource, rev.Version, ctx.Err())
			}
		}
	}
	return nil
}
