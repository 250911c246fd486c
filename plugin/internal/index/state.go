// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"cmp"
	"hash/maphash"
	"net/netip"
	"slices"
	"sync/atomic"
)

// A State is what an index held at one moment, or a part of that. It is
// immutable. Records are shared with the index, so that one costs a pointer.
type State struct {
	Serial     uint32
	Reverse    uint32 // the serial of reverse zones
	Namespaces []string
	Services   []*Service // ordered by namespace and name
	Pods       []*Pod     // in no order

	// Imports is what the cluster imports. It has no namespaces and no Pods, and is
	// nil in a part.
	Imports *State

	seeds [2]maphash.Seed // of the index and of its prefixes
}

// A Pod is what the index holds of one. It is immutable.
type Pod pod

// Namespace returns the namespace of p.
func (p *Pod) Namespace() string { return p.namespace.Value() }

// Record returns the name of p if that is a record, or "".
func (p *Pod) Record() string {
	if !(*pod)(p).record() {
		return ""
	}
	return p.extra.name
}

// Addrs returns the addresses of p.
func (p *Pod) Addrs() []netip.Addr { return (*pod)(p).appendAddrs(nil) }

// State returns what x holds. Changes wait meanwhile, as long as it takes to
// copy a pointer for each Service.
func (x *Index) State() *State {
	st := x.copyState()
	slices.SortFunc(st.Services, compareServices)
	if x.imports != nil {
		st.Reverse = x.ReverseSerial() // which may be less than what it is of: then a secondary asks again
		st.Imports = x.imports.State()
	}
	return st
}

func (x *Index) copyState() *State {
	x.mu.Lock()
	defer x.mu.Unlock()
	st := x.newState()
	st.Services = make([]*Service, 0, x.services.live)
	for c := range x.services.all() {
		if s := c.service(); s != nil {
			st.Services = append(st.Services, s)
		}
	}
	for p := range x.pods.byName.all() {
		st.Pods = append(st.Pods, (*Pod)(p))
	}
	return st
}

// newState returns a state with the namespaces only. The caller holds mu.
func (x *Index) newState() *State {
	st := &State{Serial: x.Serial(), seeds: x.seeds()}
	for n := range x.namespaces.all() {
		st.Namespaces = append(st.Namespaces, n.name)
	}
	return st
}

func (x *Index) seeds() [2]maphash.Seed { return [2]maphash.Seed{x.seed, x.prefixes.seed} }

func compareServices(a, b *Service) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// Addrs yields every address that s has, as a cluster IP or as an endpoint's.
// It may yield one more than once.
func (s *Service) Addrs(yield func(netip.Addr) bool) {
	for a := range s.ClusterIPs.All() {
		if !yield(a) {
			return
		}
	}
	for _, g := range s.Groups {
		for i := range g.Len() {
			if !g.Same(i) && !yield(g.Addr(i)) {
				return
			}
		}
	}
}

// Index returns an index that holds st, and that nobody is to change. Only the
// addresses for which within is true are found in it.
func (st *State) Index(within func(netip.Addr) bool) *Index {
	x := &Index{seed: st.seeds[0], prefixes: prefixes{seed: st.seeds[1]}, reverse: new(atomic.Uint64)}
	if st.Imports != nil {
		x.imports = st.Imports.Index(within)
		x.imports.local = x
	}
	for _, name := range st.Namespaces {
		x.SetNamespace(name, 0)
	}
	for _, s := range st.Services {
		c := &cell{}
		c.record.Store(s)
		c.number = x.cells.give(c)
		x.services.insert(x.hashCell(c), c, x.hashCell)
		for a := range s.Addrs {
			if within(a) {
				x.own(c, a)
			}
		}
	}
	for _, p := range st.Pods {
		x.addPodAddrs((*pod)(p), nil)
		x.pods.byName.insert(p.hash, (*pod)(p), func(p *pod) uint64 { return p.hash })
	}
	x.serial.Store(uint64(st.Serial))
	return x
}

// Changes is what changed between two serials: the parts of the two states that
// differ, and what else has to do with them.
type Changes struct {
	Before, Now *State
	// Services are the records of the Services that changed, or that are in a
	// namespace that did: those before, and those now.
	Services []*Service
	// Pods are the same of Pods.
	Pods []*Pod
}

