// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// serve answers NXDOMAIN to everything.
func serve(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.ListenPacket("udp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(r, dns.RcodeNameError))
	})
	for _, s := range []*dns.Server{{Listener: l, Handler: handler}, {PacketConn: p, Handler: handler}} {
		go func() { _ = s.ActivateAndServe() }()
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return netip.MustParseAddrPort(l.Addr().String())
}

func queries(t *testing.T) [][]byte {
	t.Helper()
	var wire [][]byte
	for _, name := range []string{"a.example.org.", "b.example.org."} {
		b, err := new(dns.Msg).SetQuestion(name, dns.TypeA).Pack()
		if err != nil {
			t.Fatal(err)
		}
		wire = append(wire, b)
	}
	return wire
}

func TestClosed(t *testing.T) {
	server := serve(t)
	for _, tcp := range []bool{false, true} {
		l := Start(t.Context(), Plan{Server: server, Queries: queries(t), TCP: tcp, Sockets: 2, Window: 4})
		for l.Counts().Received < 300 {
			time.Sleep(time.Millisecond)
		}
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
		c := l.Counts()
		if c.Lost != 0 || c.Rcodes[dns.RcodeNameError] != c.Received || c.Truncated != 0 {
			t.Errorf("tcp %t: got %+v", tcp, c)
		}
	}
}
