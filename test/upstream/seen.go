// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/miekg/dns"
)

// remembered is how many questions a server remembers.
const remembered = 100

// A Query is a question that a server was asked.
type Query struct {
	Transport        Transport
	ID               uint16
	Name             string // as it was written
	Type             uint16
	RecursionDesired bool
	UDPSize          uint16 // of EDNS; zero without it
}

// seen is what a server was asked.
type seen struct {
	mu     sync.Mutex
	counts map[Transport]int
	last   []Query
	more   chan struct{} // closed with the next question; nil if nobody waits
}

func (s *seen) add(t Transport, m *dns.Msg) {
	q := Query{Transport: t, ID: m.Id, RecursionDesired: m.RecursionDesired}
	if len(m.Question) == 1 {
		q.Name, q.Type = m.Question[0].Name, m.Question[0].Qtype
	}
	if opt := m.IsEdns0(); opt != nil {
		q.UDPSize = opt.UDPSize()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[Transport]int{}
	}
	s.counts[t]++
	s.last = append(s.last, q)
	if len(s.last) > remembered {
		s.last = slices.Delete(s.last, 0, 1)
	}
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
}

// total returns how many questions came, and what is closed with the next.
func (s *seen) total() (n int, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, count := range s.counts {
		n += count
	}
	if s.more == nil {
		s.more = make(chan struct{})
	}
	return n, s.more
}

// Await waits until n questions came, and fails if ctx ends before that.
func (s *Server) Await(ctx context.Context, n int) error {
	for {
		total, more := s.seen.total()
		if total >= n {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("waiting for question %d, %d came: %w", n, total, ctx.Err())
		}
	}
}

// Counts returns how many questions came over each transport, also those that
// were not answered.
func (s *Server) Counts() map[Transport]int {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	return maps.Clone(s.seen.counts)
}

// Queries returns the last hundred questions, the newest last.
func (s *Server) Queries() []Query {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	return slices.Clone(s.seen.last)
}

// Forget has [Server.Counts] and [Server.Queries] begin anew.
func (s *Server) Forget() {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	s.seen.counts, s.seen.last = nil, nil
}
