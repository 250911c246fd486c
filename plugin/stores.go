// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"slices"
	"sync"

	"github.com/clusterdns/clusterdns/plugin/internal/watch"
)

// stores are the leases that this process holds, in the order in which they
// were taken. A Corefile that fails to load after its plugins were started
// leaves no other trace of them: nobody stops them.
var stores leases

type leases struct {
	mu   sync.Mutex
	held []*watch.Lease
}

func (l *leases) add(lease *watch.Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = append(slices.DeleteFunc(l.held, (*watch.Lease).Released), lease)
}

// releaseAfter releases what was taken after lease: the configuration that has
// lease goes on, and the one that was to follow it has failed.
func (l *leases) releaseAfter(lease *watch.Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.held, lease)
	if i < 0 {
		return
	}
	for _, newer := range l.held[i+1:] {
		newer.Release()
	}
}
