// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"time"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/index"
)

const (
	// notifyInterval is how far apart two NOTIFY messages for a zone are at least:
	// a roll-out changes a zone many times, and secondaries need not follow each.
	notifyInterval = 5 * time.Second
	// notifyDelay is how soon a change is noticed.
	notifyDelay = 250 * time.Millisecond
)

// A notifier tells the secondaries of one zone that it changed (RFC 1996).
type notifier struct {
	zone   answer.Zone
	index  *index.Index
	send   func(zone string) error
	told   bool
	serial uint32    // that secondaries were told of, or one with the same zone
	last   time.Time // when they were told
	failed bool
}

// run notifies until released, and not before ready.
func (n *notifier) run(ready, released func() bool) {
	tick := time.NewTicker(notifyDelay)
	defer tick.Stop()
	for now := range tick.C {
		if released() {
			return
		}
		if ready() && n.due(now) {
			n.notify(now)
		}
	}
}

// due reports whether secondaries are to be told now: the first time, and when
// the zone is not what they were told of. A change of other zones is no reason,
// although the serial is that of them all.
func (n *notifier) due(now time.Time) bool {
	if !n.told {
		return true
	}
	serial := n.zone.Serial(n.index)
	if serial == n.serial || now.Sub(n.last) < notifyInterval {
		return false
	}
	if n.zone.Joint() {
		return true
	}
	changes, ok := n.index.Since(n.serial, n.zone.Reaches, n.zone.Options.Local)
	if !ok {
		return true
	}
	if deleted, added := n.zone.Difference(changes); len(deleted)+len(added) > 0 {
		return true
	}
	n.serial = changes.Now.Serial
	return false
}

func (n *notifier) notify(now time.Time) {
	n.told, n.serial, n.last = true, n.zone.Serial(n.index), now
	err := n.send(n.zone.Origin)
	switch {
	case err != nil && !n.failed:
		log.Warningf("Notifying the secondaries of %s: %v. They find out by themselves when the refresh time of the zone is over", n.zone.Origin, err)
	case err == nil && n.failed:
		log.Infof("Notifying the secondaries of %s: works again", n.zone.Origin)
	}
	n.failed = err != nil
}
