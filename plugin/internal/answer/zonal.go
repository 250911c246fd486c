// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// zonal answers for <topology zone>.pin._zone.<service> with the endpoints of a
// headless Service in that zone; for prefer, with all of them if it has none
// there. Every zone exists: whether it has endpoints may change at any time.
func (l *lookup) zonal(s *index.Service) Answer {
	l.zone = l.name.Topology
	if !l.anyPicked() {
		if !l.name.Prefer {
			return noData
		}
		l.zone = ""
	}
	return l.picked(s)
}

// candidateGroups returns the groups of s that may have an endpoint that the name asks for.
func (l *lookup) candidateGroups(s *index.Service) []*index.Group {
	if l.name.Kind != qname.Endpoint {
		return s.Groups
	}
	a, _ := qname.ParseDashed(l.name.Endpoint)
	return s.GroupsWith(l.name.Endpoint, l.o.EndpointPodNames, a)
}
