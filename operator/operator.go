// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package operator brings the DNS of a cluster to what its ClusterDNS says.
package operator

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/apply"
	"github.com/clusterdns/clusterdns/operator/internal/check"
	"github.com/clusterdns/clusterdns/operator/internal/controller"
	"github.com/clusterdns/clusterdns/operator/internal/observe"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// Options are those of an operator.
type Options struct {
	// Config reaches the API server.
	Config *rest.Config
	// Namespace is that of the operator and of the servers. Empty is kube-system.
	Namespace string
	// Service that clients ask, in the namespace. Empty is kube-dns.
	Service string
	// Program is that of the servers, to check Corefiles with. Empty is coredns in PATH.
	Program string
	// Repository and Tag of the image of the servers, without a registry.
	Repository, Tag string
	// LocalImage says that the nodes have the image, and need no registry.
	LocalImage bool
	// Image of the operator, which the loss meter of a migration has, too. Empty is that
	// of its Pod, in the namespace; or, without one, the one of this version.
	Image string
	// Pod that the operator runs in. Empty is none.
	Pod string
	// LeaderElection has one of several operators work.
	LeaderElection bool
	// MetricsAddress and HealthAddress are host:port to serve at; empty does not.
	MetricsAddress, HealthAddress string
	// ResolvConf is the file with the servers of this node, which are asked as those
	// of the nodes are that forward to their resolv.conf. Empty asks none.
	ResolvConf string
	// Reach returns where a Pod's address is reached from here. Nil is at itself.
	Reach func(netip.AddrPort) netip.AddrPort
	// Log is where to log.
	Log logr.Logger
}

func (o Options) withDefaults() Options {
	or := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	or(&o.Namespace, "kube-system")
	or(&o.Service, "kube-dns")
	or(&o.Program, "coredns")
	or(&o.Repository, "clusterdns/coredns")
	or(&o.Tag, Version)
	if o.Pod == "" {
		or(&o.Image, "clusterdns/operator:"+Version)
	}
	return o
}

// Version of the operator, and of the image of the servers that it was tested with.
var Version = "v0.1.0"

// Scheme has the kinds that the operator works with.
func Scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	return s, errors.Join(clientgoscheme.AddToScheme(s), v1alpha1.AddToScheme(s))
}

// Run works until ctx ends.
func Run(ctx context.Context, o Options) error {
	o = o.withDefaults()
	settings, err := o.settings(ctx)
	if err != nil {
		return err
	}
	mgr, err := o.manager()
	if err != nil {
		return err
	}
	m, err := controller.NewMetrics(metrics.Registry)
	if err != nil {
		return err
	}
	version, err := serverVersion(o)
	if err != nil {
		return err
	}
	r := &controller.Reconciler{
		Observer: observe.Observer{Reader: mgr.GetAPIReader(), Mapper: mgr.GetRESTMapper(), Operator: settings, ResolvConf: o.ResolvConf, Sizes: &observe.Sizes{}},
		Asker:    &controller.Asker{Program: check.Program{Path: o.Program}, Reach: o.Reach},
		Applier:  apply.Applier{Client: mgr.GetClient(), Drift: apply.NewDrift(m.Corrected)},
		Recorder: mgr.GetEventRecorder(plan.Manager),
		Metrics:  m,

		ServerVersion: version, Meters: &controller.Meters{Reach: o.Reach},
	}
	if err := r.SetUp(mgr); err != nil {
		return fmt.Errorf("setting up the controller: %w", err)
	}
	return mgr.Start(ctx)
}

// settings asks the program of the servers which plugins it has.
func (o Options) settings(ctx context.Context) (plan.Operator, error) {
	s := plan.Operator{Namespace: o.Namespace, ServiceName: o.Service, Repository: o.Repository, Tag: o.Tag, LocalImage: o.LocalImage, Image: o.Image, Pod: o.Pod}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, o.Program, "-plugins").Output() //nolint:gosec // the program is named by whoever starts us
	if err != nil {
		return s, fmt.Errorf("asking %s for its plugins: %w; name the program of the DNS servers", o.Program, err)
	}
	for line := range strings.Lines(string(out)) {
		s.Directives = append(s.Directives, strings.TrimSpace(line))
	}
	return s, nil
}

// manager returns one that caches nothing but what is ours.
func (o Options) manager() (ctrl.Manager, error) {
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	here := cache.ByObject{Namespaces: map[string]cache.Config{o.Namespace: {}}}
	disabled := func(address string) string {
		if address == "" {
			return "0"
		}
		return address
	}
	mgr, err := ctrl.NewManager(o.Config, ctrl.Options{
		Scheme: scheme, Logger: o.Log,
		Cache: cache.Options{ByObject: map[client.Object]cache.ByObject{
			&appsv1.Deployment{}: here, &appsv1.DaemonSet{}: here, &corev1.Pod{}: here, &corev1.ConfigMap{}: here,
			&corev1.Service{}: here, &discoveryv1.EndpointSlice{}: here,
		}},
		LeaderElection: o.LeaderElection, LeaderElectionID: plan.Manager, LeaderElectionNamespace: o.Namespace, LeaderElectionReleaseOnCancel: true,
		Metrics: server.Options{BindAddress: disabled(o.MetricsAddress)}, HealthProbeBindAddress: disabled(o.HealthAddress),
	})
	if err != nil {
		return nil, fmt.Errorf("reaching the API server: %w", err)
	}
	return mgr, errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("ping", healthz.Ping))
}
