// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"slices"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

const (
	// maxChanges is how many changes are kept.
	maxChanges = 8192
	// maxWeight is how many octets the records may have, about, that are kept
	// for nothing but changes.
	maxWeight = 8 << 20
)

// A change says what was there before it. From all of them, the last one first,
// follows what the index held at any serial since the oldest one.
type change struct {
	serial    uint64   // that it led to
	service   *Service // if it is one of a Service
	id        podID    // if it is one of a Pod
	pod       *pod     // then, nil if it was not there
	namespace string   // otherwise
	was       bool     // then: whether it was there
}

// weight is about how many octets are kept for c alone.
func (c *change) weight(now *Service) int {
	if c.service == nil {
		return 0
	}
	n := 256
	for _, g := range c.service.Slices() {
		if now == nil || !slices.Contains(now.Slices(), g) {
			n += g.weight()
		}
	}
	return n
}

// weight is about how many octets g has. Names are shared with others, for the most part.
func (g *Group) weight() int {
	n := len(g.packed)
	for _, c := range []column{g.called().hostnames, g.called().pods, g.called().zones, g.called().nodes} {
		n += 16*len(c.names) + 4*len(c.byName)
	}
	return n
}

// A history is the last changes. The zero value keeps none.
type history struct {
	on      bool
	since   uint64 // the oldest serial from which on all changes are there
	changes []change
	weights []int // of each
	weight  int   // of all
}

// KeepHistory says whether changes are kept from now on for [Index.Since]: at
// most so many as have 8 MiB, and 8192. Without it they cost nothing.
func (x *Index) KeepHistory(on bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if on != x.history.on {
		x.history.on = on
		x.forget()
	}
}

// forget begins a new history. The caller holds mu.
func (x *Index) forget() {
	x.history = history{on: x.history.on, since: x.serial.Load()}
}

// remember keeps c, which an object of kind k was changed by. now is the record
// that is there instead, if it is one of a Service. The caller holds mu.
func (x *Index) remember(k object.Kind, c change, now *Service) {
	h := &x.history
	if !h.on || x.hidden[k] {
		return
	}
	c.serial = x.serial.Load()
	weight := c.weight(now)
	h.changes, h.weights, h.weight = append(h.changes, c), append(h.weights, weight), h.weight+weight
	for len(h.changes) > maxChanges || h.weight > maxWeight {
		h.since = h.changes[0].serial
		h.weight -= h.weights[0]
		h.changes[0] = change{} // the array stays for a while
		h.changes, h.weights = h.changes[1:], h.weights[1:]
	}
}

// after returns the changes that led on from serial. ok is false if some of them are forgotten.
func (h *history) after(serial uint64) (changes []change, ok bool) {
	if !h.on || serial < h.since {
		return nil, false
	}
	first, _ := slices.BinarySearchFunc(h.changes, serial, func(c change, serial uint64) int {
		if c.serial <= serial {
			return -1
		}
		return 1
	})
	return h.changes[first:], true
}

// Newer reports whether the serial a is greater than b (RFC 1982 section 3.2).
func Newer(a, b uint32) bool { return int32(a-b) > 0 }
