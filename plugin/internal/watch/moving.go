// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

const (
	// moveTime is how long an endpoint that left an EndpointSlice is answered on.
	moveTime = 300 * time.Millisecond
	// moveGrain is how much earlier it may end, so that endpoints that left one
	// after the other are few changes of the index.
	moveGrain = 30 * time.Millisecond
	// maxMoving bounds how many endpoints are kept at once. Others go at once.
	maxMoving = 10_000
)

// A moving brings EndpointSlices into the index so that an endpoint that moves
// from one to another of the same Service is never missing in between: the
// controller changes them one by one, in any order.
//
// An endpoint that is not in its EndpointSlice any more stays for moveTime,
// unless it cannot have moved (there is no other EndpointSlice of its family),
// is in another one, or was seen terminating. What is still in its EndpointSlice,
// but not ready, is gone at once.
//
// Its methods are called by one goroutine; those of nil do nothing.
type moving struct {
	x       *index.Index
	leaving map[sliceName]*leaving
	staying int // endpoints
	// ending are the endpoints that were seen terminating, by EndpointSlice.
	ending map[serviceName]map[string][]netip.Addr
	next   time.Time // see due
}

type (
	sliceName   struct{ namespace, name string }
	serviceName struct{ namespace, name string }
)

// A leaving is an EndpointSlice that has lost endpoints that stay for a while.
type leaving struct {
	slice   object.EndpointSlice // without them
	gen     uint32
	deleted bool
	staying []staying
}

// A staying is an endpoint that left.
type staying struct {
	object.Endpoint
	until time.Time
}

func newMoving(x *index.Index) *moving {
	return &moving{x: x, leaving: make(map[sliceName]*leaving), ending: make(map[serviceName]map[string][]netip.Addr)}
}

// set brings slice, which was made of o, into the index.
func (m *moving) set(now time.Time, slice object.EndpointSlice, o *discoveryv1.EndpointSlice, gen uint32) {
	owner, before := m.x.Slice(slice.Namespace, slice.Name)
	var stay []staying
	if owner == slice.Service {
		stay = m.stay(now, slice, before, o)
	} else {
		m.setEnding(serviceName{slice.Namespace, owner}, slice.Name, nil)
	}
	m.setEnding(serviceName{slice.Namespace, slice.Service}, slice.Name, addrsOf(o, terminating))
	m.apply(&leaving{slice: slice, gen: gen, staying: stay})
	m.arrived(slice, o)
}

// remove takes an EndpointSlice out of the index.
func (m *moving) remove(now time.Time, namespace, name string, gen uint32) {
	owner, before := m.x.Slice(namespace, name)
	if before == nil {
		return
	}
	gone := object.EndpointSlice{Namespace: namespace, Name: name, Service: owner, Ports: before.Ports}
	stay := m.stay(now, gone, before, nil)
	m.setEnding(serviceName{namespace, owner}, name, nil)
	m.apply(&leaving{slice: gone, deleted: true, gen: gen, staying: stay})
	if len(m.others(gone)) == 0 { // it was the last
		m.end(func(l *leaving) bool { return l.slice.Namespace == namespace && l.slice.Service == owner })
	}
}

// drop takes an EndpointSlice that cannot be answered out of the index, at once.
func (m *moving) drop(namespace, name string) {
	owner, _ := m.x.Slice(namespace, name)
	m.setEnding(serviceName{namespace, owner}, name, nil)
	m.apply(&leaving{slice: object.EndpointSlice{Namespace: namespace, Name: name}, deleted: true})
}

// stay returns which of the endpoints that the index has in slice, those of
// before, are to stay though slice does not have them any more. o is what slice
// was made of, or nil if it is deleted.
func (m *moving) stay(now time.Time, slice object.EndpointSlice, before *index.Group, o *discoveryv1.EndpointSlice) []staying {
	left := without(before, slice.Endpoints)
	if len(left) > 0 && o != nil { // those that are there, but not ready, do not move
		here := addrsOf(o, listed)
		left = slices.DeleteFunc(left, func(e object.Endpoint) bool { return contains(here, e.Addr) })
	}
	if len(left) == 0 {
		return nil
	}
	old, others := m.leaving[sliceName{slice.Namespace, slice.Name}], m.others(slice)
	var stay []staying
	for _, e := range left {
		if until, ok := old.until(e.Addr); ok {
			stay = append(stay, staying{e, until})
		} else if m.staying+len(stay) < maxMoving && mayMove(e.Addr, others) && !m.wasEnding(slice, e.Addr) {
			stay = append(stay, staying{e, now.Add(moveTime)})
		}
	}
	return stay
}

