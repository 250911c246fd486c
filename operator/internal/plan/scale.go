// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// The size that servers are for if the spec does not say.
const (
	coresPerReplica = 256
	nodesPerReplica = 16
	minReplicas     = 2
)

// replicas returns how many servers there are to be. Losing one never is losing all.
func (p *planner) replicas() int32 {
	s := p.ClusterDNS.Spec.Scaling
	if s != nil && s.Replicas != nil {
		return *s.Replicas
	}
	var follow v1alpha1.Proportional
	if s != nil && s.Proportional != nil {
		follow = *s.Proportional
	}
	n := max(share(p.Size.Cores, value(follow.CoresPerReplica, coresPerReplica)), share(p.Size.Nodes, value(follow.NodesPerReplica, nodesPerReplica)))
	n = max(n, value(follow.Min, minReplicas))
	if follow.Max != nil {
		n = min(n, *follow.Max)
	}
	return n
}

// share returns n/per, rounded up.
func share(n int, per int32) int32 { return int32((n + int(per) - 1) / int(per)) } //nolint:gosec // at most n

func value(p *int32, otherwise int32) int32 {
	if p == nil {
		return otherwise
	}
	return *p
}

const (
	mebi = 1 << 20
	// base is what a server takes without objects, while a full cache is with it.
	base = 96 * mebi
	// What one object takes, with what is garbage while all are read again: about
	// twice what docs/benchmarks.md has.
	perService, perSlice, perPod = 1024, 2048, 1100
)

// memory returns the limit of a server. It only follows the size of the cluster
// when it has to: each change of it is a new revision.
func (p *planner) memory() resource.Quantity {
	need := int64(base + p.Size.Services*perService + p.Size.EndpointSlices*perSlice)
	if c := p.ClusterDNS.Spec.Cluster; c != nil && c.Pods == v1alpha1.PodsVerified {
		need += int64(p.Size.Pods * perPod)
	}
	if now, ok := p.limit(); ok && now >= need && now <= 4*need {
		return *resource.NewQuantity(now, resource.BinarySI)
	}
	limit := int64(192 * mebi)
	for limit < need*3/2 {
		limit *= 2
	}
	return *resource.NewQuantity(limit, resource.BinarySI)
}

// limit returns that of the servers that there are.
func (p *planner) limit() (int64, bool) {
	spec := p.live.template
	if spec == nil || len(spec.Containers) == 0 {
		return 0, false
	}
	m := spec.Containers[0].Resources.Limits.Memory()
	return m.Value(), !m.IsZero()
}
