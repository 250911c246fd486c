// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"math/bits"
	"time"
)

// steps is how many buckets there are for times between a power of two
// nanoseconds and the next: a time is known to one part in so many.
const steps = 64

// times is a histogram of how long answers took. Its size is the same however
// many there are: 30 kB. The zero value is empty.
type times struct {
	count   int
	longest time.Duration
	// buckets are of one nanosecond each at first, and twice as wide after every
	// further 64.
	buckets [steps * (63 - 5)]int
}

func (h *times) add(d time.Duration) {
	d = max(d, 0) // the clock does not go back, but who knows
	h.count++
	h.longest = max(h.longest, d)
	h.buckets[bucket(d)]++
}

// quantile returns what so many percent took at most, in seconds. It is too long
// by one part in 64 at most, and never too short.
func (h *times) quantile(percent int) float64 {
	rank := (h.count*percent + 99) / 100
	if rank == 0 {
		return 0
	}
	for n, in := range h.buckets {
		if rank -= in; rank <= 0 {
			return seconds(min(end(n), h.longest))
		}
	}
	return seconds(h.longest)
}

// bucket returns the number of the bucket of a time.
func bucket(d time.Duration) int {
	shift := max(bits.Len64(uint64(d))-bits.Len(2*steps-1), 0) //nolint:gosec // not negative
	return shift*steps + int(d>>shift)
}

// end returns the longest time that belongs into a bucket.
func end(bucket int) time.Duration {
	shift := max(bucket/steps-1, 0)
	return time.Duration(bucket-shift*steps+1)<<shift - 1
}
