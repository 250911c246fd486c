// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package controller goes from what is to what is wanted, whenever something changes.
package controller

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/apply"
	"github.com/clusterdns/clusterdns/operator/internal/migration"
	"github.com/clusterdns/clusterdns/operator/internal/observe"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// A Reconciler reconciles the ClusterDNS.
type Reconciler struct {
	Observer observe.Observer
	Asker    *Asker
	Applier  apply.Applier
	Recorder events.EventRecorder
	Metrics  *Metrics

	// ServerVersion is that of the API server.
	ServerVersion string
	// Meters read the loss meter.
	Meters *Meters
	// shadow is how old and new servers compared.
	shadow shadow
	// named are the ConfigMaps that the spec names.
	named atomic.Pointer[[]string]
}

// Reconcile implements [reconcile.Reconciler].
func (r *Reconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	observed, mig, err := r.observe(ctx)
	if observed.ClusterDNS == nil {
		return ctrl.Result{}, err
	}
	if err != nil {
		observed.Unread = err.Error()
	}
	p := plan.For(observed)
	if failed := r.Applier.Apply(ctx, p.Apply, p.Delete, observed.Now); failed != nil {
		err, observed.Failed = failed, failed.Error()
		p = plan.For(observed) // the same, but it does not say what did not come about
	}
	if failed := r.Applier.Status(ctx, observed.ClusterDNS, p.Status); failed != nil {
		return ctrl.Result{}, errors.Join(err, failed)
	}
	r.tell(ctx, observed.ClusterDNS, p)
	if mig.Migration != nil && err == nil {
		next, failed := r.migrate(ctx, mig, observed)
		p.Again, err = min(p.Again, cmp.Or(next, p.Again)), failed
	}
	return ctrl.Result{RequeueAfter: p.Again}, err
}

// observe returns all that a plan depends on.
func (r *Reconciler) observe(ctx context.Context) (plan.Observed, migration.Observed, error) {
	observed, err := r.Observer.Observe(ctx, time.Now())
	if err != nil || observed.ClusterDNS == nil {
		return observed, migration.Observed{}, err
	}
	mig := migration.Observed{}
	if is, err := r.Observer.Migrating(ctx); err != nil {
		return observed, mig, err
	} else if is {
		if mig, err = r.Observer.Migration(ctx, observed, r.ServerVersion); err != nil {
			return observed, mig, err
		}
		observed = mig.Observed
		observed.Way = migration.Way(mig)
	}
	wanted := plan.Wants(&observed.ClusterDNS.Spec)
	r.named.Store(&wanted.ConfigMaps)
	observed.Check = r.Asker.Check(ctx, observed)
	observed.Answers = r.Asker.Ask(ctx, observed.References, plan.Questions(observed))
	observed.Drift = r.Applier.Drift.Status(observed.Now)
	return observed, mig, nil
}

// tell makes events, lines of the log, and metrics.
func (r *Reconciler) tell(ctx context.Context, dns *v1alpha1.ClusterDNS, p plan.Plan) {
	r.announce(ctx, dns, p.Events)
	r.Metrics.observe(p.Status)
}

// announce makes events about an object, and lines of the log.
func (r *Reconciler) announce(ctx context.Context, about runtime.Object, events []plan.Event) {
	log := ctrl.LoggerFrom(ctx)
	for _, e := range events {
		kind := corev1.EventTypeNormal
		if e.Warning {
			kind = corev1.EventTypeWarning
		}
		log.Info(e.Message, "event", e.Reason, "warning", e.Warning)
		r.Recorder.Eventf(about, nil, kind, e.Reason, "Reconcile", "%s", shortened(e.Message))
	}
}

// shortened keeps a note within what the API server takes.
func shortened(text string) string {
	if len(text) > 1000 {
		return strings.ToValidUTF8(text[:1000], "")
	}
	return text
}

// SetUp has mgr call r whenever something changes that it looks at.
func (r *Reconciler) SetUp(mgr ctrl.Manager) error {
	o := r.Observer.Operator
	everything := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: "default"}}}
	})
	ours := builder.WithPredicates(predicate.NewPredicateFuncs(func(object client.Object) bool {
		return object.GetLabels()[plan.LabelName] == plan.Name
	}))
	// Others write ConfigMaps all the time.
	settings := builder.WithPredicates(predicate.NewPredicateFuncs(func(object client.Object) bool {
		named := r.named.Load()
		return object.GetLabels()[plan.LabelName] == plan.Name || object.GetName() == plan.CustomConfigMap ||
			named != nil && slices.Contains(*named, object.GetName())
	}))
	service := builder.WithPredicates(predicate.NewPredicateFuncs(func(object client.Object) bool {
		return object.GetName() == o.ServiceName || object.GetLabels()[discoveryv1.LabelServiceName] == o.ServiceName
	}))
	return ctrl.NewControllerManagedBy(mgr).
		Named("clusterdns").
		For(&v1alpha1.ClusterDNS{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.DNSMigration{}, everything, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&appsv1.Deployment{}, everything, ours).
		Watches(&appsv1.DaemonSet{}, everything, ours).
		Watches(&corev1.Pod{}, everything, ours).
		Watches(&corev1.ConfigMap{}, everything, settings).
		Watches(&corev1.Service{}, everything, service).
		Watches(&discoveryv1.EndpointSlice{}, everything, service).
		WithOptions(controller.Options{MaxConcurrentReconciles: 1}).
		Complete(r)
}
