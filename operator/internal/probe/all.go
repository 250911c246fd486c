// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"sync"
	"time"
)

// Asked is a question to a server.
type Asked struct {
	Target   Target
	Question Question
	Timeout  time.Duration // from when its turn comes; zero is [Timeout]
}

// All asks as [Ask] does, at most parallel questions at a time but at least one,
// and returns the reports in the order of asks. When ctx ends, so do the
// questions under way, and those whose turn has not come are not asked.
func All(ctx context.Context, asks []Asked, parallel int) []Report {
	reports := make([]Report, len(asks))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(max(parallel, 1), len(asks)) {
		workers.Go(func() {
			for i := range next {
				reports[i] = asks[i].ask(ctx)
			}
		})
	}
	for i := range asks {
		next <- i
	}
	close(next)
	workers.Wait()
	return reports
}

func (a Asked) ask(ctx context.Context) Report {
	timeout := a.Timeout
	if timeout <= 0 {
		timeout = Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return Ask(ctx, a.Target, a.Question)
}
