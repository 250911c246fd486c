// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
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
// up. It refuses those that the table says, and no others.
func TestRepeats(t *testing.T) {
	for _, line := range []string{
		"any", "bind 127.0.0.1", "bufsize 1232", "cache 30", "chaos", "debug", "dns64", "errors", "forward . 192.0.2.1",
		"header {\nresponse set ra\n}", "health", "hosts {\n}", "loadbalance", "local", "log", "loop", "metadata", "minimal",
		"multisocket 2", "nsid a", "ready", "reload", "rewrite name a b", "shed", "template ANY ANY", "timeouts {\nread 1s\n}",
		"transfer {\nto *\n}", "view a {\nexpr true\n}", "whoami",
	} {
		name, _, _ := strings.Cut(line, " ")
		t.Run(name, func(t *testing.T) {
			if err := setUp(line); err != nil {
				t.Fatalf("once: %v", err)
			}
			err := setUp(line + "\n" + line)
			if got, want := err != nil, repeats[name] == refused; got != want {
				t.Errorf("twice: got %v, want an error: %v", err, want)
			}
		})
	}
}

func setUp(lines string) error {
	text := "example.org {\n" + lines + "\n}\n"
	return caddy.ValidateAndExecuteDirectives(caddy.CaddyfileInput{Contents: []byte(text), ServerTypeName: "dns"}, nil, true)
}

// TestParseKey compares with how CoreDNS reads the keys of a server block.
func TestParseKey(t *testing.T) {
	for _, key := range []string{
		".", ".:53", "example.org", "Example.ORG.", "example.org:1053", "example.org:053", "tls://example.org",
		"https://example.org:8443", "quic://.", "grpc://example.org", "foo://example.org", "dns://.:5353",
		"10.0.0.0/8", "10.0.0.0/24", "10.1.0.0/15", "10.1.2.3/15", "192.0.2.0/25", "0.0.0.0/0", "10.0.0.1/32", "10.0.0.0/24:53",
		"2001:db8::/32", "2001:db8::/30", "2001:db8::/64", "2001:db8::1/127", "10.0.0.0/33", "10.0.0.0", "fe80::1", "::/0", "0::/8", "::1/128",
		"", ":53", "example.org:", "a..b", ".a", "..", `a\.b`, `a\`, `a\046b.example`, `a\.`, "_sip._udp.example.org", "bücher.example",
		strings.Repeat("a", 63) + ".example", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127), strings.Repeat("a.", 128),
		"*.example.org", "a b", "}", "{",
	} {
		transport, host := cutTransport(key)
		hosts, port, wantErr := plugin.SplitHostPort(host)
		var want []string
		for _, h := range hosts {
			want = append(want, plugin.Name(h).Normalize())
		}
		if port == "" {
			port = transports[transport]
		}
		listens, err := parseKey(key)
		var got []string
		for _, l := range listens {
			got = append(got, l.zone)
			if l.port != port {
				t.Errorf("%q: got port %s, want %s", key, l.port, port)
			}
		}
		if (err != nil) != (wantErr != nil) || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q, %v", key, got, err, want, wantErr)
		}
	}
}
