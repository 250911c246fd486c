// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/corefile/render"
	"github.com/clusterdns/clusterdns/operator/internal/migration"
)

// some is how many Services, and how many EndpointSlices, a comparison is made with.
const some = 500

// Names returns what old and new servers are compared by: the first Services and
// EndpointSlices of the cluster, and what the spec forwards and probes.
func (o Observer) Names(ctx context.Context, m migration.Observed) (migration.Names, error) {
	r := &reading{Observer: o, ctx: ctx, out: m.Observed}
	var services corev1.ServiceList
	r.list("Services", &services, client.Limit(some))
	var slices discoveryv1.EndpointSliceList
	r.list("EndpointSlices", &slices, client.Limit(some))
	spec := &m.ClusterDNS.Spec
	names := migration.Names{
		Domain:   render.ClusterDomain(spec, render.Facts{ClusterDomain: m.Kubelet.ClusterDomain}),
		Services: services.Items, Slices: slices.Items, Probes: m.Migration.Spec.Probes,
	}
	for _, s := range spec.StubZones {
		for _, z := range s.Zones {
			names.Zones = append(names.Zones, string(z))
		}
	}
	return names, r.err
}
