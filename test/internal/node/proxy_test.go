// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

// A client keeps to its endpoint over UDP until that is no longer in use.
func TestProxyUDP(t *testing.T) {
	p := newProxy(t)
	one, other := answering(t, "one"), answering(t, "other")
	p.use([]netip.AddrPort{one, other}, nil)
	client := dial(t, "udp", p.udp.LocalAddr())
	first := said(t, client)
	for range 3 {
		if got := said(t, client); got != first {
			t.Fatalf("after %q came %q", first, got)
		}
	}
	if got := said(t, dial(t, "udp", p.udp.LocalAddr())); got == first {
		t.Errorf("two clients: both got %q", got)
	}
	left := map[string]netip.AddrPort{"one": other, "other": one}[first]
	p.use([]netip.AddrPort{left}, nil)
	if got := said(t, client); got == first || got == "" {
		t.Errorf("without %q: got %q", first, got)
	}
}

func TestProxyTCP(t *testing.T) {
	p := newProxy(t)
	var backends []netip.AddrPort
	for _, name := range []string{"one", "other"} {
		backends = append(backends, answering(t, name))
	}
	if c, err := net.Dial("tcp", p.tcp.Addr().String()); err == nil { // the reset may come first
		if got := said(t, c); got != "" {
			t.Errorf("without an endpoint: got %q", got)
		}
		_ = c.Close()
	}
	p.use(nil, backends)
	seen := make(map[string]int)
	for range 4 {
		seen[said(t, dial(t, "tcp", p.tcp.Addr()))]++
	}
	if seen["one"] != 2 || seen["other"] != 2 {
		t.Errorf("connections: got %v, want two for each", seen)
	}
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	p, err := listenProxy(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { p.serve(); close(done) }()
	t.Cleanup(func() { p.close(); <-done })
	return p
}

// answering listens on an address and says its name to who says something.
func answering(t *testing.T, name string) netip.AddrPort {
	t.Helper()
	udp, tcp, err := listenBoth(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = udp.Close(); _ = tcp.Close() })
	go func() {
		buffer := make([]byte, 512)
		for {
			_, client, err := udp.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			_, _ = udp.WriteToUDPAddrPort([]byte(name), client)
		}
	}()
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 512))
			_, _ = io.WriteString(c, name)
			_ = c.Close()
		}
	}()
	return udp.LocalAddr().(*net.UDPAddr).AddrPort()
}

func dial(t *testing.T, network string, at net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial(network, at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// said says something and returns the answer, or nothing if there is none.
func said(t *testing.T, c net.Conn) string {
	t.Helper()
	if _, err := io.WriteString(c, "hello"); err != nil {
		return ""
	}
	buffer := make([]byte, 512)
	n, _ := c.Read(buffer)
	return string(buffer[:n])
}
