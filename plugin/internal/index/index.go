// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package index holds the DNS-relevant state of a cluster in memory.
//
// It keeps facts, not answers: which Services, endpoints, namespaces and pods
// there are, by name and by address. Readers take no lock and never wait for a
// writer: what they get is immutable, and writers publish a new value beside it.
package index

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// An Index is the state of one cluster. The zero value is not usable: see [New].
//
// All methods are safe for concurrent use. Those that change something (Set,
// Delete, Sweep, Raise, Restate) exclude each other, and so do those that only writers
// need (SetVersion, Versions, Slice, SlicesOf); the others take no lock.
type Index struct {
	seed maphash.Seed

	namespaces table[namespace]
	services   table[cell]
	cells      numbers[cell]
	single     table4       // addresses that have one owner: its number in cells
	several    table[owner] // all others
	prefixes   prefixes
	pods       pods
	nodes      nodes
	imports    *Index // nil in the index of what is imported
	local      *Index // nil in that of the cluster

	mu      writing // held by writers; guards what follows
	slices  table[slice]
	recent  recent
	hidden  [object.NumKinds]bool
	history history

	serial  atomic.Uint64
	reverse *atomic.Uint64 // shared with imports
	objects [object.NumKinds]atomic.Int64
	ready   atomic.Int64 // endpoints
}

// writing is a lock that one event at a time holds.
type writing struct {
	sync.Mutex
	changed bool // the event made a change that a query can see
}

// Unlock ends the event.
func (w *writing) Unlock() {
	w.changed = false
	w.Mutex.Unlock()
}

// New returns an empty index.
func New() *Index {
	reverse := new(atomic.Uint64)
	x := newIndex(reverse)
	x.imports = newIndex(reverse)
	x.imports.local = x
	return x
}

func newIndex(reverse *atomic.Uint64) *Index {
	return &Index{seed: maphash.MakeSeed(), prefixes: prefixes{seed: maphash.MakeSeed()}, reverse: reverse}
}

// Imports returns the index of the Services that the cluster imports from its
// clusterset (KEP-1645): ServiceImports and their EndpointSlices, by names and
// addresses of their own. Namespaces and Pods are given to x: both have the
// namespaces, and what the two share counts for the serials of both.
func (x *Index) Imports() *Index { return x.imports }

// Serial returns a number that rises with every change that a query can see,
// and only then. It is the SOA serial, in the arithmetic of RFC 1982.
func (x *Index) Serial() uint32 { return uint32(x.serial.Load()) }

// ReverseSerial is Serial for reverse zones, where the addresses of the cluster
// and those of what it imports have their names. While nothing is imported the
// two are equal.
func (x *Index) ReverseSerial() uint32 { return uint32(x.reverse.Load()) }

// Raise lifts the serial to at least resourceVersion. Every visible change is
// caused by at least one step of the API server's resourceVersion, so a serial
// that starts from one never falls across a restart.
func (x *Index) Raise(resourceVersion uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if raise(&x.serial, resourceVersion) {
		x.forget()
	}
	raise(x.reverse, resourceVersion)
}

// raise reports whether serial was less than to.
func raise(serial *atomic.Uint64, to uint64) bool {
	for {
		now := serial.Load()
		if to <= now {
			return false
		}
		if serial.CompareAndSwap(now, to) {
			return true
		}
	}
}

// Restate lifts the serial by one at least, and to resourceVersion: what is
// answered of the same objects is not the same any more.
func (x *Index) Restate(resourceVersion uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, serial := range []*atomic.Uint64{&x.serial, x.reverse, &x.imports.serial} {
		serial.Store(max(serial.Load()+1, resourceVersion))
	}
	x.forget()
}

// Hide says that changes of kind k cannot be seen, until Show: it is read for
// the first time, and what depends on it is not answered yet.
func (x *Index) Hide(k object.Kind) { x.setHidden(k, true) }

// Show ends what Hide began.
func (x *Index) Show(k object.Kind) { x.setHidden(k, false) }

func (x *Index) setHidden(k object.Kind, hidden bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.hidden[k] = hidden
	x.forget() // what came or went unseen is in no change
}

