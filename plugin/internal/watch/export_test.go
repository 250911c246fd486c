// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"testing"
	"time"
)

// PageSize is how many objects a page of a list has.
const PageSize = pageSize

// ExpectBookmarks sets how long a watch may be silent, until the test ends.
func ExpectBookmarks(t *testing.T, d time.Duration) { swap(t, &bookmarkPatience, d) }

// ExpectResponses sets how long a response may take to begin, until the test ends.
func ExpectResponses(t *testing.T, d time.Duration) { swap(t, &headTimeout, d) }

func swap[T any](t *testing.T, p *T, v T) {
	old := *p
	*p = v
	t.Cleanup(func() { *p = old })
}
