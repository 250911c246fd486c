// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import "sync/atomic"

// Numbers gives things numbers that are shorter than pointers, and tells by the
// number who has it. A number is given again when it is free. It is read
// without locks while one writer changes it.
//
// The zero value has no number in use.
type numbers[E any] struct {
	byNumber atomic.Pointer[[]atomic.Pointer[E]] // from firstNumber + 1 on
	next     uint32                              // that was never given; writer only
	free     []uint32                            // writer only
}

// the first number that is given; [severalOwners] is none.
const lowest = severalOwners + 1

// get returns who has the number, or nil.
func (n *numbers[E]) get(number uint32) *E {
	all := n.byNumber.Load()
	if all == nil || int(number-lowest) >= len(*all) {
		return nil
	}
	return (*all)[number-lowest].Load()
}

// give returns a number for e.
func (n *numbers[E]) give(e *E) uint32 {
	var place uint32
	if last := len(n.free) - 1; last >= 0 {
		place, n.free = n.free[last], n.free[:last]
	} else {
		place = n.next
		n.next++
	}
	n.room(int(place) + 1)
	(*n.byNumber.Load())[place].Store(e)
	return place + lowest
}

// takeBack makes the number free.
func (n *numbers[E]) takeBack(number uint32) {
	(*n.byNumber.Load())[number-lowest].Store(nil)
	n.free = append(n.free, number-lowest)
}

// room makes sure that there are so many places.
func (n *numbers[E]) room(places int) {
	var old []atomic.Pointer[E]
	if all := n.byNumber.Load(); all != nil {
		old = *all
	}
	if places <= len(old) {
		return
	}
	grown := make([]atomic.Pointer[E], max(8, len(old)+len(old)/4, places))
	for i := range old {
		grown[i].Store(old[i].Load())
	}
	n.byNumber.Store(&grown)
}
