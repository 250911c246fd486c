// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"iter"
	"sync/atomic"
)

// A table is a hash table that is read without locks while one writer changes
// it. Keys live in the entries; the caller hashes and compares.
//
// It is an open-addressed array of pointers. An entry, once published, is
// found until it is removed: the writer only ever fills empty slots, marks
// slots as removed, or swaps in a whole new array. A reader that still walks
// an old array sees the table as it was a moment ago.
//
// The zero value is an empty table. It costs 8 bytes per slot, at most three
// quarters of which are in use.
type table[E any] struct {
	slots atomic.Pointer[[]atomic.Pointer[E]]
	live  int // entries; writer only
	used  int // entries and removed marks; writer only
	// removed marks slots whose entry is gone: a search goes on past them.
	// Writer only; readers compare entries, and this one equals no key.
	removed *E
}

// find returns the entry with that hash for which is returns true, or nil.
func find[E any, K any](t *table[E], hash uint64, key K, is func(*E, K) bool) *E {
	slots := t.slots.Load()
	if slots == nil {
		return nil
	}
	mask := uint64(len(*slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch e := (*slots)[i].Load(); {
		case e == nil:
			return nil
		case is(e, key):
			return e
		}
	}
}

// path calls f with every entry that a search for hash comes by, among them all
// with that hash, until f returns false.
func (t *table[E]) path(hash uint64, f func(*E) bool) {
	slots := t.slots.Load()
	if slots == nil {
		return
	}
	mask := uint64(len(*slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		if e := (*slots)[i].Load(); e == nil || !f(e) {
			return
		}
	}
}

// insert adds e, which must not be in the table. rehash returns an entry's hash.
func (t *table[E]) insert(hash uint64, e *E, rehash func(*E) uint64) {
	slots := t.slots.Load()
	if slots == nil || (t.used+1)*4 > len(*slots)*3 {
		slots = t.grow(rehash)
	}
	if put(*slots, hash, e, t.removed) {
		t.used++
	}
	t.live++
}

// put publishes e in the first slot that is free on the path of hash and
// reports whether that slot had never been used.
func put[E any](slots []atomic.Pointer[E], hash uint64, e, removed *E) bool {
	mask := uint64(len(slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch old := slots[i].Load(); old {
		case nil:
			slots[i].Store(e)
			return true
		case removed:
			slots[i].Store(e)
			return false
		}
	}
}

// replace swaps the entry old for e, which has the same key.
func (t *table[E]) replace(hash uint64, old, e *E) {
	slots := *t.slots.Load()
	mask := uint64(len(slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch slots[i].Load() {
		case old:
			slots[i].Store(e)
			return
		case nil:
			panic("BUG: replacing an entry that is not in the table")
		}
	}
}

// remove takes e out of the table.
func (t *table[E]) remove(hash uint64, e *E) {
	if t.removed == nil {
		t.removed = new(E)
	}
	t.replace(hash, e, t.removed)
	t.live--
}

// grow swaps in an array that has room for twice the live entries, without
// the removed marks.
func (t *table[E]) grow(rehash func(*E) uint64) *[]atomic.Pointer[E] {
	slots := make([]atomic.Pointer[E], roomFor(t.live+1))
	for e := range t.all() {
		put(slots, rehash(e), e, nil)
	}
	t.used = t.live
	t.slots.Store(&slots)
	return &slots
}

// roomFor returns how many slots a new array has for n entries and half as many to come.
func roomFor(n int) int {
	size := 8
	for size*3 < n*4*3/2 {
		size *= 2
	}
	return size
}

// all yields every entry. Only the writer may call it.
func (t *table[E]) all() iter.Seq[*E] {
	return func(yield func(*E) bool) {
		slots := t.slots.Load()
		if slots == nil {
			return
		}
		for i := range *slots {
			if e := (*slots)[i].Load(); e != nil && e != t.removed && !yield(e) {
				return
			}
		}
	}
}
