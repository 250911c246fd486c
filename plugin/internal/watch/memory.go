// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"runtime/debug"
	"sync"
)

// readingGC is how much garbage, in percent of the live heap, a list may leave
// behind before it is collected: what is decoded is garbage at once, and the
// peak of a list is what gets DNS servers killed (kubernetes#139117).
const readingGC = 50

// reading counts the lists that are being read in this process.
var reading struct {
	sync.Mutex
	lists    int
	ordinary int // GOGC when none is
}

// beginReading lets the collector work harder until endReading.
func beginReading() {
	reading.Lock()
	defer reading.Unlock()
	if reading.lists++; reading.lists > 1 {
		return
	}
	reading.ordinary = debug.SetGCPercent(readingGC)
	if o := reading.ordinary; o >= 0 && o < readingGC {
		debug.SetGCPercent(o) // the user wants less still
	}
}

// endReading undoes beginReading, and reports whether that was the last list.
func endReading() (last bool) {
	reading.Lock()
	defer reading.Unlock()
	if reading.lists--; reading.lists > 0 {
		return false
	}
	debug.SetGCPercent(reading.ordinary)
	return true
}
