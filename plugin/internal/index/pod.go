// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"net/netip"
	"slices"
	"unique"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// pods are the Pods by name and by address.
type pods struct {
	byName table[pod]
	byV4   table[pod]     // by pod.v4
	others table[podAddr] // by every other address
}

// A pod is immutable but for its generation and version. Pods are many, so it is small.
type pod struct {
	id        podID
	namespace unique.Handle[string]
	others    *[]netip.Addr // the addresses that are not v4, nil if there are none
	v4        [4]byte       // the first IPv4 address, zero if there is none
	gen       uint32        // writer only
	version   uint32        // writer only, see SetVersion
}

// A podID stands for namespace and name in a fraction of their memory: two
// hashes with different seeds. That any two of 100,000 Pods have the same is as
// likely as one in 10^28.
type podID [2]uint64

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

func (p *pod) called(id podID) bool { return p.id == id && p.namespace != unique.Handle[string]{} }

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

// HasPod reports whether a Pod of that namespace, in any letter case, has the address a.
func (x *Index) HasPod(namespace string, a netip.Addr) bool {
	if a.Is4() && find(&x.pods.byV4, x.hashAddr(a), podKey[[4]byte]{namespace, a.As4()}, (*pod).hasV4) != nil {
		return true
	}
	return find(&x.pods.others, x.hashAddr(a), podKey[netip.Addr]{namespace, a}, (*podAddr).is) != nil
}

func (x *Index) podID(namespace, name string) podID {
	return podID{hashObject(x.seed, namespace, name), hashObject(x.prefixes.seed, namespace, name)}
}

func (x *Index) pod(id podID) *pod { return find(&x.pods.byName, id[0], id, (*pod).called) }

// SetPod adds or replaces p, seen in generation gen. The index owns p from now on.
func (x *Index) SetPod(p object.Pod, gen uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	added := newPod(x.podID(p.Namespace, p.Name), p, gen)
	old := x.pod(added.id)
	if old != nil && old.sameAddrs(added) {
		old.gen = gen
		return
	}
	x.addPodAddrs(added)
	if old == nil {
		x.objects[object.Pods].Add(1)
		x.pods.byName.insert(added.id[0], added, func(p *pod) uint64 { return p.id[0] })
		return
	}
	x.pods.byName.replace(added.id[0], old, added)
	x.removePodAddrs(old)
}

func newPod(id podID, p object.Pod, gen uint32) *pod {
	added := &pod{id: id, namespace: unique.Make(p.Namespace), gen: gen}
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

func (p *pod) sameAddrs(q *pod) bool {
	return p.v4 == q.v4 && (p.others == nil) == (q.others == nil) &&
		(p.others == nil || slices.Equal(*p.others, *q.others))
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
	x.pods.byName.remove(p.id[0], p)
	x.objects[object.Pods].Add(-1)
	x.removePodAddrs(p)
}

func (x *Index) sweepPods(gen uint32) {
	for p := range x.pods.byName.all() {
		if p.gen != gen {
			x.deletePod(p)
		}
	}
}

// addPodAddrs makes the addresses of p lead to it.
func (x *Index) addPodAddrs(p *pod) {
	namespace := p.namespace.Value()
	if p.v4 != [4]byte{} {
		a := netip.AddrFrom4(p.v4)
		x.podAddrChanges(namespace, a, func() {
			x.pods.byV4.insert(x.hashAddr(a), p, func(p *pod) uint64 { return x.hashAddr(netip.AddrFrom4(p.v4)) })
		})
	}
	if p.others == nil {
		return
	}
	for _, a := range *p.others {
		x.podAddrChanges(namespace, a, func() {
			x.pods.others.insert(x.hashAddr(a), &podAddr{a, p}, func(p *podAddr) uint64 { return x.hashAddr(p.addr) })
		})
	}
}

// removePodAddrs undoes addPodAddrs.
func (x *Index) removePodAddrs(p *pod) {
	namespace := p.namespace.Value()
	if p.v4 != [4]byte{} {
		a := netip.AddrFrom4(p.v4)
		x.podAddrChanges(namespace, a, func() { x.pods.byV4.remove(x.hashAddr(a), p) })
	}
	if p.others == nil {
		return
	}
	for _, a := range *p.others {
		x.podAddrChanges(namespace, a, func() {
			entry := find(&x.pods.others, x.hashAddr(a), p, func(e *podAddr, p *pod) bool { return e.pod == p && e.addr == a })
			x.pods.others.remove(x.hashAddr(a), entry)
		})
	}
}

// podAddrChanges does what it is given, and counts it if a query for the address can see
// it: hostNetwork Pods share their node's.
func (x *Index) podAddrChanges(namespace string, a netip.Addr, do func()) {
	before := x.HasPod(namespace, a)
	do()
	if x.HasPod(namespace, a) != before {
		x.changed(object.Pods)
		x.remember(object.Pods, change{namespace: namespace, addr: a, was: before}, nil)
	}
}
