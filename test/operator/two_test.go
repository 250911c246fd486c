// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"strings"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/test/internal/clients"
)

// leader returns who works, as the Lease has it, or "".
func leader(t *testing.T) string {
	t.Helper()
	lease := &coordinationv1.Lease{}
	err := api.Get(t.Context(), client.ObjectKey{Namespace: system, Name: "clusterdns-operator"}, lease)
	if err != nil || lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// TestTwoOperators has two of them: one works, and when it is killed, the other
// one does. Nobody who asks notices.
func TestTwoOperators(t *testing.T) {
	first := begin(t, base(t), "--leader-elect")
	held := leader(t)
	if held == "" {
		t.Fatal("nobody has the Lease, and the ClusterDNS is programmed")
	}
	second := operate(t, "--leader-elect")
	c := clients.Ask(service)
	defer c.None(t)
	give(t, withHost(t, "first.example"))
	programmed(t)
	if now := leader(t); now != held || strings.Contains(second.log.String(), "CanaryPassed") {
		t.Errorf("%s had the Lease, now %s has it; the other operator said:\n%s", held, now, second.log)
	}
	first.stop()
	give(t, withHost(t, "second.example"))
	programmed(t)
	answered(t, "second.example", "192.0.2.1")
	if now := leader(t); now == held {
		t.Errorf("%s still has the Lease, and was killed", now)
	}
	give(t, base(t))
	programmed(t)
}
