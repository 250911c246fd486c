// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// dialTime is how long an endpoint has to accept a connection.
const dialTime = 5 * time.Second

// serveTCP forwards connections until the proxy is closed.
func (p *proxy) serveTCP() {
	for {
		client, err := p.tcp.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(time.Millisecond) // out of files, perhaps
			continue
		}
		p.wg.Go(func() { p.join(client) })
	}
}

// join connects a client with an endpoint until both have said all.
func (p *proxy) join(client *net.TCPConn) {
	defer p.leave(client)
	if !p.enter(client) {
		return
	}
	p.mu.Lock()
	backend, ok := p.tcpTurns.take()
	p.mu.Unlock()
	if !ok {
		_ = client.SetLinger(0) // a reset is the nearest to a connection refused
		return
	}
	conn, err := net.DialTimeout("tcp", backend.String(), dialTime)
	if err != nil {
		_ = client.SetLinger(0)
		return
	}
	server := conn.(*net.TCPConn)
	defer p.leave(server)
	if !p.enter(server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pour(server, client) })
	both.Go(func() { pour(client, server) })
	both.Wait()
}

// pour copies what one side says to the other, up to its end. An error ends both.
func pour(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = from.Close()
		_ = to.Close()
		return
	}
	_ = to.CloseWrite()
}

// enter has the connection closed with the proxy. It returns false if that is
// closed already.
func (p *proxy) enter(c *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.streams[c] = struct{}{}
	return true
}

func (p *proxy) leave(c *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.streams, c)
	_ = c.Close()
}
