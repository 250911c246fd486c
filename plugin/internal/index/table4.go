// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync/atomic"
)

// A table4 maps IPv4 addresses to numbers. It is read without locks while one
// writer changes it, as a [table] is. An entry is a slot and nothing else: the
// address in its upper half, the number in the lower one.
//
// The zero value is an empty table. It costs 8 bytes per slot, at most three
// quarters of which are in use.
type table4 struct {
	slots atomic.Pointer[[]atomic.Uint64]
	live  int // entries; writer only
	used  int // entries and removed marks; writer only
}

// What a slot holds that has no entry; so the least number of an entry is 2.
const (
	emptySlot   uint64 = 0
	removedSlot uint64 = 1
	firstNumber uint32 = 2
)

func hash4(seed maphash.Seed, a uint32) uint64 {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return maphash.Bytes(seed, b[:])
}

// bits4 returns the IPv4 address a as a number.
func bits4(a netip.Addr) uint32 {
	v4 := a.As4()
	return binary.BigEndian.Uint32(v4[:])
}

// slot4 returns the slot of a and what it holds; if there is none, the one to
// put it in, and 0.
func slot4(slots []atomic.Uint64, seed maphash.Seed, a uint32) (slot *atomic.Uint64, entry uint64) {
	mask := uint64(len(slots) - 1)
	for i := hash4(seed, a) & mask; ; i = (i + 1) & mask {
		e := slots[i].Load()
		if e > removedSlot && uint32(e>>32) == a {
			return &slots[i], e
		}
		if slot == nil && e <= removedSlot {
			slot = &slots[i]
		}
		if e == emptySlot {
			return slot, 0
		}
	}
}

// get returns the number of a, or 0.
func (t *table4) get(seed maphash.Seed, a uint32) uint32 {
	slots := t.slots.Load()
	if slots == nil {
		return 0
	}
	_, entry := slot4(*slots, seed, a)
	return uint32(entry)
}

// set makes number, at least [firstNumber], that of a.
func (t *table4) set(seed maphash.Seed, a, number uint32) {
	if slots := t.slots.Load(); slots == nil || (t.used+1)*4 > len(*slots)*3 {
		t.grow(seed)
	}
	slot, entry := slot4(*t.slots.Load(), seed, a)
	if entry == 0 {
		t.live++
		if slot.Load() == emptySlot {
			t.used++
		}
	}
	slot.Store(uint64(a)<<32 | uint64(number))
}

// remove forgets a, which is in the table.
func (t *table4) remove(seed maphash.Seed, a uint32) {
	slot, entry := slot4(*t.slots.Load(), seed, a)
	if entry == 0 {
		panic("BUG: removing an address that is not in the table")
	}
	slot.Store(removedSlot)
	t.live--
}

// grow swaps in an array that has room for twice the entries, without the removed marks.
func (t *table4) grow(seed maphash.Seed) {
	slots := make([]atomic.Uint64, roomFor(t.live+1))
	if old := t.slots.Load(); old != nil {
		for i := range *old {
			if e := (*old)[i].Load(); e != emptySlot && e != removedSlot {
				slot, _ := slot4(slots, seed, uint32(e>>32))
				slot.Store(e)
			}
		}
	}
	t.used = t.live
	t.slots.Store(&slots)
}
