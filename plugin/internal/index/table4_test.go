// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"hash/maphash"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// TestTable4 compares a table with a map, 0.0.0.0 and 255.255.255.255 among the addresses.
func TestTable4(t *testing.T) {
	var tab table4
	seed := maphash.MakeSeed()
	want := make(map[uint32]uint32)
	r := rand.New(rand.NewPCG(1, 1))
	for step := range uint32(50_000) {
		a := uint32(r.IntN(int(50+step/100))) - 10 // around both ends, and grows
		if got := tab.get(seed, a); got != want[a] {
			t.Fatalf("step %d: get(%d) = %d, want %d", step, a, got, want[a])
		}
		if want[a] != 0 && r.IntN(2) == 0 {
			tab.remove(seed, a)
			delete(want, a)
		} else {
			want[a] = firstNumber + step
			tab.set(seed, a, want[a])
		}
		if tab.live != len(want) {
			t.Fatalf("step %d: live = %d, want %d", step, tab.live, len(want))
		}
	}
	for a, number := range want {
		if got := tab.get(seed, a); got != number {
			t.Errorf("get(%d) = %d, want %d", a, got, number)
		}
	}
}

// TestTable4StaysSmall: marks of removed entries are thrown away in time, and a
// search for what is not there always ends.
func TestTable4StaysSmall(t *testing.T) {
	var tab table4
	seed := maphash.MakeSeed()
	const live = 10
	for a := range uint32(50_000) {
		tab.set(seed, a, firstNumber)
		if a >= live {
			tab.remove(seed, a-live)
		}
		if slots := len(*tab.slots.Load()); slots > 64 {
			t.Fatalf("%d slots for %d entries after %d addresses", slots, tab.live, a)
		}
		if got := tab.get(seed, 1<<31+a); got != 0 {
			t.Fatalf("get of what was never there = %d", got)
		}
	}
}

// TestNumbers: a number tells who has it, and comes again when it is free.
func TestNumbers(t *testing.T) {
	var n numbers[int]
	have := make(map[uint32]*int)
	r := rand.New(rand.NewPCG(1, 1))
	most := 0
	for step := range 20_000 {
		if len(have) > 0 && r.IntN(2) == 0 {
			for number := range have {
				n.takeBack(number)
				delete(have, number)
				if n.get(number) != nil {
					t.Fatalf("step %d: number %d is free and somebody's", step, number)
				}
				break
			}
			continue
		}
		v := &step
		number := n.give(v)
		if have[number] != nil || number < lowest {
			t.Fatalf("step %d: number %d is given twice, or has another meaning", step, number)
		}
		have[number] = v
		most = max(most, len(have))
	}
	for number, v := range have {
		if n.get(number) != v {
			t.Errorf("number %d is another's", number)
		}
	}
	if places := len(*n.byNumber.Load()); places > 2*most+8 {
		t.Errorf("%d places for at most %d numbers", places, most)
	}
	if n.get(lowest+1_000_000) != nil {
		t.Error("a number that was never given is somebody's")
	}
}

// TestOwnerAlwaysFound: an address that one Service has all the time is found
// while others come to have it too, and go.
func TestOwnerAlwaysFound(t *testing.T) {
	x := New()
	a := netip.MustParseAddr("10.0.0.1")
	x.SetService(object.Service{Namespace: "demo", Name: "keep", ClusterIPs: []netip.Addr{a}}, 1)
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for i := 0; !done.Load() || i < 1000; i++ {
				found := false
				for s := range x.Owners(a) {
					found = found || s.Name == "keep"
				}
				if !found {
					t.Error("lost the address")
					return
				}
			}
		})
	}
	for i := range 30_000 {
		name := string(rune('a' + i%3)) // before and after the other by name
		if i%2 == 0 {
			x.SetService(object.Service{Namespace: "demo", Name: name, ClusterIPs: []netip.Addr{a}}, 1)
		} else {
			x.DeleteService("demo", string(rune('a'+(i-1)%3)))
		}
	}
	done.Store(true)
	readers.Wait()
}
