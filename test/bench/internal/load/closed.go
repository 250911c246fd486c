// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package load asks DNS servers many questions.
package load

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a query may take before it counts as lost.
const patience = 3 * time.Second

// Counts is what came back so far.
type Counts struct {
	Received  uint64
	Lost      uint64
	Truncated uint64
	Bytes     uint64
	Rcodes    [16]uint64
}

// Minus returns what came back since earlier.
func (c Counts) Minus(earlier Counts) Counts {
	c.Received -= earlier.Received
	c.Lost -= earlier.Lost
	c.Truncated -= earlier.Truncated
	c.Bytes -= earlier.Bytes
	for i := range c.Rcodes {
		c.Rcodes[i] -= earlier.Rcodes[i]
	}
	return c
}

func (c *Counts) add(o Counts) {
	c.Received += o.Received
	c.Lost += o.Lost
	c.Truncated += o.Truncated
	c.Bytes += o.Bytes
	for i := range c.Rcodes {
		c.Rcodes[i] += o.Rcodes[i]
	}
}

// count adds a response.
func (c *Counts) count(response []byte) {
	c.Received++
	c.Bytes += uint64(len(response))
	c.Rcodes[response[3]&15]++
	if response[2]&2 != 0 {
		c.Truncated++
	}
}

// A Plan says how to ask.
type Plan struct {
	Server  netip.AddrPort
	Queries [][]byte // their ids are overwritten
	TCP     bool
	Sockets int
	Window  int // queries under way on each socket, at most 256
}

// A Load is going on: on every socket the next query is sent as soon as a
// response makes room for it.
type Load struct {
	cancel  context.CancelFunc
	workers sync.WaitGroup
	sockets []*socket
	err     atomic.Pointer[error]
}

// socket is padded: its counts must not share a cache line with another's.
type socket struct {
	plan   Plan
	next   int // index of the next query
	mu     sync.Mutex
	counts Counts
	_      [64]byte
}

// Start begins a load.
func Start(ctx context.Context, plan Plan) *Load {
	ctx, cancel := context.WithCancel(ctx)
	l := &Load{cancel: cancel}
	for i := range plan.Sockets {
		s := &socket{plan: plan, next: i * len(plan.Queries) / plan.Sockets}
		l.sockets = append(l.sockets, s)
		run := s.udp
		if plan.TCP {
			run = s.tcp
		}
		l.workers.Go(func() {
			if err := run(ctx); err != nil {
				l.err.CompareAndSwap(nil, &err)
			}
		})
	}
	return l
}

// Counts returns what came back so far.
func (l *Load) Counts() Counts {
	var sum Counts
	for _, s := range l.sockets {
		s.mu.Lock()
		sum.add(s.counts)
		s.mu.Unlock()
	}
	return sum
}

// Stop ends the load and returns what went wrong.
func (l *Load) Stop() error {
	l.cancel()
	l.workers.Wait()
	if err := l.err.Load(); err != nil {
		return *err
	}
	return nil
}

// fill copies the next query to buf, with the id, and returns its length.
func (s *socket) fill(buf []byte, id uint16) int {
	n := copy(buf, s.plan.Queries[s.next])
	binary.BigEndian.PutUint16(buf, id)
	if s.next++; s.next == len(s.plan.Queries) {
		s.next = 0
	}
	return n
}

func (s *socket) tally(c Counts) {
	s.mu.Lock()
	s.counts.add(c)
	s.mu.Unlock()
}

// closeWith closes c when ctx is done, which ends what waits for it.
func closeWith(ctx context.Context, c net.Conn) func() {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	return func() {
		stop()
		_ = c.Close()
	}
}

func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
