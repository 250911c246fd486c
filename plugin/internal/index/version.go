// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"iter"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// ID returns what stands for the name of an object of kind k in [Index.Versions]:
// a hash of 64 bits. Names of two kinds may have the same.
func (x *Index) ID(k object.Kind, ns, name string) uint64 {
	switch k {
	case object.Namespaces:
		return x.hashNames(name, "")
	case object.Services:
		return x.hashNames(ns, name)
	case object.EndpointSlices:
		return x.hashSliceKey(sliceKey{ns, name})
	case object.Pods:
		return x.podID(ns, name).hash
	case object.Nodes:
		return x.hashNode(name)
	}
	return 0
}

// SetVersion notes under which version an object was brought here, so that an
// audit can tell whether a change of it was lost: 32 bits of its
// resourceVersion, which have room beside what an object needs anyway. It
// reports whether the index has the object.
func (x *Index) SetVersion(k object.Kind, ns, name string, version uint32) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch k {
	case object.Namespaces:
		if n := find(&x.namespaces, x.hashNames(name, ""), name, (*namespace).is); n != nil {
			n.version = version
			return true
		}
	case object.Services:
		if c := x.cell(ns, name); c.service() != nil {
			c.version = version
			return true
		}
	case object.EndpointSlices:
		if s := x.slice(sliceKey{ns, name}); s != nil {
			s.version = version
			return true
		}
	case object.Pods:
		if p := x.pod(x.podID(ns, name)); p != nil {
			p.version = version
			return true
		}
	case object.Nodes:
		if n := x.node(name); n != nil {
			n.version = version
			return true
		}
	}
	return false
}

// Versions yields the ID and the version of every object of kind k, in no
// order. Writers wait until it is through.
func (x *Index) Versions(k object.Kind) iter.Seq2[uint64, uint32] {
	return func(yield func(uint64, uint32) bool) {
		x.mu.Lock()
		defer x.mu.Unlock()
		switch k {
		case object.Namespaces:
			for n := range x.namespaces.all() {
				if !yield(x.hashNames(n.name, ""), n.version) {
					return
				}
			}
		case object.Services:
			for c := range x.services.all() {
				if c.service() != nil && !yield(x.hashCell(c), c.version) {
					return
				}
			}
		case object.EndpointSlices:
			for s := range x.slices.all() {
				if !yield(x.hashSlice(s), s.version) {
					return
				}
			}
		case object.Pods:
			for p := range x.pods.byName.all() {
				if !yield(p.hash, p.version) {
					return
				}
			}
		case object.Nodes:
			for n := range x.nodes.byName.all() {
				if !yield(x.hashNode(n.Name), n.version) {
					return
				}
			}
		}
	}
}

// Slice returns the name of the Service that an EndpointSlice belongs to, and
// its endpoints. They are nil if there is no such EndpointSlice.
func (x *Index) Slice(ns, name string) (service string, endpoints *Group) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.slice(sliceKey{ns, name})
	if s == nil {
		return "", nil
	}
	return s.owner.record.Load().Name, s.group
}

// SlicesOf yields the name and the endpoints of every EndpointSlice of a
// Service, in no order. Writers wait until it is through.
func (x *Index) SlicesOf(ns, service string) iter.Seq2[string, *Group] {
	return func(yield func(string, *Group) bool) {
		x.mu.Lock()
		defer x.mu.Unlock()
		c := x.cell(ns, service)
		if c == nil {
			return
		}
		for s := c.slices; s != nil; s = s.next {
			if !yield(s.key().name, s.group) {
				return
			}
		}
	}
}
