// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"strings"
	"testing"
)

// TestParseKey has exact zones. test/corefile compares more keys with CoreDNS.
func TestParseKey(t *testing.T) {
	for _, tt := range []struct{ key, want string }{
		{".", "dns://.:53"},
		{"Example.ORG:1053", "dns://example.org.:1053"},
		{"tls://example.org.", "tls://example.org.:853"},
		{"10.0.0.0/8", "dns://10.in-addr.arpa.:53"},
		{"10.0.0.0/15", "dns://0.10.in-addr.arpa.:53 dns://1.10.in-addr.arpa.:53"},
		{"2001:db8::/31", "dns://8.b.d.0.1.0.0.2.ip6.arpa.:53 dns://9.b.d.0.1.0.0.2.ip6.arpa.:53"},
		{"0.0.0.0/0", "dns://in-addr.arpa.:53"},
	} {
		zones, err := parseKey(tt.key)
		if err != nil {
			t.Errorf("%q: %v", tt.key, err)
		}
		var got []string
		for _, z := range zones {
			got = append(got, z.transport+"://"+z.zone+":"+z.port)
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.key, got, tt.want)
		}
	}
}
