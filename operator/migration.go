// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/migration"
	"github.com/clusterdns/clusterdns/operator/internal/observe"
)

// A MigrationPlan is what is there before a migration, and what stands in its way.
type MigrationPlan struct {
	// Discovery is what was found.
	Discovery MigrationDiscovery `json:"discovery"`
	// Findings are what to know, or to do. Errors are anywhere among them.
	Findings []v1alpha1.PreflightFinding `json:"findings,omitempty"`
	// Acknowledged are the codes that the DNSMigration has.
	Acknowledged []v1alpha1.WarningCode `json:"acknowledged,omitempty"`
	// Now is the ClusterDNS that is there, nil if there is none.
	Now *v1alpha1.ClusterDNS `json:"now,omitempty"`
	// Adopted is the ClusterDNS with what the old DNS says, nil if that cannot be read.
	Adopted *v1alpha1.ClusterDNS `json:"adopted,omitempty"`
}

// MigrationDiscovery is what there is before a migration.
type MigrationDiscovery = migration.Discovery

// Failed reports whether there are errors: the migration would not begin.
func (p MigrationPlan) Failed() bool {
	for _, f := range p.Findings {
		if f.Severity == v1alpha1.SeverityError {
			return true
		}
	}
	return false
}

// PlanMigration looks at a cluster as the operator does before a migration. Nothing
// is changed there.
func PlanMigration(ctx context.Context, o Options) (MigrationPlan, error) {
	o = o.withDefaults()
	settings, err := o.settings(ctx)
	if err != nil {
		return MigrationPlan{}, err
	}
	c, err := newClient(o)
	if err != nil {
		return MigrationPlan{}, err
	}
	version, err := serverVersion(o)
	if err != nil {
		return MigrationPlan{}, err
	}
	observer := observe.Observer{Reader: missing{c}, Mapper: c.RESTMapper(), Operator: settings}
	observed, err := observer.Observe(ctx, time.Now())
	if err != nil {
		return MigrationPlan{}, err
	}
	m, err := observer.Migration(ctx, observed, version)
	if err != nil {
		return MigrationPlan{}, err
	}
	return planMigration(m), nil
}

func planMigration(m migration.Observed) MigrationPlan {
	p := MigrationPlan{Discovery: migration.Discover(m), Findings: migration.Preflight(m), Now: m.ClusterDNS}
	if m.Migration != nil {
		p.Acknowledged = m.Migration.Spec.Acknowledge
	}
	if spec, _, err := migration.Translation(m); err == nil {
		p.Adopted = &v1alpha1.ClusterDNS{Spec: spec}
		if m.ClusterDNS != nil {
			p.Adopted.Spec = migration.Adopted(m.ClusterDNS.Spec, spec)
		}
		p.Adopted.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ClusterDNS"}
		p.Adopted.Name = "default"
	}
	return p
}

// serverVersion returns that of the API server, as v1.36.3.
func serverVersion(o Options) (string, error) {
	d, err := discovery.NewDiscoveryClientForConfig(o.Config)
	if err != nil {
		return "", fmt.Errorf("reaching the API server: %w", err)
	}
	v, err := d.ServerVersion()
	if err != nil {
		return "", fmt.Errorf("asking the API server for its version: %w", err)
	}
	return v.GitVersion, nil
}

// missing reads a cluster whose API server may not know ClusterDNS yet.
type missing struct{ client.Client }

// Get implements [client.Reader].
func (m missing) Get(ctx context.Context, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
	err := m.Client.Get(ctx, key, into, opts...)
	if meta.IsNoMatchError(err) {
		return apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.GroupVersion.Group}, key.Name)
	}
	return err
}
