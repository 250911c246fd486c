// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"sync/atomic"
	"unique"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// pods are the Pods by name and by address.
type pods struct {
	byName  table[pod]
	byV4    table[pod]     // by pod.v4
	others  table[podAddr] // by every other address
	records atomic.Int64   // Pods whose name is a record
}

// A pod is immutable but for its generation and version. Pods are many, so it is small.
type pod struct {
	hash      uint64 // these are the id
	check     uint32
	v4        [4]byte // the first IPv4 address, zero if there is none
	namespace unique.Handle[string]
	others    *[]netip.Addr // the addresses that are not v4, nil if there are none
	extra     *podExtra     // nil if all of it is zero
	gen       uint32        // writer only
	version   uint32        // writer only, see SetVersion
}

// A podExtra is what only some Pods have, or only some servers need. It is immutable.
type podExtra struct {
	name        string
	labels      unique.Handle[object.Labels]
	node, zone  unique.Handle[string]
	hostNetwork bool
	record      bool
}

// onlyHostNetwork is shared by the Pods of which nothing else is kept.
var onlyHostNetwork = &podExtra{hostNetwork: true}

// A podID stands for namespace and name in a fraction of their memory: 96 bits of
// two hashes with different seeds. That any two of 100,000 Pods have the same is
// as likely as one in 10^19.
type podID struct {
	hash  uint64
	check uint32
}

func (p *pod) id() podID { return podID{p.hash, p.check} }

// A podAddr is an address of a Pod beside its v4.
type podAddr struct {
	addr netip.Addr
	pod  *pod
}

// A podKey is what is looked for in a namespace.
type podKey[K any] struct {
	namespace string
	key       K
}

func (p *pod) called(id podID) bool { return p.id() == id && p.namespace != unique.Handle[string]{} }

func (p *pod) hasV4(k podKey[[4]byte]) bool {
	return p.v4 == k.key && p.in(k.namespace)
}

func (p *podAddr) is(k podKey[netip.Addr]) bool {
	return p.pod != nil && p.addr == k.key && p.pod.in(k.namespace)
}

// in reports whether p is in the namespace, in any letter case. The mark of a
// removed entry is in none.
func (p *pod) in(namespace string) bool {
	return p.namespace != unique.Handle[string]{} && equalFold(p.namespace.Value(), namespace)
}

func (p *pod) hostNetwork() bool { return p.extra != nil && p.extra.hostNetwork }

func (p *pod) record() bool { return p.extra != nil && p.extra.record }

// HasPod reports whether a Pod of that namespace, in any letter case, has the address a.
func (x *Index) HasPod(namespace string, a netip.Addr) bool {
	if a.Is4() && find(&x.pods.byV4, x.hashAddr(a), podKey[[4]byte]{namespace, a.As4()}, (*pod).hasV4) != nil {
		return true
	}
	return find(&x.pods.others, x.hashAddr(a), podKey[netip.Addr]{namespace, a}, (*podAddr).is) != nil
}

// AppendPodAddrs appends to list the addresses of the Pod of that namespace and
// name, in any letter case, if its name is a record.
func (x *Index) AppendPodAddrs(list []netip.Addr, namespace, name string) []netip.Addr {
	p := x.pod(x.podIDFold(namespace, name))
	if p == nil || !p.record() {
		return list
	}
	return p.appendAddrs(list)
}

// PodRecord returns the namespace and the name of the Pod whose address a is
// beyond doubt (see [Index.Client]), if its name is a record.
func (x *Index) PodRecord(a netip.Addr) (namespace, name string, ok bool) {
	p := x.podAt(a)
	if p == nil || !p.record() {
		return "", "", false
	}
	return p.namespace.Value(), p.extra.name, true
}

// podAt returns the Pod whose address a is beyond doubt: the only one that has
// it. An address of a Pod on the host network is its node's. If two other Pods
// have the same, one of them has gone, and which one is told any moment.
func (x *Index) podAt(a netip.Addr) *pod {
	var only *pod
	x.podsWith(a, func(p *pod) bool {
		if p.hostNetwork() || only != nil {
			only = nil
			return false
		}
		only = p
		return true
	})
	return only
}

// recorded reports whether the record of a Pod has the address a.
func (x *Index) recorded(a netip.Addr) bool {
	found := false
	if x.pods.records.Load() > 0 {
		x.podsWith(a, func(p *pod) bool {
			found = found || p.record() && !p.hostNetwork()
			return !found
		})
	}
	return found
}

