// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"sync"
)

// event is one change of one object: created (prev is nil), replaced, or deleted (cur is nil).
// Events of a collection are a linked list, so a slow or frozen watch holds on to what it has not sent yet
// without a queue of its own, and the rest is garbage.
type event struct {
	rv        uint64
	prev, cur *entry
	lost      bool   // not for watches
	next      *event // guarded by Server.mu

	tombstoneOnce sync.Once
	tombstone     *entry
}

func (e *event) key() key {
	if e.cur != nil {
		return e.cur.key
	}
	return e.prev.key
}

// last returns what a DELETED event carries: the state before, under the resourceVersion of the event.
func (e *event) last() *entry {
	e.tombstoneOnce.Do(func() { e.tombstone = e.prev.at(e.rv) })
	return e.tombstone
}

// history is a window on the latest events of a collection. Guarded by Server.mu.
type history struct {
	before *event // the one before the oldest kept; its own change is forgotten
	latest *event // equal to before if there is none
	size   int
}

func newHistory() history {
	start := &event{}
	return history{before: start, latest: start}
}

func (h *history) add(e *event, limit int) {
	h.latest.next = e
	h.latest = e
	for h.size++; h.size > limit; h.size-- {
		h.before = h.before.next
	}
}

// forget drops every event; watches can start at rv or later.
func (h *history) forget(rv uint64) {
	// A new element instead of the latest: its rv must rise, and open watches still stand on the latest.
	floor := &event{rv: rv}
	h.latest.next = floor
	h.before, h.latest, h.size = floor, floor, 0
}

// after returns the last event that a client at rv has seen. It is false if later ones are forgotten.
func (h *history) after(rv uint64) (*event, bool) {
	if rv < h.before.rv {
		return nil, false
	}
	at := h.before
	for at.next != nil && at.next.rv <= rv {
		at = at.next
	}
	return at, true
}

// floor is the oldest resourceVersion that a watch may start from.
func (h *history) floor() uint64 { return h.before.rv }

// record adds the event to the history, from which the watches take it unless it is to be lost.
func (s *Server) record(l loudness, c *collection, e *event) {
	e.lost = l == quiet
	if !e.lost && s.faults.drop > 0 {
		s.faults.drop--
		e.lost = true
	}
	c.history.add(e, s.historySize)
}

// listAt returns the objects as they were at rv, in their order. It is false if that is forgotten.
func (c *collection) listAt(rv uint64) ([]*entry, bool) {
	last, ok := c.history.after(rv)
	if !ok {
		return nil, false
	}
	if last.next == nil {
		return c.list(), true
	}
	if c.past.rv == rv {
		return c.past.list, true
	}
	was := map[key]*entry{} // what the first change after rv replaced, nil if it created
	for e := last.next; e != nil; e = e.next {
		k := e.key()
		if _, ok := was[k]; !ok {
			was[k] = e.prev
		}
	}
	var list []*entry
	for _, e := range c.list() {
		if _, ok := was[e.key]; !ok {
			list = append(list, e)
		}
	}
	for _, e := range was {
		if e != nil {
			list = append(list, e)
		}
	}
	sortByPath(list)
	c.past = past{rv, list}
	return list, true
}

// past is a former state, kept because the next page of the same list will ask for it again.
type past struct {
	rv   uint64
	list []*entry
}
