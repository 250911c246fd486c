// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package qname_test

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

func TestAppendDashed(t *testing.T) {
	tests := map[string]struct {
		in   string
		want string
	}{
		"IPv4":                    {"10.0.0.1", "10-0-0-1"},
		"IPv4 longest":            {"255.255.255.255", "255-255-255-255"},
		"IPv4 zeros":              {"0.0.0.0", "0-0-0-0"},
		"IPv6":                    {"2001:db8::1", "2001-db8--1"},
		"IPv6 longest":            {"2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", "2001-db8-aaaa-bbbb-cccc-dddd-eeee-ffff"},
		"IPv6 zeros":              {"::", "--0"},
		"IPv6 that begins with :": {"::1", "--1"},
		"IPv6 that ends in :":     {"fd00::", "fd00--0"},
		"IPv6 seven and ::":       {"1:2:3:4:5:6:7:0", "1-2-3-4-5-6-7-0"},
		"IPv6 :: before two":      {"::7:8", "--7-8"},
		"IPv6 only two left":      {"1:2::", "1-2--0"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a := netip.MustParseAddr(tc.in)
			got := string(qname.AppendDashed([]byte("x."), a))
			if want := "x." + tc.want; got != want {
				t.Errorf("AppendDashed(x., %s) = %q, want %q", a, got, want)
			}
			if !qname.IsDashed(tc.want, a) {
				t.Errorf("IsDashed(%q, %s) = false", tc.want, a)
			}
			if !qname.IsDashed(strings.ToUpper(tc.want), a) {
				t.Errorf("IsDashed(%q, %s) = false in upper case", strings.ToUpper(tc.want), a)
			}
			if parsed, ok := qname.ParseDashed(tc.want); !ok || parsed != a {
				t.Errorf("ParseDashed(%q) = %s, %t, want %s", tc.want, parsed, ok, a)
			}
		})
	}
}

