// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// A prober asks one question again and again over one socket.
type prober struct {
	conn  net.Conn
	query []byte
	id    uint16
	buf   []byte
}

func newProber(server netip.AddrPort, q *dns.Msg) (*prober, error) {
	wire, err := q.Pack()
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("udp4", server.String())
	if err != nil {
		return nil, err
	}
	return &prober{conn: conn, query: wire, buf: make([]byte, 65535)}, nil
}

func (p *prober) close() { _ = p.conn.Close() }

// ask asks once. It returns nil if there is no answer in time.
func (p *prober) ask(timeout time.Duration) *dns.Msg {
	p.id++
	binary.BigEndian.PutUint16(p.query, p.id)
	if _, err := p.conn.Write(p.query); err != nil {
		return nil
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(timeout))
	for {
		n, err := p.conn.Read(p.buf)
		if err != nil {
			return nil
		}
		if n > 2 && binary.BigEndian.Uint16(p.buf) == p.id {
			m := new(dns.Msg)
			if m.Unpack(p.buf[:n]) != nil {
				return nil
			}
			return m
		}
	}
}
