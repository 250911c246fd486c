// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		of      int // 1 s, 2 s ...
		percent int
		want    float64
	}{{100, 50, 50}, {100, 99, 99}, {1, 50, 1}, {1, 99, 1}, {3, 50, 2}, {0, 50, 0}} {
		var h times
		for n := range c.of {
			h.add(time.Duration(n+1) * time.Second)
		}
		if got := h.quantile(c.percent); got < c.want || got > c.want*(1+1./steps) {
			t.Errorf("p%d of %d: got %g, want %g", c.percent, c.of, got, c.want)
		}
	}
}

// TestQuantiles compares with what is exact, for times of every size.
func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var h times
		var all []time.Duration
		for range 1 + random.IntN(300) {
			d := time.Duration(random.Int64() >> random.IntN(63))
			h.add(d)
			all = append(all, d)
		}
		slices.Sort(all)
		for _, percent := range []int{1, 50, 99, 100} {
			want := seconds(all[(len(all)*percent+99)/100-1])
			if got := h.quantile(percent); got < want || got > want*(1+1./steps) {
				t.Errorf("p%d of %v: got %g, want %g", percent, all, got, want)
			}
		}
	}
}

// TestBuckets has all times in one bucket, and none out of order.
func TestBuckets(t *testing.T) {
	var h times
	h.add(-1)
	h.add(math.MaxInt64)
	if last := len(h.buckets) - 1; h.buckets[0] != 1 || h.buckets[last] != 1 || end(last) != math.MaxInt64 {
		t.Errorf("the shortest is in bucket %d, the longest in %d, which ends with %d", bucket(0), bucket(math.MaxInt64), end(last))
	}
	for n := range len(h.buckets) - 1 {
		if bucket(end(n)) != n || bucket(end(n)+1) != n+1 {
			t.Errorf("%d ns, the end of bucket %d, is in %d, and the next in %d", end(n), n, bucket(end(n)), bucket(end(n)+1))
		}
	}
}

// TestMemory counts as many questions as a meter asks in a day.
func TestMemory(t *testing.T) {
	used := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	counted := &tally{start: time.Now(), right: time.Now()}
	long := strings.Repeat("192.0.2.1 ", 1000)
	before := used()
	for n := range 20 * 24 * 60 * 60 {
		counted.sent()
		switch n % 1000 {
		case 1:
			counted.mistake(n, long)
		case 2:
			counted.lose(n, errors.New(long))
		default:
			counted.answer(time.Now(), time.Duration(n))
		}
	}
	if after := used(); after > before+256<<10 {
		t.Errorf("it remembers %d kB", (after-before)>>10)
	}
	got := counted.report(time.Now())
	if got.Sent != 1728000 || got.Wrong != 1728 || got.Lost != 1728 || got.Waiting != 0 || len(got.Failures) != remembered || len(got.Failures[0].What) > mostSaid+3 {
		t.Errorf("got %+v", got)
	}
	if first, last := got.Failures[0].At, got.LastFailure; last < first || last == 0 {
		t.Errorf("the first failure is at %g, and the last at %g", first, last)
	}
}