// changed counts a visible change of an object of kind k. The caller holds mu.
// However much one event changes, the serial rises by one: the event may have
// cost the API server no more than one resourceVersion.
func (x *Index) changed(k object.Kind) {
	if x.hidden[k] || x.mu.changed {
		return
	}
	x.mu.changed = true
	x.serial.Add(1)
	x.reverse.Add(1)
	if x.imports != nil && (k == object.Namespaces || k == object.Pods) {
		x.imports.serial.Add(1)
	}
}

// Objects returns how many objects of kind k the index was given and holds.
func (x *Index) Objects(k object.Kind) int { return int(x.objects[k].Load()) }

// Endpoints returns how many endpoint addresses the index holds, counted once per EndpointSlice.
func (x *Index) Endpoints() int { return int(x.ready.Load()) }

// A namespace is present by name only.
type namespace struct {
	name    string
	gen     uint32
	version uint32 // see SetVersion
}

// Namespace returns the name of the namespace that is called name in any
// letter case. ok is false if there is none.
func (x *Index) Namespace(name string) (canonical string, ok bool) {
	if x.local != nil {
		x = x.local
	}
	n := find(&x.namespaces, x.hashNames(name, ""), name, (*namespace).is)
	if n == nil {
		return "", false
	}
	return n.name, true
}

func (n *namespace) is(name string) bool { return n.name != "" && equalFold(n.name, name) }

// SetNamespace adds the namespace name, seen in generation gen.
func (x *Index) SetNamespace(name string, gen uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	hash := x.hashNames(name, "")
	if n := find(&x.namespaces, hash, name, (*namespace).is); n != nil {
		n.gen = gen
		return
	}
	x.namespaces.insert(hash, &namespace{name: name, gen: gen}, func(n *namespace) uint64 { return x.hashNames(n.name, "") })
	x.objects[object.Namespaces].Add(1)
	x.changed(object.Namespaces)
	x.remember(object.Namespaces, change{namespace: name}, nil)
}

// DeleteNamespace removes the namespace name.
func (x *Index) DeleteNamespace(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	hash := x.hashNames(name, "")
	if n := find(&x.namespaces, hash, name, (*namespace).is); n != nil && n.name == name {
		x.removeNamespace(hash, n)
	}
}

func (x *Index) removeNamespace(hash uint64, n *namespace) {
	x.namespaces.remove(hash, n)
	x.objects[object.Namespaces].Add(-1)
	x.changed(object.Namespaces)
	x.remember(object.Namespaces, change{namespace: n.name, was: true}, nil)
}

// Sweep removes every object of kind k that was last seen in a generation
// other than gen: after a complete list, what the list did not have is gone.
func (x *Index) Sweep(k object.Kind, gen uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch k {
	case object.Namespaces:
		for n := range x.namespaces.all() {
			if n.gen != gen {
				x.removeNamespace(x.hashNames(n.name, ""), n)
			}
		}
	case object.Services:
		x.sweepServices(gen)
	case object.EndpointSlices:
		x.sweepSlices(gen)
	case object.Pods:
		x.sweepPods(gen)
	case object.Nodes:
		x.sweepNodes(gen)
	}
}

// hashNames hashes two labels without regard to letter case. Seeded, so that
// nobody can choose names that collide.
func (x *Index) hashNames(a, b string) uint64 {
	var buf [128]byte // two labels of at most 63 octets
	n := lower(buf[:64], a)
	buf[n] = '.'
	n++
	n += lower(buf[n:], b)
	return maphash.Bytes(x.seed, buf[:n])
}

// lower copies s to dst in lower case, as far as it fits (no longer label
// exists, and comparing will tell), and returns how much it copied.
func lower(dst []byte, s string) int {
	n := min(len(s), len(dst), 63)
	for i := range n {
		dst[i] = lowerByte(s[i])
	}
	return n
}

func (x *Index) hashAddr(a netip.Addr) uint64 {
	b := a.As16()
	return maphash.Bytes(x.seed, b[:])
}

// equalFold compares names as DNS does: without regard to the case of ASCII
// letters (RFC 4343). stored is in lower case.
func equalFold(stored, name string) bool {
	if len(stored) != len(name) {
		return false
	}
	for i := range len(name) {
		if stored[i] != lowerByte(name[i]) {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
