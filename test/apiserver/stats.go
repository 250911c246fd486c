// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"maps"
	"slices"
)

// Verbs of requests, as RBAC names them, but for VerbWatchList and VerbOther.
const (
	VerbGet       = "get"
	VerbList      = "list"
	VerbWatch     = "watch"     // without sendInitialEvents=true
	VerbWatchList = "watchlist" // with it
	VerbOther     = "other"     // discovery, health and what is not served; the resource is the path
)

// Request is what requests are counted by.
type Request struct {
	Verb     string
	Resource string // plural, without the group
	// ContentType is the first media type that the client asked for, without parameters.
	ContentType string
	// Metadata says that the client asked for a PartialObjectMetadata or a list of them.
	Metadata bool
}

// stats is what clients did. Guarded by Server.mu.
type stats struct {
	requests   map[Request]int
	agents     map[string]bool
	waiting    int
	maxWaiting int
}

func newStats() stats { return stats{requests: map[Request]int{}, agents: map[string]bool{}} }

// Requests returns how many requests of each sort came in, refused ones included.
func (s *Server) Requests() map[Request]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.stats.requests)
}

// Count returns how many requests with the verb for the resource came in, whatever their content type.
func (s *Server) Count(verb, resource string) int {
	n := 0
	for r, count := range s.Requests() {
		if r.Verb == verb && r.Resource == resource {
			n += count
		}
	}
	return n
}

// UserAgents returns the different User-Agent headers seen, sorted.
func (s *Server) UserAgents() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.stats.agents))
}

// MaxConcurrent returns the largest number of requests that were waiting for the beginning of their
// response at the same time. An open watch is not waiting. Delay makes requests overlap.
func (s *Server) MaxConcurrent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats.maxWaiting
}

// OpenWatches returns the number of open watches of the resource.
func (s *Server) OpenWatches(resource string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for w := range s.watches {
		if w.in.Resource == resource {
			n++
		}
	}
	return n
}

// ResetStats forgets the requests, the user agents and MaxConcurrent.
func (s *Server) ResetStats() {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.stats.waiting
	s.stats = newStats()
	s.stats.waiting, s.stats.maxWaiting = waiting, waiting
}

// begin counts a request that now waits for its response.
func (s *Server) begin(r Request, agent string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.requests[r]++
	s.stats.agents[agent] = true
	s.stats.waiting++
	s.stats.maxWaiting = max(s.stats.maxWaiting, s.stats.waiting)
	s.broadcast()
}

// respond counts a request out, just before the first byte of its response.
func (s *Server) respond() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.waiting--
	s.broadcast()
}
