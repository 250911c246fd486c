// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"coredns": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true})
}

func TestCheckScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: filepath.Join("testdata", "check"), RequireExplicitExec: true, RequireUniqueNames: true})
}

// TestOrder holds the list of directives against plugin.cfg: an upgrade of
// CoreDNS that moves a plugin must move it here too.
func TestOrder(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/coredns/coredns").Output()
	if err != nil {
		t.Fatalf("finding the source of CoreDNS: %v", err)
	}
	cfg, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "plugin.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(cfg)) {
		name, _, found := strings.Cut(line, ":")
		if !found || strings.HasPrefix(name, "#") {
			continue
		}
		if name == "k8s_external" {
			want = append(want, "clusterdns")
		}
		if slices.Contains(directives, name) {
			want = append(want, name)
		}
	}
	if diff := cmp.Diff(want, directives); diff != "" {
		t.Errorf("order of directives (-plugin.cfg +ours):\n%s", diff)
	}
}

// TestRegistered sees to it that every directive has a plugin and that no
// plugin came along with another one.
func TestRegistered(t *testing.T) {
	want := slices.Sorted(slices.Values(directives))
	got := strings.Fields(caddy.DescribePlugins())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plugins (-directives +registered):\n%s", diff)
	}
	for _, d := range directives {
		if _, err := caddy.DirectiveAction("dns", d); err != nil {
			t.Error(err)
		}
	}
}

// TestCheckTouchesNoNetwork checks a Corefile in which everything that can
// listen listens on a port that is taken, and everything that can connect
// connects to a server that counts.
func TestCheckTouchesNoNetwork(t *testing.T) {
	server := listen(t)
	corefile := strings.ReplaceAll(`
dns://example.org:PORT tls://example.org:PORT grpc://example.org:PORT https://example.org:PORT {
    bind 127.0.0.1
    trace zipkin 127.0.0.1:PORT
    ready 127.0.0.1:PORT
    health 127.0.0.1:PORT
    pprof 127.0.0.1:PORT
    prometheus 127.0.0.1:PORT
    dnstap tcp://127.0.0.1:PORT
    dnstap listen tcp://127.0.0.1:PORT
    tls {
        acme example.org
        ca http://127.0.0.1:PORT/directory
        resolver 127.0.0.1:PORT
    }
    transfer {
        to 127.0.0.1:PORT
    }
    kubernetes cluster.local {
        endpoint http://127.0.0.1:PORT
    }
    k8s_external example.com
    secondary example.net {
        transfer from 127.0.0.1:PORT
    }
    loop
    forward . tls://127.0.0.1:PORT dns.example.org {
        resolver 127.0.0.1:PORT
        health_check 1ms
    }
}
`, "PORT", server.port)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Corefile"), []byte(corefile), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("coredns", "-check")
	cmd.Dir = dir
	got, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("coredns -check: %v", err)
	}
	want := "Corefile:27: note: plugin/forward: dns.example.org is not resolved here\nCorefile: ok\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if err := server.idle(); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("files after the check: %v, %v; want the Corefile only", entries, err)
	}
}

// server has a port of the loopback interface, in UDP and in TCP.
type server struct {
	port string
	tcp  *net.TCPListener
	udp  *net.UDPConn
}

func listen(t *testing.T) server {
	t.Helper()
	for range 10 {
		tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { tcp.Close() })
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			continue // taken by someone in UDP only
		}
		t.Cleanup(func() { udp.Close() })
		return server{port: fmt.Sprint(port), tcp: tcp, udp: udp}
	}
	t.Fatal("found no port that is free in UDP and TCP")
	return server{}
}

// idle returns an error if there was a packet or a connection. What a process
// that has ended sent over loopback is there already.
func (s server) idle() error {
	soon := time.Now().Add(50 * time.Millisecond)
	if err := errors.Join(s.udp.SetReadDeadline(soon), s.tcp.SetDeadline(soon)); err != nil {
		return err
	}
	buf := make([]byte, 512)
	if n, from, err := s.udp.ReadFrom(buf); err == nil {
		return fmt.Errorf("a packet of %d bytes from %v: %x", n, from, buf[:n])
	}
	if conn, err := s.tcp.Accept(); err == nil {
		defer conn.Close()
		return fmt.Errorf("a connection from %v", conn.RemoteAddr())
	}
	return nil
}
