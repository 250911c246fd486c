// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"
)

// manyGroups is from how many groups on it is not good enough to search each of
// them for one endpoint: a Service of 5,000 endpoints has 50.
const manyGroups = 8

// A finder leads from what an endpoint is called, or its address, to the groups
// that have such an endpoint.
type finder struct{ byHostname, byPod, byAddr leads }

// Leads are in the order of their key. A group is there once for each key.
type leads struct {
	keys   []string
	groups []*Group
}

// GroupsWith returns those of s.Groups that may have an endpoint with that
// hostname, in any letter case, or with that address, unless it is the zero
// Addr; or, if pods is set, with that name of its Pod.
func (s *Service) GroupsWith(name string, pods bool, a netip.Addr) []*Group {
	if len(s.Groups) < manyGroups {
		return s.Groups
	}
	f := s.finder()
	found := f.byHostname.find(func(stored string) int { return compareFold(stored, name) })
	for _, more := range [][]*Group{f.pods(name, pods), f.addr(a)} {
		switch {
		case len(more) == 0:
		case len(found) == 0:
			found = more
		default:
			return s.Groups // two ways to say it: hardly ever
		}
	}
	return found
}

func (f *finder) pods(name string, wanted bool) []*Group {
	if !wanted {
		return nil
	}
	return f.byPod.find(func(stored string) int { return compareFold(stored, name) })
}

func (f *finder) addr(a netip.Addr) []*Group {
	if !a.IsValid() {
		return nil
	}
	var octets [16]byte
	key := string(appendAddr(octets[:0], a))
	return f.byAddr.find(func(stored string) int { return cmp.Compare(stored, key) })
}

// finder returns the finder of s. It is made when it is first needed, by one or
// several readers: it follows from s, which never changes.
func (s *Service) finder() *finder {
	if f := s.rare.finder.Load(); f != nil {
		return f
	}
	f := newFinder(s.Groups)
	s.rare.finder.Store(f)
	return f
}

func newFinder(groups []*Group) *finder {
	type lead struct {
		key   string
		group int
	}
	sorted := func(key func(g *Group, i int) string) leads {
		var all []lead
		for n, g := range groups {
			for i := range g.Len() {
				if k := key(g, i); k != "" {
					all = append(all, lead{k, n})
				}
			}
		}
		slices.SortFunc(all, func(a, b lead) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.group, b.group)) })
		all = slices.Compact(all)
		l := leads{make([]string, len(all)), make([]*Group, len(all))}
		for i, one := range all {
			l.keys[i], l.groups[i] = one.key, groups[one.group]
		}
		return l
	}
	return &finder{sorted((*Group).Hostname), sorted((*Group).Pod), sorted((*Group).at)}
}

// find returns the groups of the key that compare says is the one.
func (l leads) find(compare func(stored string) int) []*Group {
	first, found := sort.Find(len(l.keys), func(i int) int { return -compare(l.keys[i]) })
	if !found {
		return nil
	}
	last := first + 1
	for last < len(l.keys) && l.keys[last] == l.keys[first] {
		last++
	}
	return l.groups[first:last]
}
