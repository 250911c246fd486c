// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"math/rand/v2"
	"testing"
)

type entry struct{ key, value int }

func (e *entry) is(key int) bool { return key != 0 && e.key == key }

// TestTable compares a table with a map, with hashes that are good, that
// collide in part, and that are all the same.
func TestTable(t *testing.T) {
	hashes := map[string]func(int) uint64{
		"good":    func(k int) uint64 { return uint64(k) * 0x9e3779b97f4a7c15 },
		"few":     func(k int) uint64 { return uint64(k % 5) },
		"same":    func(int) uint64 { return 7 },
		"highest": func(int) uint64 { return ^uint64(0) },
	}
	for name, hash := range hashes {
		t.Run(name, func(t *testing.T) {
			var tab table[entry]
			want := make(map[int]*entry)
			rehash := func(e *entry) uint64 { return hash(e.key) }
			r := rand.New(rand.NewPCG(1, 1))
			for step := range 20000 {
				key := 1 + r.IntN(50+step/400) // grows
				got := find(&tab, hash(key), key, (*entry).is)
				if got != want[key] {
					t.Fatalf("step %d: find(%d) = %v, want %v", step, key, got, want[key])
				}
				switch e := (&entry{key, step}); {
				case got == nil:
					tab.insert(hash(key), e, rehash)
					want[key] = e
				case r.IntN(2) == 0:
					tab.replace(hash(key), got, e)
					want[key] = e
				default:
					tab.remove(hash(key), got)
					delete(want, key)
				}
				if tab.live != len(want) {
					t.Fatalf("step %d: live = %d, want %d", step, tab.live, len(want))
				}
			}
			n := 0
			for e := range tab.all() {
				if want[e.key] != e {
					t.Errorf("all yields %v, want %v", e, want[e.key])
				}
				n++
			}
			if n != len(want) {
				t.Errorf("all yields %d entries, want %d", n, len(want))
			}
		})
	}
}

// TestTableStaysSmall: entries that come and go leave marks, which are thrown
// away in time: a table is as large as what is in it, and a search always ends.
func TestTableStaysSmall(t *testing.T) {
	var tab table[entry]
	hash := func(k int) uint64 { return uint64(k) * 0x9e3779b97f4a7c15 }
	rehash := func(e *entry) uint64 { return hash(e.key) }
	const live = 10
	for key := 1; key <= 50000; key++ {
		tab.insert(hash(key), &entry{key: key}, rehash)
		if old := key - live; old > 0 {
			tab.remove(hash(old), find(&tab, hash(old), old, (*entry).is))
		}
		slots := *tab.slots.Load()
		if len(slots) > 64 || len(slots)&(len(slots)-1) != 0 {
			t.Fatalf("%d slots for %d entries after %d keys", len(slots), tab.live, key)
		}
		empty := 0
		for i := range slots {
			if slots[i].Load() == nil {
				empty++
			}
		}
		if empty == 0 {
			t.Fatalf("no empty slot after %d keys: a search for a missing key does not end", key)
		}
	}
}

// TestTableShrinks: it is made anew with room for what is in it.
func TestTableShrinks(t *testing.T) {
	var tab table[entry]
	hash := func(k int) uint64 { return uint64(k) * 0x9e3779b97f4a7c15 }
	rehash := func(e *entry) uint64 { return hash(e.key) }
	const n = 10000
	for key := 1; key <= n; key++ {
		tab.insert(hash(key), &entry{key: key}, rehash)
	}
	for key := 1; key <= n; key++ {
		tab.remove(hash(key), find(&tab, hash(key), key, (*entry).is))
	}
	if tab.live != 0 {
		t.Errorf("live = %d", tab.live)
	}
	for key := n + 1; key <= 3*n; key++ {
		tab.insert(hash(key), &entry{key: key}, rehash)
		tab.remove(hash(key), find(&tab, hash(key), key, (*entry).is))
	}
	if got := len(*tab.slots.Load()); got > 64 {
		t.Errorf("%d slots for an empty table", got)
	}
}

// TestReplaceOfNothing is a bug of the caller, and says so.
func TestReplaceOfNothing(t *testing.T) {
	var tab table[entry]
	tab.insert(1, &entry{key: 1}, func(*entry) uint64 { return 1 })
	defer func() {
		if recover() == nil {
			t.Error("replace of an entry that is not there returns")
		}
	}()
	tab.replace(1, &entry{key: 1}, &entry{key: 1})
}
