// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import "testing"

// pending are bugs of our plugin that are known and not fixed yet. They fail
// the test once each, and so hide neither themselves nor other differences.
// What is right does not belong here but into divergences.txt.
var pending []*bug

// A bug is known by what it does.
type bug struct {
	what  string
	is    func(d *Difference) bool
	times int
	first *Difference
}

// pend reports whether d is due to a known bug.
func pend(d *Difference) bool {
	for _, b := range pending {
		if d.Clean == nil && b.is(d) {
			if b.times++; b.first == nil {
				b.first = d
			}
			return true
		}
	}
	return false
}

// reportPending fails for every bug that is not fixed.
func reportPending(t *testing.T) {
	t.Helper()
	for _, b := range pending {
		if b.times > 0 {
			t.Errorf("known bug: %s: %d differences such as %s", b.what, b.times, b.first)
		}
	}
}
