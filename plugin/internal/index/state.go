// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"cmp"
	"hash/maphash"
	"maps"
	"net/netip"
	"slices"
	"unique"
)

// A State is what an index held at one moment, or a part of that. It is
// immutable. Records are shared with the index, so that one costs a pointer.
type State struct {
	Serial     uint32
	Namespaces []string
	Services   []*Service // ordered by namespace and name
	Pods       []PodAddr  // ordered, each once

	seed maphash.Seed // of the index
}

// A PodAddr says that a Pod of a namespace has an address.
type PodAddr struct {
	Namespace string
	Addr      netip.Addr
}

// State returns what x holds. Changes wait meanwhile, as long as it takes to
// copy a pointer for each Service.
func (x *Index) State() *State {
	st := x.copyState()
	slices.SortFunc(st.Services, compareServices)
	slices.SortFunc(st.Pods, comparePodAddrs)
	st.Pods = slices.Compact(st.Pods)
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
		st.Pods = p.appendAddrs(st.Pods)
	}
	return st
}

// newState returns a state with the namespaces only. The caller holds mu.
func (x *Index) newState() *State {
	st := &State{Serial: x.Serial(), seed: x.seed}
	for n := range x.namespaces.all() {
		st.Namespaces = append(st.Namespaces, n.name)
	}
	return st
}

func (p *pod) appendAddrs(list []PodAddr) []PodAddr {
	namespace := p.namespace.Value()
	if p.v4 != [4]byte{} {
		list = append(list, PodAddr{namespace, netip.AddrFrom4(p.v4)})
	}
	if p.others != nil {
		for _, a := range *p.others {
			list = append(list, PodAddr{namespace, a})
		}
	}
	return list
}

func compareServices(a, b *Service) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

func comparePodAddrs(a, b PodAddr) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), a.Addr.Compare(b.Addr))
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
	x := &Index{seed: st.seed, prefixes: prefixes{seed: st.seed}}
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
		x.addPodAddrs(&pod{namespace: unique.Make(p.Namespace), v4: v4(p.Addr), others: other(p.Addr)})
	}
	x.serial.Store(uint64(st.Serial))
	return x
}

func v4(a netip.Addr) [4]byte {
	if a.Is4() {
		return a.As4()
	}
	return [4]byte{}
}

func other(a netip.Addr) *[]netip.Addr {
	if a.Is4() {
		return nil
	}
	return &[]netip.Addr{a}
}

// Changes is what changed between two serials: the parts of the two states that
// differ, and what else has to do with them.
type Changes struct {
	Before, Now *State
	// Services are the records of the Services that changed, or that are in a
	// namespace that did: those before, and those now.
	Services []*Service
	// Pods are the addresses that are not those of a Pod as they were.
	Pods []PodAddr
}

// Since returns what changed since serial. ok is false if that is not known any
// more, or never was: then only the whole state helps. The states have the
// Services that changed, and every other one with one of their addresses for
// which within is true, or with one of those in also.
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
	c = &Changes{Now: x.newState(), Before: &State{Serial: serial, seed: x.seed}}
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
	c.Pods = slices.SortedFunc(maps.Keys(u.pods), comparePodAddrs)
	for _, p := range c.Pods {
		if u.pods[p] {
			c.Before.Pods = append(c.Before.Pods, p)
		}
		if x.HasPod(p.Namespace, p.Addr) {
			c.Now.Pods = append(c.Now.Pods, p)
		}
	}
	for name, now := range x.related(u, within, also) {
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
	pods       map[PodAddr]bool
}

// undo goes back. The caller holds mu.
func (x *Index) undo(changes []change) undoing {
	u := undoing{make(map[string]bool), make(map[nameKey]*Service), make(map[PodAddr]bool)}
	for _, c := range slices.Backward(changes) {
		switch {
		case c.service != nil:
			u.services[c.service.key()] = c.service
		case c.addr.IsValid():
			u.pods[PodAddr{c.namespace, c.addr}] = c.was
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
		for _, a := range p.appendAddrs(nil) {
			addMissing(u.pods, u.namespaces, a.Namespace, a, true)
		}
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

// related returns the current records of the Services of u, nil for one that is
// not there, and of every Service that has an address of theirs, before or now,
// for which within is true, or one of also. The caller holds mu.
func (x *Index) related(u undoing, within func(netip.Addr) bool, also []netip.Addr) map[nameKey]*Service {
	out := make(map[nameKey]*Service)
	seen := make(map[netip.Addr]struct{})
	owners := func(a netip.Addr) {
		if _, again := seen[a]; again {
			return
		}
		seen[a] = struct{}{}
		for s := range x.Owners(a) {
			out[s.key()] = s
		}
	}
	for name, before := range u.services {
		now := x.Service(name.namespace, name.name)
		out[name] = now
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
	for _, a := range also {
		owners(a)
	}
	return out
}
