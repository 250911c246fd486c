// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"net/netip"
	"slices"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// A podAddr is one Pod that has an address; hostNetwork Pods share their node's.
type podAddr struct {
	addr      netip.Addr
	namespace string
	pods      int // writer only
}

type podAddrKey struct {
	addr      netip.Addr
	namespace string
}

func (p *podAddr) is(k podAddrKey) bool {
	return p.addr.IsValid() && p.addr == k.addr && equalFold(p.namespace, k.namespace)
}

type podKey struct{ namespace, name string }

type podObject struct {
	ips []netip.Addr
	gen uint32
}

// HasPod reports whether a Pod of that namespace, in any letter case, has the address a.
func (x *Index) HasPod(namespace string, a netip.Addr) bool {
	return x.podAddr(namespace, a) != nil
}

func (x *Index) podAddr(namespace string, a netip.Addr) *podAddr {
	return find(&x.pods, x.hashPod(namespace, a), podAddrKey{a, namespace}, (*podAddr).is)
}

func (x *Index) hashPod(namespace string, a netip.Addr) uint64 {
	return x.hashNames(namespace, "") ^ x.hashAddr(a)
}

// SetPod adds or replaces p, seen in generation gen. The index owns p from now on.
func (x *Index) SetPod(p object.Pod, gen uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := podKey{p.Namespace, p.Name}
	old, ok := x.podObjects[key]
	x.podObjects[key] = podObject{p.IPs, gen}
	if !ok {
		x.objects[object.Pods].Add(1)
	}
	if slices.Equal(old.ips, p.IPs) {
		return
	}
	x.addPodAddrs(p.Namespace, p.IPs)
	x.removePodAddrs(p.Namespace, old.ips)
}

// DeletePod removes the Pod.
func (x *Index) DeletePod(namespace, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.deletePod(podKey{namespace, name})
}

func (x *Index) deletePod(key podKey) {
	p, ok := x.podObjects[key]
	if !ok {
		return
	}
	delete(x.podObjects, key)
	x.objects[object.Pods].Add(-1)
	x.removePodAddrs(key.namespace, p.ips)
}

func (x *Index) sweepPods(gen uint32) {
	for key, p := range x.podObjects {
		if p.gen != gen {
			x.deletePod(key)
		}
	}
}

func (x *Index) addPodAddrs(namespace string, ips []netip.Addr) {
	for _, a := range ips {
		if p := x.podAddr(namespace, a); p != nil {
			p.pods++
			continue
		}
		x.pods.insert(x.hashPod(namespace, a), &podAddr{a, namespace, 1},
			func(p *podAddr) uint64 { return x.hashPod(p.namespace, p.addr) })
		x.changed(object.Pods)
	}
}

func (x *Index) removePodAddrs(namespace string, ips []netip.Addr) {
	for _, a := range ips {
		p := x.podAddr(namespace, a)
		if p.pods--; p.pods == 0 {
			x.pods.remove(x.hashPod(namespace, a), p)
			x.changed(object.Pods)
		}
	}
}
