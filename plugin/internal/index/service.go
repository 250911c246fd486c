// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"iter"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// A cell is the place of one Service name. It stays the same while the Service
// or one of its EndpointSlices exists; what it holds is swapped.
type cell struct {
	record atomic.Pointer[Service]

	// Writer only.
	slices  *slice // and on through next
	number  uint32 // in Index.cells
	gen     uint32
	version uint32 // of the Service, see SetVersion
	shared  int32  // addresses that several of the slices have, counted once for each slice too many
}

// A Service is an immutable record of a Service and its endpoints.
type Service struct {
	Namespace, Name string // lower case
	Type            object.ServiceType
	Traffic         object.Traffic
	TTL             object.TTL
	// Overlap says that an address is in two groups, under different names.
	Overlap bool

	absent bool // only EndpointSlices are known

	ClusterIPs Addrs
	Ports      []object.Port
	// Groups are the endpoints. No endpoint is in two groups.
	Groups []*Group

	rare *rare // nil if all of it is zero
}

// What few Services have.
type rare struct {
	externalName string
	slices       []*Group               // nil if each of Service.Groups is an EndpointSlice
	finder       atomic.Pointer[finder] // made when it is needed, if there are many groups
}

// ExternalName returns the target of a Service of that type: fully qualified,
// as the user wrote it; empty if it is not usable.
func (s *Service) ExternalName() string {
	if s.rare == nil {
		return ""
	}
	return s.rare.externalName
}

// Slices returns the endpoints as the EndpointSlices have them: an endpoint may
// be in several.
func (s *Service) Slices() []*Group {
	if s.rare != nil && s.rare.slices != nil {
		return s.rare.slices
	}
	return s.Groups
}

type nameKey struct{ namespace, name string }

func (c *cell) is(k nameKey) bool {
	s := c.record.Load()
	return s != nil && equalFold(s.Name, k.name) && equalFold(s.Namespace, k.namespace)
}

// service returns the current record of the Service, or nil if there is none
// (any more, or yet).
func (c *cell) service() *Service {
	if c == nil {
		return nil
	}
	if s := c.record.Load(); s != nil && !s.absent {
		return s
	}
	return nil
}

// Service returns the Service of that namespace and name, which may be in any
// letter case, or nil.
func (x *Index) Service(namespace, name string) *Service {
	return x.cell(namespace, name).service()
}

// Services yields every Service. Changes made meanwhile may or may not be seen.
func (x *Index) Services() iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		slots := x.services.slots.Load()
		if slots == nil {
			return
		}
		for i := range *slots {
			if s := (*slots)[i].Load().service(); s != nil && !yield(s) {
				return
			}
		}
	}
}

func (x *Index) cell(namespace, name string) *cell {
	return find(&x.services, x.hashNames(namespace, name), nameKey{namespace, name}, (*cell).is)
}

// ensure returns the cell of that name, made if need be.
func (x *Index) ensure(namespace, name string) *cell {
	c := x.cell(namespace, name)
	if c == nil {
		c = &cell{}
		c.record.Store(&Service{Namespace: namespace, Name: name, absent: true})
		c.number = x.cells.give(c)
		x.services.insert(x.hashNames(namespace, name), c, x.hashCell)
	}
	return c
}

func (x *Index) hashCell(c *cell) uint64 {
	s := c.record.Load()
	return x.hashNames(s.Namespace, s.Name)
}

// drop removes c if nothing is left of it.
func (x *Index) drop(c *cell) {
	if c.slices == nil && c.record.Load().absent {
		x.services.remove(x.hashCell(c), c)
		x.cells.takeBack(c.number)
	}
}

// SetService adds or replaces s, seen in generation gen. The index owns s from now on.
func (x *Index) SetService(s object.Service, gen uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	c := x.ensure(s.Namespace, s.Name)
	c.gen = gen
	record := x.record(s)
	switch old := c.record.Load(); {
	case old.absent:
		x.objects[object.Services].Add(1)
	case old.sameService(record):
		return
	}
	x.setService(c, record)
}

// record returns s without endpoints.
func (x *Index) record(s object.Service) *Service {
	r := &Service{
		Namespace: s.Namespace, Name: s.Name, Type: s.Type, Traffic: s.Traffic, TTL: s.TTL,
		ClusterIPs: pack(s.ClusterIPs), Ports: x.recent.share(s.Ports),
	}
	if s.ExternalName != "" {
		r.rare = &rare{externalName: s.ExternalName}
	}
	return r
}

// DeleteService removes the Service; its EndpointSlices stay.
func (x *Index) DeleteService(namespace, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	c := x.cell(namespace, name)
	if s := c.service(); s != nil && s.Namespace == namespace && s.Name == name {
		x.deleteService(c)
	}
}

func (x *Index) deleteService(c *cell) {
	x.objects[object.Services].Add(-1)
	s := c.record.Load()
	x.setService(c, &Service{Namespace: s.Namespace, Name: s.Name, absent: true})
}

func (x *Index) sweepServices(gen uint32) {
	for c := range x.services.all() {
		if c.service() != nil && c.gen != gen {
			x.deleteService(c)
		}
	}
}

// setService replaces what is known of the Service itself. An address is found
// as long as a record has it.
func (x *Index) setService(c *cell, record *Service) {
	before := c.record.Load().ClusterIPs
	for a := range record.ClusterIPs.All() {
		x.own(c, a)
	}
	x.publish(c, record, object.Services)
	for a := range before.All() {
		x.disown(c, a)
	}
	x.drop(c)
}

// publish completes record with what is known of the endpoints and makes it the
// one of c after an object of kind changed did, if it says anything else.
// Endpoints without a Service are no visible change.
func (x *Index) publish(c *cell, record *Service, changed object.Kind) {
	if !record.absent {
		record.setGroups(groups(c.slices), c.shared > 0)
	}
	old := c.record.Load()
	same := old.sameService(record) && equalGroups(old.Groups, record.Groups)
	if same && equalGroups(old.Slices(), record.Slices()) {
		return
	}
	c.record.Store(record)
	if !same {
		x.changed(changed)
		x.remember(changed, change{service: old}, record)
	}
}

// withoutEndpoints returns a copy of s that has none yet.
func (s *Service) withoutEndpoints() *Service {
	record := *s
	record.Groups, record.Overlap = nil, false
	if record.rare != nil {
		record.rare = nil
		if name := s.rare.externalName; name != "" {
			record.rare = &rare{externalName: name}
		}
	}
	return &record
}

// setGroups gives s, which is not published yet, its endpoints. shared tells
// that an address is in several slices.
func (s *Service) setGroups(all []*Group, shared bool) {
	s.Groups = all
	if s.rare == nil && (shared || len(all) >= manyGroups) {
		s.rare = new(rare)
	}
	if shared {
		s.rare.slices = all
		s.Groups, s.Overlap = regroup(all)
	}
}

func equalGroups(a, b []*Group) bool { return slices.EqualFunc(a, b, (*Group).equal) }

// sameService reports whether s and t are the same, endpoints apart.
func (s *Service) sameService(t *Service) bool {
	return s.absent == t.absent && s.Type == t.Type && s.Traffic == t.Traffic && s.TTL == t.TTL && s.ExternalName() == t.ExternalName() &&
		s.ClusterIPs == t.ClusterIPs && slices.Equal(s.Ports, t.Ports)
}

// clusterIP reports whether the Service has the cluster IP a.
func (c *cell) clusterIP(a netip.Addr) bool { return c.record.Load().ClusterIPs.Contains(a) }
