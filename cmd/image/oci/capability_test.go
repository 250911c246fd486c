// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"encoding/hex"
	"testing"
)

// TestXattr compares with what setcap cap_net_bind_service+ep writes.
func TestXattr(t *testing.T) {
	const want = "0100000200040000000000000000000000000000"
	if got := hex.EncodeToString([]byte(NetBindService.xattr())); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	const high = "0100000200000000000000008000000000000000" // cap_bpf, 39
	if got := hex.EncodeToString([]byte(Capabilities(1 << 39).xattr())); got != high {
		t.Errorf("got %s, want %s", got, high)
	}
}
