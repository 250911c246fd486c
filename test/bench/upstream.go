// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"net"
	"net/netip"

	"github.com/miekg/dns"
)

// An upstream is where stock and ours forward what is not the cluster's. It
// denies everything: nothing here leaves the machine.
type upstream struct {
	addr   netip.AddrPort
	server *dns.Server
}

func startUpstream() (*upstream, error) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{addr: netip.MustParseAddrPort(conn.LocalAddr().String())}
	u.server = &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(r, dns.RcodeNameError)) // who asked may be gone
	})}
	go func() { _ = u.server.ActivateAndServe() }() // ends with stop
	return u, nil
}

func (u *upstream) stop() { _ = u.server.Shutdown() }
