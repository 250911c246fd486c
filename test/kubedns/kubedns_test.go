// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package kubedns

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/test/upstream"
)

// folder is a ConfigMap as it is mounted.
func folder(t *testing.T, keys map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, keys)
	return dir
}

func write(t *testing.T, dir string, keys map[string]string) {
	t.Helper()
	for name, text := range keys {
		// As the kubelet does: a reader sees all of it or what was there before.
		fresh := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(fresh, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDnsmasq has the flags of dnsmasq-nanny, in its words.
func TestDnsmasq(t *testing.T) {
	const args = "-k --cache-size=1000 --server=/cluster.local/127.0.0.1#10053"
	for _, c := range []struct{ name, stubs, upstreams, want string }{
		{"nothing", "", "", ""},
		{"every server, with its port", `{"corp.example":["192.0.2.1","192.0.2.2:5353"]}`, "",
			" --server /corp.example/192.0.2.1 --server /corp.example/192.0.2.2#5353"},
		{"a host, once", `{"partner.example":["ns.hosting.example"]}`, "", " --server /partner.example/198.51.100.1"},
		{"a host without an address", `{"partner.example":["gone.example"]}`, "", " --server /partner.example/gone.example"},
		{"IPv6", `{"six.example":["2001:db8::1","[2001:db8::2]:54"]}`, "",
			" --server /six.example/2001:db8::1 --server /six.example/2001:db8::2#54"},
		{"upstreams instead of the node's", "", `["192.0.2.53", "192.0.2.54:5353"]`, " --server 192.0.2.53 --server 192.0.2.54#5353 --no-resolv"},
		{"both", `{"b.example":["192.0.2.2"],"a.example":["192.0.2.1"]}`, `["192.0.2.53"]`,
			" --server /a.example/192.0.2.1 --server /b.example/192.0.2.2 --server 192.0.2.53 --no-resolv"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, err := Read(folder(t, map[string]string{"stubDomains": c.stubs, "upstreamNameservers": c.upstreams}))
			if err != nil {
				t.Fatal(err)
			}
			asked := 0
			lookUp := func(host string) (netip.Addr, error) {
				asked++
				if host == "ns.hosting.example" {
					return netip.MustParseAddr("198.51.100.1"), nil
				}
				return netip.Addr{}, errors.New("no such host")
			}
			got := strings.Join(Dnsmasq(strings.Fields(args), config, lookUp, t.Logf), " ")
			if got != args+c.want {
				t.Errorf("got\n%s, want\n%s", got, args+c.want)
			}
			if hosts := strings.Count(c.stubs, "ns.hosting") + strings.Count(c.stubs, "gone"); asked != hosts {
				t.Errorf("%d hosts were looked up, want %d", asked, hosts)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	for name, keys := range map[string]map[string]string{
		"not JSON":        {"stubDomains": "corp.example"},
		"not a list":      {"upstreamNameservers": `"192.0.2.1"`},
		"a host upstream": {"upstreamNameservers": `["dns.example"]`},
		"four upstreams":  {"upstreamNameservers": `["192.0.2.1","192.0.2.2","192.0.2.3","192.0.2.4"]`},
		"one good key":    {"stubDomains": `{"a.example":["192.0.2.1"]}`, "upstreamNameservers": "{"},
	} {
		if c, err := Read(folder(t, keys)); err == nil || c.StubDomains != nil || c.Upstreams != nil {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if c, err := Read(filepath.Join(t.TempDir(), "none")); err != nil || c.StubDomains != nil {
		t.Errorf("without a ConfigMap: %+v, %v", c, err)
	}
}

// TestKeeper starts the program anew with other settings, and with nothing else.
func TestKeeper(t *testing.T) {
	dir := folder(t, map[string]string{"upstreamNameservers": `["192.0.2.1"]`})
	started := make(chan Config)
	said := make(chan string, 100)
	k := Keeper{
		Folder: dir, period: time.Millisecond,
		Program: func(ctx context.Context, c Config) *exec.Cmd {
			started <- c
			return exec.CommandContext(ctx, "sleep", "3600")
		},
		Log: func(format string, args ...any) {
			select {
			case said <- fmt.Sprintf(format, args...):
			default:
			}
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error)
	go func() { over <- k.Run(ctx) }()
	if c := <-started; c.Upstreams[0] != "192.0.2.1" {
		t.Errorf("it starts with %+v", c)
	}
	write(t, dir, map[string]string{"upstreamNameservers": `["dns.example"]`})
	for text := range said {
		if strings.Contains(text, "stay as they were") {
			break
		}
	}
	write(t, dir, map[string]string{"upstreamNameservers": `["192.0.2.2"]`})
	if c := <-started; c.Upstreams[0] != "192.0.2.2" {
		t.Errorf("it starts anew with %+v", c)
	}
	cancel()
	if err := <-over; err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// TestKeeperProgramEnds: then the container ends, and the kubelet starts it anew.
func TestKeeperProgramEnds(t *testing.T) {
	k := Keeper{Folder: t.TempDir(), Log: t.Logf, Program: func(ctx context.Context, _ Config) *exec.Cmd {
		return exec.CommandContext(ctx, "sh", "-c", "exit 5")
	}}
	if err := k.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "exit status 5") {
		t.Errorf("got %v", err)
	}
}

func TestProbe(t *testing.T) {
	s, err := upstream.Start(upstream.Config{Records: []string{"a.example.org. 60 IN A 192.0.2.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	p, err := ParseProbe("dnsmasq," + s.Address(upstream.UDP).String() + ",a.example.org,5,A")
	if err != nil {
		t.Fatal(err)
	}
	h := Handler([]*Probe{p})
	status := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	if got, _ := status("/healthcheck/dnsmasq"); got != http.StatusServiceUnavailable {
		t.Errorf("before it asks: %d", got)
	}
	p.ask(t.Context())
	if got, _ := status("/healthcheck/dnsmasq"); got != http.StatusOK {
		t.Errorf("with an answer: %d", got)
	}
	s.Set(upstream.ServFail)
	p.ask(t.Context())
	if got, _ := status("/healthcheck/dnsmasq"); got != http.StatusServiceUnavailable {
		t.Errorf("with SERVFAIL: %d", got)
	}
	if got, text := status("/metrics"); got != http.StatusOK || !strings.Contains(text, "kubedns_probe_dnsmasq_errors 1\n") {
		t.Errorf("the metrics are %d %q", got, text)
	}
	for _, bad := range []string{"", "a,b,c,d,e", "a,127.0.0.1:53,x,0,A", "a,127.0.0.1:53,x,5,Z", "a,127.0.0.1:53,x,5,A,more"} {
		if _, err := ParseProbe(bad); err == nil {
			t.Errorf("%q is a probe", bad)
		}
	}
}

// TestCorefile asks the upstreams, or the node's servers.
func TestCorefile(t *testing.T) {
	for upstreams, want := range map[string]string{"": "forward . /etc/resolv.conf\n", "192.0.2.1 192.0.2.2:54": "forward . 192.0.2.1 192.0.2.2:54\n"} {
		got := Corefile("cluster.local.", Config{Upstreams: strings.Fields(upstreams)})
		if !strings.Contains(got, want) || !strings.Contains(got, "kubernetes cluster.local in-addr.arpa ip6.arpa {") || !strings.HasPrefix(got, ".:10053 {") {
			t.Errorf("with %q:\n%s", upstreams, got)
		}
	}
}
