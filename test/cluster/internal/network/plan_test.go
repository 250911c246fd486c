// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package network

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func plan(t *testing.T, dir string, taken ...string) Plan {
	t.Helper()
	p, err := NewPlan(dir, prefixes(taken), true)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func prefixes(texts []string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestPlan(t *testing.T) {
	p := Plan{ID: "abcdef", V4: netip.MustParsePrefix("10.200.0.0/16"), V6: netip.MustParsePrefix("fd12:3456:789a::/48")}
	for _, tc := range []struct {
		what string
		got  any
		want string
	}{
		{"host", p.Host(), "[10.200.0.1 fd12:3456:789a::1]"},
		{"first node", p.Addresses(1), "[10.200.0.11 fd12:3456:789a::b]"},
		{"last node", p.Addresses(MaxNodes), "[10.200.0.210 fd12:3456:789a::d2]"},
		{"its pods", p.Pods(MaxNodes), "[10.200.200.0/24 fd12:3456:789a:c8::/64]"},
		{"interface", p.HostInterface(), "cdnsabcdef"},
		{"namespace", p.Namespace("node1"), "cdns-abcdef-node1"},
	} {
		if got := fmt.Sprint(tc.got); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.what, got, tc.want)
		}
	}
	if len(p.HostInterface()) > 15 {
		t.Error("the kernel takes no such name of an interface")
	}
	single := Plan{V4: p.V4}
	if got := fmt.Sprint(single.Host(), single.Pods(1), single.AllPods()); got != "[10.200.0.1] [10.200.1.0/24] [10.200.0.0/16]" {
		t.Errorf("without IPv6: got %s", got)
	}
}

func TestPlansDoNotMeet(t *testing.T) {
	first := plan(t, "/one")
	if again := plan(t, "/one", "0.0.0.0/0", "::/0", "192.0.2.0/24"); again != first {
		t.Errorf("the same directory: got %v, then %v", first, again)
	}
	other := plan(t, "/two")
	if other.ID == first.ID || other.V6 == first.V6 {
		t.Errorf("two directories: got %v and %v", first, other)
	}
	if beside := plan(t, "/one", first.V4.String()); beside.V4.Overlaps(first.V4) {
		t.Errorf("got %v, which is taken", beside.V4)
	}
	if within := plan(t, "/one", netip.PrefixFrom(first.Host()[0], 32).String()); within.V4.Overlaps(first.V4) {
		t.Errorf("got %v, which has a taken address", within.V4)
	}
	if err := first.Check(prefixes([]string{"0.0.0.0/0", other.V6.String()})); err != nil {
		t.Errorf("a free plan: %v", err)
	}
	if err := first.Check(prefixes([]string{first.Pods(7)[0].String()})); err == nil || !strings.Contains(err.Error(), "delete the directory") {
		t.Errorf("a taken plan: got %v", err)
	}
	if _, err := NewPlan("/one", prefixes([]string{"10.0.0.0/8"}), true); err == nil || !strings.Contains(err.Error(), "ip route show") {
		t.Errorf("nothing free: got %v", err)
	}
}

func TestDestination(t *testing.T) {
	for text, want := range map[string]string{
		"default": "", "10.0.0.0/8": "10.0.0.0/8", "192.0.2.2": "192.0.2.2/32", "fe80::/64": "fe80::/64", "::1": "::1/128",
	} {
		got, ok := destination(text)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: got %v, %v; want %q", text, got, ok, want)
		}
	}
}