func TestParseDashed(t *testing.T) {
	tests := map[string]struct {
		in   string
		want string // "" if it is none
	}{
		"IPv4":                       {"10-0-0-1", "10.0.0.1"},
		"IPv4 of three":              {"10-0-1", ""},
		"IPv4 of five":               {"10-0-0-0-1", ""},
		"IPv4 leading zero":          {"10-0-0-01", ""},
		"IPv4 octet 256":             {"10-0-0-256", ""},
		"IPv4 ends in hyphen":        {"10-0-0-", ""},
		"IPv4 begins with hyphen":    {"-10-0-0", ""},
		"IPv4 with a dot":            {"10.0-0-0", ""},
		"IPv4 with escaped dots":     {`10\.0\.0\.1`, ""},
		"IPv4 hexadecimal":           {"a-0-0-1", ""},
		"IPv6":                       {"2001-db8--1", "2001:db8::1"},
		"IPv6 in upper case":         {"2001-DB8--A", "2001:db8::a"},
		"IPv6 in full":               {"2001-0db8-0000-0000-0000-0000-0000-0001", "2001:db8::1"},
		"IPv6 not the shortest":      {"2001-db8-0-0--1", "2001:db8::1"},
		"IPv6 ends in hyphens":       {"fd00--", "fd00::"},
		"IPv6 ends in hyphens, zero": {"fd00--0", "fd00::"},
		"IPv6 only hyphens":          {"--", "::"},
		"IPv6 unspecified":           {"--0", "::"},
		"IPv6 three hyphens":         {"fd00--1-2", "fd00::1:2"},
		"IPv6 three in a row":        {"fd00---1", ""},
		"IPv6 two gaps":              {"fd00--1--2", ""},
		"IPv6 nine groups":           {"1-2-3-4-5-6-7-8-9", ""},
		"IPv6 group of five":         {"fd000--1", ""},
		"IPv6 with a colon":          {"fd00::1", ""},
		"IPv6 with zone":             {"fe80--1%eth0", ""},
		"IPv6 with escaped zone":     {`fe80--1\0371`, ""},
		"IPv4 mapped":                {"--ffff-a00-1", "10.0.0.1"},
		"no address":                 {"web-0", ""},
		"three hyphens, no address":  {"my-web-app-0", ""},
		"empty":                      {"", ""},
		"a hyphen":                   {"-", ""},
		"a number":                   {"167772161", ""},
		"too long":                   {strings.Repeat("0-", 20), ""},
		"longest, no address":        {strings.Repeat("a", 39), ""},
		"63 octets":                  {strings.Repeat("0", 63), ""},
		"octets of no text":          {"\x00\xff", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a, ok := qname.ParseDashed(tc.in)
			got := ""
			if ok {
				got = a.String()
			}
			if got != tc.want {
				t.Errorf("ParseDashed(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

func TestIsDashed(t *testing.T) {
	tests := map[string]struct {
		in   [2]string // label, address
		want bool
	}{
		"IPv4":                  {[2]string{"10-0-0-1", "10.0.0.1"}, true},
		"another IPv4":          {[2]string{"10-0-0-2", "10.0.0.1"}, false},
		"IPv6":                  {[2]string{"fd00--a", "fd00::a"}, true},
		"IPv6 in mixed case":    {[2]string{"Fd00--A", "fd00::a"}, true},
		"IPv6 in full":          {[2]string{"fd00-0-0-0-0-0-0-a", "fd00::a"}, false},
		"IPv6 leading zeros":    {[2]string{"fd00--000a", "fd00::a"}, false},
		"IPv6 without the zero": {[2]string{"fd00--", "fd00::"}, false},
		"empty":                 {[2]string{"", "10.0.0.1"}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := qname.IsDashed(tc.in[0], netip.MustParseAddr(tc.in[1])); got != tc.want {
				t.Errorf("IsDashed(%q, %s) = %t, want %t", tc.in[0], tc.in[1], got, tc.want)
			}
		})
	}
}

// TestDashedRoundTrip: of all spellings of an address exactly one is its name.
func TestDashedRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		var ip [16]byte
		for i := range ip {
			if rnd.IntN(3) > 0 { // runs of zeros are where the text is special
				ip[i] = byte(rnd.Uint32())
			}
		}
		a := netip.AddrFrom16(ip)
		if rnd.IntN(4) == 0 {
			a = netip.AddrFrom4([4]byte(ip[:4]))
		}
		label := string(qname.AppendDashed(nil, a))
		got, ok := qname.ParseDashed(label)
		if !ok || got != a.Unmap() || !qname.IsDashed(label, a) {
			t.Fatalf("%s is %q, parsed %s, %t, IsDashed %t", a, label, got, ok, qname.IsDashed(label, a))
		}
		if len(label) > 63 || strings.HasSuffix(label, "-") || strings.ContainsAny(label, ".:") {
			t.Fatalf("%s is %q, which is no label", a, label)
		}
	}
}

// slowParseDashed is what ParseDashed should return, by the library.
func slowParseDashed(s string) (netip.Addr, bool) {
	separator := ":"
	if strings.Count(s, "-") == 3 && !strings.Contains(s, "--") {
		separator = "."
	}
	a, err := netip.ParseAddr(strings.ReplaceAll(s, "-", separator))
	if strings.ContainsAny(s, ".:%") || err != nil {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}

// FuzzDashed: what parses is what the library parses, and is named by one
// spelling, which parses to the same.
func FuzzDashed(f *testing.F) {
	for _, s := range []string{"10-0-0-1", "fd00--1", "--", "--0", "-", "fd00--0", "1-2-3-4-5-6-7-8", "--ffff-a00-1", "my-web-app-0",
		"1-2-3-4-5-6-7--", "1-2-3-4-5-6-7-8--", "1--2-3-4-5-6-7-8", "--2-3-4-5-6-7-8", "1-2-3-4-5-6--8", "---", "1-", "-1", "1--2--3", "00000--", "F--", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := qname.ParseDashed(s)
		if want, wantOK := slowParseDashed(s); ok != wantOK || ok && a != want {
			t.Errorf("ParseDashed(%q) = %s, %t, want %s, %t", s, a, ok, want, wantOK)
		}
		if !ok {
			return
		}
		label := string(qname.AppendDashed(nil, a))
		if b, ok := qname.ParseDashed(label); !ok || b != a {
			t.Errorf("%q is %s, whose name %q is %s", s, a, label, b)
		}
		if qname.IsDashed(s, a) != strings.EqualFold(s, label) {
			t.Errorf("IsDashed(%q, %s) = %t, want %t", s, a, qname.IsDashed(s, a), !qname.IsDashed(s, a))
		}
	})
}

// TestBugDashedAllocates: reading a label as an address, and comparing it with
// one, takes an allocation, two if the label is none. That is done for every
// EndpointSlice of a Service (see answer's TestBugAllocationsPerEndpoint).
func TestBugDashedAllocates(t *testing.T) {
	for _, label := range []string{"10-0-0-1", "2001-db8-aaaa-bbbb-cccc-dddd-eeee-ffff", "fd00--1", "web-0", "web", "my-web-app-0"} {
		if got := testing.AllocsPerRun(100, func() { _, sinkBool = qname.ParseDashed(label) }); got != 0 {
			t.Errorf("ParseDashed(%q) allocates %v times, want 0", label, got)
		}
		a, ok := qname.ParseDashed(label)
		if !ok {
			continue
		}
		if got := testing.AllocsPerRun(100, func() { sinkBool = qname.IsDashed(label, a) }); got != 0 {
			t.Errorf("IsDashed(%q) allocates %v times, want 0", label, got)
		}
	}
}