// mayMove reports whether a is to be waited for in others: they have endpoints
// of its family, or none yet, and it is not there already.
func mayMove(a netip.Addr, others []*index.Group) bool {
	may := false
	for _, g := range others {
		if first, last := g.FindAddr(a); first < last {
			return false
		}
		may = may || g.Len() == 0 || g.Is4() == a.Is4()
	}
	return may
}

// without returns the endpoints of g that have not the address of one of
// endpoints, which are sorted.
func without(g *index.Group, endpoints []object.Endpoint) []object.Endpoint {
	var left []object.Endpoint
	for i := range g.Len() {
		a := g.Addr(i)
		_, found := slices.BinarySearchFunc(endpoints, a, func(e object.Endpoint, a netip.Addr) int { return e.Addr.Compare(a) })
		if !found {
			left = append(left, g.Endpoint(i))
		}
	}
	return left
}

// until returns when an endpoint that stays is to go.
func (l *leaving) until(a netip.Addr) (until time.Time, ok bool) {
	if l == nil {
		return time.Time{}, false
	}
	i := slices.IndexFunc(l.staying, func(s staying) bool { return s.Addr == a })
	if i < 0 {
		return time.Time{}, false
	}
	return l.staying[i].until, true
}

// others returns the endpoints of the other EndpointSlices of the Service, but
// for those that are deleted.
func (m *moving) others(slice object.EndpointSlice) []*index.Group {
	var others []*index.Group
	for name, g := range m.x.SlicesOf(slice.Namespace, slice.Service) {
		if l := m.leaving[sliceName{slice.Namespace, name}]; name != slice.Name && (l == nil || !l.deleted) {
			others = append(others, g)
		}
	}
	return others
}

// arrived ends the wait for the endpoints that are in slice now, ready or not.
func (m *moving) arrived(slice object.EndpointSlice, o *discoveryv1.EndpointSlice) {
	if m.staying == 0 {
		return
	}
	var here []netip.Addr
	for key, l := range m.leaving {
		if key.namespace != slice.Namespace || l.slice.Service != slice.Service || key.name == slice.Name {
			continue
		}
		if here == nil {
			here = addrsOf(o, listed)
		}
		m.keep(l, func(s staying) bool { return !contains(here, s.Addr) })
	}
}

// expire ends the stay of those endpoints that did not turn up.
func (m *moving) expire(now time.Time) {
	if m == nil || m.next.IsZero() {
		return
	}
	m.next = time.Time{}
	for _, l := range m.leaving {
		m.keep(l, func(s staying) bool { return s.until.After(now.Add(moveGrain)) })
		m.wait(m.leaving[sliceName{l.slice.Namespace, l.slice.Name}])
	}
}

// due returns when to call expire; zero if there is no need to.
func (m *moving) due() time.Time {
	if m == nil {
		return time.Time{}
	}
	return m.next
}

// flush ends the stay of all endpoints.
func (m *moving) flush() {
	if m != nil {
		m.end(func(*leaving) bool { return true })
	}
}

// relist is called before everything is read: what was seen terminating will be
// again, or is gone.
func (m *moving) relist() {
	if m != nil {
		clear(m.ending)
	}
}

// end ends the stay of the endpoints of those EndpointSlices that which is true for.
func (m *moving) end(which func(*leaving) bool) {
	for _, l := range m.leaving {
		if which(l) {
			m.keep(l, func(staying) bool { return false })
		}
	}
	if len(m.leaving) == 0 {
		m.next = time.Time{}
	}
}

// keep lets only those endpoints of l stay that which is true for.
func (m *moving) keep(l *leaving, which func(staying) bool) {
	kept := *l
	kept.staying = slices.DeleteFunc(slices.Clone(l.staying), func(s staying) bool { return !which(s) })
	if len(kept.staying) < len(l.staying) {
		m.apply(&kept)
	}
}

