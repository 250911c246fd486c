// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package corefile_test asks CoreDNS about what the package corefile knows of
// it. The tests of that package do not link CoreDNS, which would slow down its
// fuzzing.
package corefile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/clusterdns/clusterdns/corefile"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	_ "github.com/coredns/coredns/plugin/any"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/bufsize"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/chaos"
	_ "github.com/coredns/coredns/plugin/debug"
	_ "github.com/coredns/coredns/plugin/dns64"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/header"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/local"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/metadata"
	_ "github.com/coredns/coredns/plugin/minimal"
	_ "github.com/coredns/coredns/plugin/multisocket"
	_ "github.com/coredns/coredns/plugin/nsid"
	"github.com/coredns/coredns/plugin/pkg/parse"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	_ "github.com/coredns/coredns/plugin/rewrite"
	_ "github.com/coredns/coredns/plugin/shed"
	_ "github.com/coredns/coredns/plugin/template"
	_ "github.com/coredns/coredns/plugin/timeouts"
	_ "github.com/coredns/coredns/plugin/transfer"
	_ "github.com/coredns/coredns/plugin/view"
	_ "github.com/coredns/coredns/plugin/whoami"
)

// TestRepeats writes plugins twice into a server block and lets CoreDNS set them
// up: Check reports those that it refuses, and no others.
func TestRepeats(t *testing.T) {
	for _, line := range []string{
		"any", "bind 127.0.0.1", "bufsize 1232", "cache 30", "chaos", "debug", "dns64", "errors", "forward . 192.0.2.1",
		"header {\nresponse set ra\n}", "health", "hosts {\n}", "loadbalance", "local", "log", "loop", "metadata", "minimal",
		"multisocket 2", "nsid a", "ready", "reload", "rewrite name a b", "shed", "template ANY ANY", "timeouts {\nread 1s\n}",
		"transfer {\nto *\n}", "view a {\nexpr true\n}", "whoami",
	} {
		name, _, _ := strings.Cut(line, " ")
		t.Run(name, func(t *testing.T) {
			once, twice := "example.org {\n"+line+"\n}\n", "example.org {\n"+line+"\n"+line+"\n}\n"
			if err := setUp(once); err != nil || slices.Contains(codes(t, once), corefile.DuplicatePlugin) {
				t.Fatalf("once: %v, %v", err, codes(t, once))
			}
			err := setUp(twice)
			if got, want := slices.Contains(codes(t, twice), corefile.DuplicatePlugin), err != nil; got != want {
				t.Errorf("twice: got %v, but CoreDNS says: %v", got, err)
			}
		})
	}
}

func setUp(text string) error {
	return caddy.ValidateAndExecuteDirectives(caddy.CaddyfileInput{Contents: []byte(text), ServerTypeName: "dns"}, nil, true)
}

// TestZones compares with how CoreDNS reads the keys of a server block. Check
// reports those that it refuses, and a second server block for any of the zones
// that a key stands for.
func TestZones(t *testing.T) {
	for _, key := range []string{
		".", ".:53", "example.org", "Example.ORG.", "example.org:1053", "example.org:053", "tls://example.org",
		"https://example.org:8443", "quic://.", "grpc://example.org", "foo://example.org", "dns://.:5353",
		"10.0.0.0/8", "10.0.0.0/24", "10.1.0.0/15", "10.1.2.3/15", "192.0.2.0/25", "0.0.0.0/0", "10.0.0.1/32", "10.0.0.0/24:53",
		"2001:db8::/32", "2001:db8::/30", "2001:db8::/64", "2001:db8::1/127", "10.0.0.0/33", "10.0.0.0", "fe80::1", "::/0", "0::/8",
		"::1/128", ":53", "example.org:", "a..b", ".a", "..", `a\.b`, `a\`, `a\046b.example`, `a\.`, "_sip._udp.example.org",
		"bücher.example", strings.Repeat("a", 63) + ".example", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127),
		strings.Repeat("a.", 128), "*.example.org",
	} {
		block := key + " {\nwhoami\n}\n"
		transport, host := parse.Transport(key)
		zones, port, err := plugin.SplitHostPort(host)
		if got, want := slices.Contains(codes(t, block), corefile.BadZone), err != nil; got != want {
			t.Errorf("%q: got %v, but CoreDNS says: %v", key, got, err)
		}
		for _, zone := range zones {
			other := transport + "://" + plugin.Name(zone).Normalize()
			if port != "" {
				other += ":" + port
			}
			if found := codes(t, block+other+" {\nwhoami\n}\n"); !slices.Contains(found, corefile.ZoneConflict) {
				t.Errorf("%q is not in conflict with %q", key, other)
			}
		}
	}
}

// codes returns those of the diagnostics for a Corefile.
func codes(t *testing.T, text string) []corefile.Code {
	t.Helper()
	f, err := corefile.Parse(text)
	if err != nil {
		t.Fatalf("parsing %q: %v", text, err)
	}
	var found []corefile.Code
	for _, d := range corefile.Check(f, corefile.Rules{Directives: dnsserver.Directives}) {
		found = append(found, d.Code)
	}
	return found
}

// TestChanges looks for the plugins that were added or removed.
func TestChanges(t *testing.T) {
	removed := make(map[string]bool)
	changes := corefile.Changes(corefile.Version{}, corefile.Version{Major: 1, Minor: 15})
	for _, c := range changes {
		if c.Option == "" && c.Kind == corefile.Removed {
			removed[c.Plugin] = true
		}
	}
	for _, c := range changes {
		if there := slices.Contains(dnsserver.Directives, c.Plugin); there == removed[c.Plugin] {
			t.Errorf("%v: %s is %s, but CoreDNS has it: %v", c.Version, c.Plugin, c.Kind, there)
		}
	}
}
