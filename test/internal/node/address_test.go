// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"net/netip"
	"testing"
)

func TestReach(t *testing.T) {
	for _, c := range []struct{ pod, want string }{
		{"10.244.0.2:53", "127.244.0.2:1053"},
		{"10.244.3.9:1023", "127.244.3.9:2023"},
		{"10.244.3.9:1024", "127.244.3.9:1024"},
		{"10.244.0.2:8181", "127.244.0.2:8181"},
		{"[::ffff:10.244.0.2]:853", "127.244.0.2:1853"},
		{"[2001:db8::1]:53", "[2001:db8::1]:1053"},
	} {
		if got := Reach(netip.MustParseAddrPort(c.pod)).String(); got != c.want {
			t.Errorf("Reach(%s): got %s, want %s", c.pod, got, c.want)
		}
	}
}

// Two Nodes on one machine do not give their Pods the same address.
func TestPool(t *testing.T) {
	network := netip.MustParsePrefix("10.251.7.0/29")
	one, other := newPool(network), newPool(network)
	var got []string
	for _, p := range []*pool{one, other, one, one, other} { // other begins where it began
		a, err := p.take()
		if err != nil {
			t.Fatal(err)
		}
		defer p.release(a)
		got = append(got, a.String())
	}
	want := []string{"10.251.7.2", "10.251.7.3", "10.251.7.4", "10.251.7.5", "10.251.7.6"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("addresses: got %v, want %v", got, want)
			break
		}
	}
	if a, err := one.take(); err == nil {
		t.Errorf("after the last address came %s", a)
	}
	one.release(netip.MustParseAddr("10.251.7.4"))
	if a, err := other.take(); err != nil || a.String() != "10.251.7.4" {
		t.Errorf("an address that was released: got %s, %v", a, err)
	}
	other.release(netip.MustParseAddr("10.251.7.4"))
}
