// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/test/internal/clients"
)

// TestKilledAtAnyMoment kills the operator at many points of roll-outs: another
// one goes on from there, and nobody who asks notices.
func TestKilledAtAnyMoment(t *testing.T) {
	o := begin(t, base(t))
	c := clients.Ask(service)
	defer c.None(t)
	for k := range 21 {
		give(t, withHost(t, fmt.Sprintf("kill-%d.example", k)))
		kill := time.NewTimer(time.Duration(k) * 150 * time.Millisecond)
		<-kill.C
		o.stop()
		neverPinned(t, o)
		o = operate(t)
		await(t, fmt.Sprintf("after %d00 ms the workload gets it", k), given)
		if log := o.log.String(); strings.Contains(log, "CanaryFailed") || strings.Contains(log, "RolledBack") {
			t.Errorf("the roll-out failed after %d * 150 ms:\n%s", k, log)
		}
	}
	d := programmed(t)
	neverPinned(t, o)
	answered(t, "kill-20.example", "192.0.2.1")
	if d.Status.LastGoodRevision != d.Status.Revision.Name {
		t.Errorf("the last good revision is %s, want %s", d.Status.LastGoodRevision, d.Status.Revision.Name)
	}
	give(t, base(t))
	programmed(t)
}