// apply brings l into the index in place of what was there.
func (m *moving) apply(l *leaving) {
	key := sliceName{l.slice.Namespace, l.slice.Name}
	if old := m.leaving[key]; old != nil {
		m.staying -= len(old.staying)
		delete(m.leaving, key)
	}
	if len(l.staying) > 0 {
		m.staying += len(l.staying)
		m.leaving[key] = l
		m.wait(l)
	} else if l.deleted {
		m.x.DeleteEndpointSlice(key.namespace, key.name)
		return
	}
	m.x.SetEndpointSlice(l.shown(), l.gen)
}

// wait sees to it that expire is called in time for l, which may be nil.
func (m *moving) wait(l *leaving) {
	if l == nil {
		return
	}
	for _, s := range l.staying {
		if m.next.IsZero() || s.until.Before(m.next) {
			m.next = s.until
		}
	}
}

// shown returns the EndpointSlice with the endpoints that stay.
func (l *leaving) shown() object.EndpointSlice {
	if len(l.staying) == 0 {
		return l.slice
	}
	shown := l.slice
	shown.Endpoints = slices.Clone(l.slice.Endpoints)
	for _, s := range l.staying {
		shown.Endpoints = append(shown.Endpoints, s.Endpoint)
	}
	slices.SortFunc(shown.Endpoints, object.Endpoint.Compare)
	return shown
}

// setEnding notes which endpoints of an EndpointSlice are terminating.
func (m *moving) setEnding(service serviceName, slice string, addrs []netip.Addr) {
	switch of := m.ending[service]; {
	case len(addrs) > 0 && of == nil:
		m.ending[service] = map[string][]netip.Addr{slice: addrs}
	case len(addrs) > 0:
		of[slice] = addrs
	default:
		if delete(of, slice); len(of) == 0 {
			delete(m.ending, service)
		}
	}
}

// wasEnding reports whether an endpoint of the Service of slice was seen terminating.
func (m *moving) wasEnding(slice object.EndpointSlice, a netip.Addr) bool {
	for _, addrs := range m.ending[serviceName{slice.Namespace, slice.Service}] {
		if contains(addrs, a) {
			return true
		}
	}
	return false
}

// contains reports whether a is one of addrs, which are sorted.
func contains(addrs []netip.Addr, a netip.Addr) bool {
	_, found := slices.BinarySearchFunc(addrs, a, netip.Addr.Compare)
	return found
}

// addrsOf returns the addresses of those endpoints of o that which is true for, sorted.
func addrsOf(o *discoveryv1.EndpointSlice, which func(*discoveryv1.Endpoint) bool) []netip.Addr {
	var addrs []netip.Addr
	for i := range o.Endpoints {
		if e := &o.Endpoints[i]; which(e) {
			for _, text := range e.Addresses {
				if a, err := netip.ParseAddr(text); err == nil {
					addrs = append(addrs, a.Unmap())
				}
			}
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs
}

func listed(*discoveryv1.Endpoint) bool { return true }

func terminating(e *discoveryv1.Endpoint) bool {
	return e.Conditions.Terminating != nil && *e.Conditions.Terminating
}

// deleted yields the names of the EndpointSlices that are in the index only for
// the endpoints that stay.
func (m *moving) deleted() iter.Seq[sliceName] {
	return func(yield func(sliceName) bool) {
		if m == nil {
			return
		}
		for key, l := range m.leaving {
			if l.deleted && !yield(key) {
				return
			}
		}
	}
}

// An alarm rings at a time that may change. The zero value is ready to use.
type alarm struct {
	c     <-chan time.Time
	timer *time.Timer
	at    time.Time
}

// set makes a ring at that time, or not at all if it is zero.
func (a *alarm) set(at time.Time) {
	if at.Equal(a.at) {
		return
	}
	a.at = at
	switch {
	case at.IsZero():
		a.stop()
	case a.timer == nil:
		a.timer = time.NewTimer(time.Until(at))
		a.c = a.timer.C
	default:
		a.timer.Reset(time.Until(at))
	}
}

// rang is called when a has rung.
func (a *alarm) rang() { a.at = time.Time{} }

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}
