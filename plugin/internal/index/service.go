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
	namespace, name string
	record          atomic.Pointer[Service] // nil as long as only EndpointSlices are known

	// Writer only.
	object *object.Service // nil if only EndpointSlices are known
	slices []*slice
	gen    uint32
	shared int // addresses that several of the slices have, counted once for each slice too many
}

// A Service is an immutable record of a Service and its endpoints.
type Service struct {
	object.Service
	// Groups are the endpoints. No endpoint is in two groups.
	Groups []*Group
	// Overlap says that an address is in two groups, under different names.
	Overlap bool

	slices []*Group // nil if each of Groups is an EndpointSlice
}

// Slices returns the endpoints as the EndpointSlices have them: an endpoint may
// be in several.
func (s *Service) Slices() []*Group {
	if s.slices != nil {
		return s.slices
	}
	return s.Groups
}

type nameKey struct{ namespace, name string }

func (c *cell) is(k nameKey) bool {
	return c.name != "" && equalFold(c.name, k.name) && equalFold(c.namespace, k.namespace)
}

// Service returns the Service of that namespace and name, which may be in any
// letter case, or nil.
func (x *Index) Service(namespace, name string) *Service {
	c := x.cell(namespace, name)
	if c == nil {
		return nil
	}
	return c.record.Load()
}

// Services yields every Service. Changes made meanwhile may or may not be seen.
func (x *Index) Services() iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		slots := x.services.slots.Load()
		if slots == nil {
			return
		}
		for i := range *slots {
			if c := (*slots)[i].Load(); c != nil {
				if s := c.record.Load(); s != nil && !yield(s) {
					return
				}
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
		c = &cell{namespace: namespace, name: name}
		x.services.insert(x.hashNames(namespace, name), c, func(c *cell) uint64 { return x.hashNames(c.namespace, c.name) })
	}
	return c
}

// SetService adds or replaces s, seen in generation gen. The index owns s from now on.
func (x *Index) SetService(s object.Service, gen uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	c := x.ensure(s.Namespace, s.Name)
	c.gen = gen
	if c.object == nil {
		x.objects[object.Services].Add(1)
	} else if equalService(*c.object, s) {
		return
	}
	x.setObject(c, &s)
}

// DeleteService removes the Service; its EndpointSlices stay.
func (x *Index) DeleteService(namespace, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if c := x.cell(namespace, name); c != nil && c.object != nil && c.namespace == namespace && c.name == name {
		x.deleteService(c)
	}
}

func (x *Index) deleteService(c *cell) {
	x.objects[object.Services].Add(-1)
	x.setObject(c, nil)
}

func (x *Index) sweepServices(gen uint32) {
	for c := range x.services.all() {
		if c.object != nil && c.gen != gen {
			x.deleteService(c)
		}
	}
}

// setObject replaces what is known of the Service itself.
func (x *Index) setObject(c *cell, s *object.Service) {
	var before, after []netip.Addr
	if c.object != nil {
		before = c.object.ClusterIPs
	}
	if s != nil {
		after = s.ClusterIPs
	}
	c.object = s
	x.own(c, after)
	x.publish(c, object.Services)
	x.disown(c, before)
}

// publish makes a new record of what the writer knows of c after an object of
// kind changed did, if it says anything else, and drops the cell when nothing is left. Endpoints without a Service are
// no visible change.
func (x *Index) publish(c *cell, changed object.Kind) {
	old := c.record.Load()
	if c.object == nil {
		if old != nil {
			c.record.Store(nil)
			x.changed(changed)
		}
		if len(c.slices) == 0 {
			x.services.remove(x.hashNames(c.namespace, c.name), c)
		}
		return
	}
	record := &Service{Service: *c.object}
	record.Groups = groups(c.slices)
	if c.shared > 0 {
		record.slices = record.Groups
		record.Groups, record.Overlap = regroup(record.slices)
	}
	same := old != nil && equalService(old.Service, record.Service) && equalGroups(old.Groups, record.Groups)
	if same && equalGroups(old.slices, record.slices) {
		return
	}
	c.record.Store(record)
	if !same {
		x.changed(changed)
	}
}

func equalGroups(a, b []*Group) bool { return slices.EqualFunc(a, b, (*Group).equal) }

func equalService(a, b object.Service) bool {
	return a.Type == b.Type && a.ExternalName == b.ExternalName &&
		slices.Equal(a.ClusterIPs, b.ClusterIPs) && slices.Equal(a.Ports, b.Ports)
}