// podsWith calls f with every Pod that has the address a until f returns false.
func (x *Index) podsWith(a netip.Addr, f func(*pod) bool) {
	more := true
	if a.Is4() {
		v4 := a.As4()
		x.pods.byV4.path(x.hashAddr(a), func(p *pod) bool {
			if p.v4 == v4 && p.namespace != (unique.Handle[string]{}) {
				more = f(p)
			}
			return more
		})
	}
	if !more {
		return
	}
	x.pods.others.path(x.hashAddr(a), func(e *podAddr) bool { return e.pod == nil || e.addr != a || f(e.pod) })
}

func (x *Index) podID(namespace, name string) podID {
	return podID{hashObject(x.seed, namespace, name), uint32(hashObject(x.prefixes.seed, namespace, name))}
}

// podIDFold is podID of names in any letter case that are labels.
func (x *Index) podIDFold(namespace, name string) podID {
	var buf [128]byte
	n := lower(buf[:64], namespace)
	buf[n] = '/'
	n++
	n += lower(buf[n:], name)
	return podID{maphash.Bytes(x.seed, buf[:n]), uint32(maphash.Bytes(x.prefixes.seed, buf[:n]))}
}

func (x *Index) pod(id podID) *pod { return find(&x.pods.byName, id.hash, id, (*pod).called) }

// SetPod adds or replaces p, seen in generation gen. The index owns p from now on.
func (x *Index) SetPod(p object.Pod, gen uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	added := newPod(x.podID(p.Namespace, p.Name), p, gen)
	old := x.pod(added.id())
	if old != nil && old.same(added) {
		old.gen = gen
		return
	}
	x.podChanges(old, added, func() {
		x.addPodAddrs(added, old)
		if old == nil {
			x.objects[object.Pods].Add(1)
			x.pods.byName.insert(added.hash, added, func(p *pod) uint64 { return p.hash })
			return
		}
		x.pods.byName.replace(added.hash, old, added)
		x.removePodAddrs(old, added)
	})
}

func newPod(id podID, p object.Pod, gen uint32) *pod {
	added := &pod{hash: id.hash, check: id.check, namespace: unique.Make(p.Namespace), extra: newExtra(p), gen: gen}
	others := p.IPs
	if i := slices.IndexFunc(p.IPs, netip.Addr.Is4); i >= 0 {
		added.v4 = p.IPs[i].As4()
		others = slices.Concat(p.IPs[:i], p.IPs[i+1:])
	}
	if len(others) > 0 {
		added.others = &others
	}
	return added
}

// newExtra returns what is kept of p beyond its addresses.
func newExtra(p object.Pod) *podExtra {
	e := podExtra{hostNetwork: p.HostNetwork, record: p.Record, node: handle(p.Node), zone: handle(p.Zone), labels: handle(p.Labels)}
	if p.Named {
		e.name = p.Name
	}
	switch e {
	case podExtra{}:
		return nil
	case *onlyHostNetwork:
		return onlyHostNetwork
	}
	return &e
}

// handle returns the handle of s; that of "" is zero.
func handle[S ~string](s S) unique.Handle[S] {
	if s == "" {
		return unique.Handle[S]{}
	}
	return unique.Make(s)
}

// value returns what h is the handle of.
func value[S ~string](h unique.Handle[S]) S {
	if h == (unique.Handle[S]{}) {
		return ""
	}
	return h.Value()
}

func (p *pod) same(q *pod) bool { return p.sameAddrs(q) && p.sameExtra(q) }

func (p *pod) sameExtra(q *pod) bool {
	return p.extra == q.extra || p.extra != nil && q.extra != nil && *p.extra == *q.extra
}

func (p *pod) sameAddrs(q *pod) bool {
	return p.v4 == q.v4 && slices.Equal(p.otherAddrs(), q.otherAddrs())
}

// DeletePod removes the Pod.
func (x *Index) DeletePod(namespace, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if p := x.pod(x.podID(namespace, name)); p != nil {
		x.deletePod(p)
	}
}

func (x *Index) deletePod(p *pod) {
	x.podChanges(p, nil, func() {
		x.pods.byName.remove(p.hash, p)
		x.objects[object.Pods].Add(-1)
		x.removePodAddrs(p, nil)
	})
}

func (x *Index) sweepPods(gen uint32) {
	for p := range x.pods.byName.all() {
		if p.gen != gen {
			x.deletePod(p)
		}
	}
}

