// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
	"github.com/clusterdns/clusterdns/operator/internal/check"
	"github.com/clusterdns/clusterdns/operator/internal/controller"
	"github.com/clusterdns/clusterdns/operator/internal/observe"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// A Preview is what would become of a spec.
type Preview struct {
	// Refused says why nothing would be changed, if so.
	Refused []string `json:"refused,omitempty"`
	// Before and After are the Corefiles that run, and would.
	Before string `json:"before"`
	After  string `json:"after"`
	// Objects that would change.
	Objects []ObjectChange `json:"objects,omitempty"`
	// Routes of names that would change.
	Routes []RouteChange `json:"routes,omitempty"`
}

// Changes reports whether anything would change.
func (p Preview) Changes() bool {
	return p.Before != p.After || len(p.Objects) > 0 || len(p.Routes) > 0
}

// An ObjectChange is an object that would be created, changed or deleted.
type ObjectChange struct {
	Action string `json:"action"` // create, change or delete
	Object string `json:"object"` // kind/namespace/name
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// A RouteChange is where the names of a zone go, and would.
type RouteChange struct {
	Zone   string `json:"zone"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// PreviewOffline returns the preview for a cluster of which nothing is known.
func PreviewOffline(dns *v1alpha1.ClusterDNS) Preview {
	file, problems := render.Corefile(&dns.Spec, render.Facts{})
	p := Preview{After: corefile.Format(file)}
	for _, problem := range problems {
		p.Refused = append(p.Refused, problem.String())
	}
	p.Routes = routeChanges("", p.After)
	return p
}

// PreviewCluster returns the preview for a cluster. Nothing is changed there.
func PreviewCluster(ctx context.Context, o Options, dns *v1alpha1.ClusterDNS) (Preview, error) {
	o = o.withDefaults()
	settings, err := o.settings(ctx)
	if err != nil {
		return Preview{}, err
	}
	c, err := newClient(o)
	if err != nil {
		return Preview{}, err
	}
	admitted, err := admission(ctx, c, dns)
	if err != nil {
		return Preview{}, err
	}
	observed, err := observe.Observer{Reader: overriding{c, dns}, Mapper: c.RESTMapper(), Operator: settings}.Observe(ctx, time.Now())
	if err != nil {
		return Preview{}, err
	}
	asker := &controller.Asker{Program: check.Program{Path: o.Program}}
	observed.Check = asker.Check(ctx, observed)
	final, refused := plan.Final(observed)
	after, _ := plan.Corefile(observed)
	p := Preview{Refused: append(admitted, refused...), Before: plan.Running(observed), After: after}
	p.Routes = routeChanges(p.Before, p.After)
	p.Objects, err = objectChanges(ctx, c, final)
	return p, err
}

// admission returns why the API server would not take a ClusterDNS, if so. One
// that does not know the kind yet has nothing to say.
func admission(ctx context.Context, c client.Client, dns *v1alpha1.ClusterDNS) ([]string, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(dns)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: content}
	unstructured.RemoveNestedField(content, "status")
	unstructured.RemoveNestedField(content, "metadata")
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ClusterDNS"))
	u.SetName(dns.Name)
	err = c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("clusterdns-plan"), client.ForceOwnership, client.DryRunAll)
	switch {
	case err == nil || meta.IsNoMatchError(err) || apierrors.IsNotFound(err):
		return nil, nil
	case apierrors.IsInvalid(err):
		return []string{"InvalidSpec: " + err.Error()}, nil
	case apierrors.IsForbidden(err):
		return nil, nil // whoever may only look is told the rest
	}
	return nil, fmt.Errorf("asking the API server about the ClusterDNS: %w", err)
}

func newClient(o Options) (client.Client, error) {
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	c, err := client.New(o.Config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("reaching the API server: %w", err)
	}
	return c, nil
}

// overriding reads a cluster as if a ClusterDNS were there.
type overriding struct {
	client.Client
	dns *v1alpha1.ClusterDNS
}

// Get implements [client.Reader].
func (o overriding) Get(ctx context.Context, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
	dns, ok := into.(*v1alpha1.ClusterDNS)
	if !ok {
		return o.Client.Get(ctx, key, into, opts...)
	}
	err := o.Client.Get(ctx, key, dns, opts...)
	if err != nil && !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err) {
		return err
	}
	dns.Name, dns.Spec = o.dns.Name, o.dns.Spec
	return nil
}

func routeChanges(before, after string) []RouteChange {
	was, will := plan.Routes(before), plan.Routes(after)
	zones := slices.Collect(maps.Keys(was))
	zones = slices.AppendSeq(zones, maps.Keys(will))
	slices.Sort(zones)
	var out []RouteChange
	for _, z := range slices.Compact(zones) {
		if was[z] != will[z] {
			out = append(out, RouteChange{z, cmp.Or(was[z], inherited(was, z)), cmp.Or(will[z], inherited(will, z))})
		}
	}
	return out
}

// inherited says where a zone goes that is not served by itself.
func inherited(routes map[string]string, zone string) string {
	if to, ok := routes["."]; ok && zone != "." {
		return "like . (" + to + ")"
	}
	return "nobody"
}

// objectChanges asks the API server what applying would change.
func objectChanges(ctx context.Context, c client.Client, p plan.Plan) ([]ObjectChange, error) {
	var out []ObjectChange
	var failed error
	for _, o := range p.Apply {
		change, err := objectChange(ctx, c, o)
		failed = errors.Join(failed, err)
		if change.Action != "" {
			out = append(out, change)
		}
	}
	for _, r := range p.Delete {
		out = append(out, ObjectChange{Action: "delete", Object: r.String()})
	}
	return out, failed
}

func objectChange(ctx context.Context, c client.Client, o plan.Object) (ObjectChange, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.Object)
	if err != nil {
		return ObjectChange{}, err
	}
	unstructured.RemoveNestedField(content, "status")
	u := &unstructured.Unstructured{Object: content}
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	change := ObjectChange{Object: plan.Reference{Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}.String()}
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(u.GroupVersionKind())
	switch err := c.Get(ctx, client.ObjectKeyFromObject(u), live); {
	case apierrors.IsNotFound(err):
		change.Action, change.After = "create", readable(u)
		return change, nil
	case err != nil:
		return ObjectChange{}, fmt.Errorf("reading %s: %w", change.Object, err)
	case o.Mode == plan.Create:
		return ObjectChange{}, nil
	}
	if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(plan.Manager), client.ForceOwnership, client.DryRunAll); err != nil {
		return ObjectChange{}, fmt.Errorf("asking what would change in %s: %w", change.Object, err)
	}
	change.Before, change.After = readable(live), readable(u)
	if change.Before != change.After {
		change.Action = "change"
	}
	return change, nil
}
