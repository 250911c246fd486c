// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// idle is how long Linux keeps a UDP flow for which nothing comes.
const idle = 30 * time.Second

// A flow is what a client address sends and gets over UDP. It keeps to one
// endpoint.
type flow struct {
	client  netip.AddrPort
	backend netip.AddrPort
	conn    *net.UDPConn // to the backend
}

// serveUDP forwards queries until the proxy is closed.
func (p *proxy) serveUDP() {
	buffer := make([]byte, 1<<16)
	for {
		n, client, err := p.udp.ReadFromUDPAddrPort(buffer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			continue // about one datagram
		}
		if f := p.flow(client); f != nil {
			_ = f.conn.SetReadDeadline(time.Now().Add(idle))
			_, _ = f.conn.Write(buffer[:n]) // a datagram may be lost
		}
	}
}

// flow returns the flow of a client, a new one if its endpoint is no longer in
// use, or nil if there is no endpoint.
func (p *proxy) flow(client netip.AddrPort) *flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.flows[client]; f != nil {
		if slices.Contains(p.udpTurns.backends, f.backend) {
			return f
		}
		delete(p.flows, client)
		_ = f.conn.Close()
	}
	backend, ok := p.udpTurns.take()
	if !ok || p.closed {
		return nil
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(backend))
	if err != nil {
		return nil
	}
	_ = conn.SetReadDeadline(time.Now().Add(idle))
	f := &flow{client, backend, conn}
	p.flows[client] = f
	p.wg.Go(func() { p.answer(f) })
	return f
}

// answer forwards responses to the client until the flow is idle or closed.
func (p *proxy) answer(f *flow) {
	defer p.drop(f)
	buffer := make([]byte, 1<<16)
	for {
		n, err := f.conn.Read(buffer)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			continue // the endpoint is gone, which it is not for us to know
		case err != nil:
			return
		}
		_ = f.conn.SetReadDeadline(time.Now().Add(idle))
		_, _ = p.udp.WriteToUDPAddrPort(buffer[:n], f.client)
	}
}

func (p *proxy) drop(f *flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flows[f.client] == f {
		delete(p.flows, f.client)
	}
	_ = f.conn.Close()
}