// addPodAddrs makes the addresses of p lead to it. Those that old has, which p
// takes the place of, are swapped where they are: a reader that is on its way
// past them finds one of the two.
func (x *Index) addPodAddrs(p, old *pod) {
	if p.record() {
		x.pods.records.Add(1)
		x.eachRecordAddr(p, x.prefixes.add)
	}
	hashV4 := func(p *pod) uint64 { return x.hashAddr(netip.AddrFrom4(p.v4)) }
	switch {
	case p.v4 == [4]byte{}:
	case old != nil && old.v4 == p.v4:
		x.pods.byV4.replace(hashV4(p), old, p)
	default:
		x.pods.byV4.insert(hashV4(p), p, hashV4)
	}
	for _, a := range p.otherAddrs() {
		if slices.Contains(old.otherAddrs(), a) {
			x.pods.others.replace(x.hashAddr(a), x.podAddr(old, a), &podAddr{a, p})
		} else {
			x.pods.others.insert(x.hashAddr(a), &podAddr{a, p}, func(p *podAddr) uint64 { return x.hashAddr(p.addr) })
		}
	}
}

// removePodAddrs undoes addPodAddrs, but for what was swapped for p's successor.
func (x *Index) removePodAddrs(p, successor *pod) {
	if p.record() {
		x.pods.records.Add(-1)
		x.eachRecordAddr(p, x.prefixes.remove)
	}
	if p.v4 != [4]byte{} && (successor == nil || successor.v4 != p.v4) {
		x.pods.byV4.remove(x.hashAddr(netip.AddrFrom4(p.v4)), p)
	}
	for _, a := range p.otherAddrs() {
		if !slices.Contains(successor.otherAddrs(), a) {
			x.pods.others.remove(x.hashAddr(a), x.podAddr(p, a))
		}
	}
}

// podAddr returns the entry of an address of p beside its v4.
func (x *Index) podAddr(p *pod, a netip.Addr) *podAddr {
	return find(&x.pods.others, x.hashAddr(a), p, func(e *podAddr, p *pod) bool { return e.pod == p && e.addr == a })
}

// otherAddrs returns the addresses of p, which may be nil, beside its v4.
func (p *pod) otherAddrs() []netip.Addr {
	if p == nil || p.others == nil {
		return nil
	}
	return *p.others
}

// eachRecordAddr calls f with the addresses of p that have its name.
func (x *Index) eachRecordAddr(p *pod, f func(netip.Addr)) {
	if p.hostNetwork() {
		return
	}
	for _, a := range p.appendAddrs(nil) {
		f(a)
	}
}

// appendAddrs appends the addresses of p, which may be nil, to list.
func (p *pod) appendAddrs(list []netip.Addr) []netip.Addr {
	if p != nil && p.v4 != [4]byte{} {
		list = append(list, netip.AddrFrom4(p.v4))
	}
	return append(list, p.otherAddrs()...)
}

// podChanges does what it is given, which puts added in the place of old, and
// counts it if a query can see it. Each of them may be nil. What no query can see
// now, one may when another Pod with the same address has gone, so it is remembered too.
func (x *Index) podChanges(old, added *pod, do func()) {
	either := old
	if either == nil {
		either = added
	}
	var buf [4]netip.Addr
	var seen [4]podSight
	before := seen[:0]
	addrs := added.appendAddrs(old.appendAddrs(buf[:0]))
	for _, a := range addrs {
		before = append(before, x.sight(either, a))
	}
	do()
	visible := recordChanges(old, added)
	for i, a := range addrs {
		visible = visible || x.sight(either, a) != before[i]
	}
	if visible {
		x.changed(object.Pods)
	}
	x.remember(object.Pods, change{pod: old, id: either.id()}, nil)
}

// recordChanges reports whether the addresses of the name of a Pod are others now.
func recordChanges(old, added *pod) bool {
	was, is := old != nil && old.record(), added != nil && added.record()
	return was != is || is && !old.sameAddrs(added)
}

// A podSight is what queries can see of an address of a Pod: whether one of its
// namespace has it (those on the host network share their node's), and whose
// name it has.
type podSight struct {
	has    bool
	record podID
}

func (x *Index) sight(p *pod, a netip.Addr) podSight {
	s := podSight{has: x.HasPod(p.namespace.Value(), a)}
	if x.pods.records.Load() == 0 {
		return s
	}
	if at := x.podAt(a); at != nil && at.record() {
		s.record = at.id()
	}
	return s
}
