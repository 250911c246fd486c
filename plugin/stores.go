// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"slices"
	"sync"

	"github.com/coredns/caddy"

	"github.com/clusterdns/clusterdns/plugin/internal/watch"
)

// stores are the leases that this process holds, in the order in which they
// were taken. A Corefile that fails to load after its plugins were started
// leaves no other trace of them: nobody stops them.
var stores leases

type leases struct {
	mu   sync.Mutex
	held []holding
}

// A holding is a lease and the Corefile that took it, which is known by its context.
type holding struct {
	lease *watch.Lease
	by    caddy.Context
}

func (l *leases) add(lease *watch.Lease, by caddy.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = slices.DeleteFunc(l.held, func(h holding) bool { return h.lease.Released() })
	l.held = append(l.held, holding{lease, by})
}

// restartFailed releases what was taken after the leases of by: that Corefile
// goes on, and the one that was to follow it has failed.
func (l *leases) restartFailed(by caddy.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range slices.Backward(l.held) {
		if h.by == by {
			return
		}
		h.lease.Release()
	}
}