// Since returns what changed since serial. ok is false if that is not known any
// more, or never was: then only the whole state helps. The states have the
// Services and the Pods that changed, and every other one with one of their
// addresses for which within is true, or with one of those in also.
func (x *Index) Since(serial uint32, within func(netip.Addr) bool, also []netip.Addr) (c *Changes, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := x.serial.Load()
	past := uint32(now) - serial
	if int32(past) < 0 || uint64(past) > now {
		return nil, false
	}
	changes, ok := x.history.after(now - uint64(past))
	if !ok {
		return nil, false
	}
	u := x.undo(changes)
	c = &Changes{Now: x.newState(), Before: &State{Serial: serial, seeds: x.seeds()}}
	for _, name := range c.Now.Namespaces {
		if was, changed := u.namespaces[name]; !changed || was {
			c.Before.Namespaces = append(c.Before.Namespaces, name)
		}
	}
	for name, was := range u.namespaces {
		if _, there := x.Namespace(name); was && !there {
			c.Before.Namespaces = append(c.Before.Namespaces, name)
		}
	}
	services, pods := x.related(u, within, also)
	for name, now := range services {
		before, changed := u.services[name]
		if !changed {
			before = now
		}
		add := func(st *State, s *Service) {
			if s == nil || s.absent {
				return
			}
			st.Services = append(st.Services, s)
			if changed {
				c.Services = append(c.Services, s)
			}
		}
		add(c.Before, before)
		add(c.Now, now)
	}
	for id, now := range pods {
		before, changed := u.pods[id]
		if !changed {
			before = now
		}
		add := func(st *State, p *pod) {
			if p == nil {
				return
			}
			st.Pods = append(st.Pods, (*Pod)(p))
			if changed {
				c.Pods = append(c.Pods, (*Pod)(p))
			}
		}
		add(c.Before, before)
		add(c.Now, now)
	}
	slices.SortFunc(c.Now.Services, compareServices)
	slices.SortFunc(c.Before.Services, compareServices)
	slices.SortStableFunc(c.Services, compareServices)
	return c, true
}

// An undoing is what was there before some changes: of what they changed, and
// of what was in a namespace that they changed.
type undoing struct {
	namespaces map[string]bool
	services   map[nameKey]*Service
	pods       map[podID]*pod // nil for one that was not there
}

// undo goes back. The caller holds mu.
func (x *Index) undo(changes []change) undoing {
	u := undoing{make(map[string]bool), make(map[nameKey]*Service), make(map[podID]*pod)}
	for _, c := range slices.Backward(changes) {
		switch {
		case c.service != nil:
			u.services[c.service.key()] = c.service
		case c.id != podID{}:
			u.pods[c.id] = c.pod
		default:
			u.namespaces[c.namespace] = c.was
		}
	}
	if len(u.namespaces) == 0 {
		return u
	}
	for cell := range x.services.all() {
		if s := cell.service(); s != nil {
			addMissing(u.services, u.namespaces, s.Namespace, s.key(), s)
		}
	}
	for p := range x.pods.byName.all() {
		addMissing(u.pods, u.namespaces, p.namespace.Value(), p.id(), p)
	}
	return u
}

// addMissing adds what is in one of the namespaces and did not change itself.
func addMissing[K comparable, V any](to map[K]V, namespaces map[string]bool, namespace string, key K, value V) {
	if _, changed := namespaces[namespace]; !changed {
		return
	}
	if _, there := to[key]; !there {
		to[key] = value
	}
}

func (s *Service) key() nameKey { return nameKey{s.Namespace, s.Name} }

// related returns the current records of the Services and the Pods of u, nil for
// one that is not there, and of every one that has an address of theirs, before or
// now, for which within is true, or one of also. The caller holds mu.
func (x *Index) related(u undoing, within func(netip.Addr) bool, also []netip.Addr) (services map[nameKey]*Service, pods map[podID]*pod) {
	services, pods = make(map[nameKey]*Service), make(map[podID]*pod)
	seen := make(map[netip.Addr]struct{})
	owners := func(a netip.Addr) {
		if _, again := seen[a]; again {
			return
		}
		seen[a] = struct{}{}
		for s := range x.Owners(a) {
			services[s.key()] = s
		}
		x.podsWith(a, func(p *pod) bool { pods[p.id()] = p; return true })
	}
	for name, before := range u.services {
		now := x.Service(name.namespace, name.name)
		services[name] = now
		for _, s := range []*Service{before, now} {
			if s == nil {
				continue
			}
			for a := range s.Addrs {
				if within(a) {
					owners(a)
				}
			}
		}
	}
	for id, before := range u.pods {
		now := x.pod(id)
		pods[id] = now
		for _, a := range now.appendAddrs(before.appendAddrs(nil)) {
			owners(a) // other Pods may be called by it outside of the reverse tree too
		}
	}
	for _, a := range also {
		owners(a)
	}
	return services, pods
}
