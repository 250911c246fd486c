// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"slices"
	"sync"

	"github.com/coredns/caddy"

	"github.com/clusterdns/clusterdns/plugin/internal/watch"
)

// stores are the leases that this process holds. A Corefile that fails to load
// after its plugins were started leaves no other trace of them: nobody stops them.
var stores leases

type leases struct {
	mu   sync.Mutex
	held []holding
}

// A holding is a lease and the running Corefile that took it.
type holding struct {
	lease *watch.Lease
	by    *caddy.Instance
}

// add keeps a lease that was taken by the Corefile that is being started, and
// gives up those of Corefiles that failed.
func (l *leases) add(lease *watch.Lease) {
	l.mu.Lock()
	if running := caddy.Instances(); len(running) > 0 {
		l.held = append(l.held, holding{lease, running[len(running)-1]})
	}
	l.mu.Unlock()
	l.prune()
}

// prune releases what Corefiles hold that are neither running nor being started.
func (l *leases) prune() {
	l.mu.Lock()
	defer l.mu.Unlock()
	running := caddy.Instances()
	l.held = slices.DeleteFunc(l.held, func(h holding) bool {
		if slices.Contains(running, h.by) && !h.lease.Released() {
			return false
		}
		h.lease.Release()
		return true
	})
}
