// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"strings"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// ClusterSetVersion is the version of the DNS specification of clustersets
// (KEP-1645) that is answered.
const ClusterSetVersion = "1.0.0"

// clusterSet has the name mean what it does in a zone of the clusterset. Its
// Services are those that the cluster imports; all else is the cluster's own.
func (l *lookup) clusterSet() {
	l.name = qname.ParseClusterSet(l.q.Name, l.q.Zone)
	switch l.name.Kind {
	case qname.Service, qname.Protocol, qname.Port, qname.Endpoint, qname.Cluster:
		l.imports()
	}
}

// imports turns the lookup to what the cluster imports. ok is false if
// that is nothing, and if it is not known and most likely does not matter: if
// the API server refuses to tell, names in reverse zones do without.
func (l *lookup) imports() (ok bool) {
	if !l.q.ClusterSet && (l.o.ClusterSetZone == "" || l.q.Refused&object.Imports != 0) {
		return false
	}
	l.x, l.kinds, l.synced, l.imported = l.x.Imports(), l.o.Kinds.Imported(), l.synced.Imported(), true
	return true
}

// ptrZone returns the zone that names in PTR records are in.
func (l *lookup) ptrZone() string {
	if l.imported {
		return l.o.ClusterSetZone
	}
	return l.o.PrimaryZone
}

// namesEndpoints reports whether addresses of the endpoints of s stand for
// their names: of imported Services those of headless ones do.
func (l *lookup) namesEndpoints(s *index.Service) bool {
	if l.imported {
		return s.Type == object.Headless
	}
	return s.Type != object.ExternalName
}

// serial returns the serial of the zone. ok is false if it is not known yet.
func (l *lookup) serial() (serial uint32, ok bool) {
	z := Zone{Origin: strings.ToLower(l.q.Zone), ClusterSet: l.q.ClusterSet, Options: l.o}
	kinds := l.kinds.Needed()
	switch {
	case z.ClusterSet:
		kinds = l.o.Kinds.Needed() &^ object.Set(object.Services, object.EndpointSlices)
	case z.Joint():
		kinds = l.o.Kinds.Needed() &^ l.q.Refused
	}
	return z.Serial(l.x), l.needsAll(kinds)
}
