// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// Expose listens on an address for the DNS of a Service, over UDP and TCP, and
// forwards to its endpoints as kube-proxy does, until ctx or the Node ends. It
// returns the address, which has a free port in the place of 0.
//
// The Service need not be there yet. While it has no endpoint, queries over UDP
// are lost and connections are closed.
func (n *Node) Expose(ctx context.Context, namespace, service string, listen netip.AddrPort) (netip.AddrPort, error) {
	p, err := listenProxy(listen)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("exposing Service %s/%s: %w", namespace, service, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(n.ctx, cancel)
	context.AfterFunc(ctx, p.close)
	changed := make(chan struct{}, 1)
	store, err := n.watchEndpoints(ctx, namespace, service, func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		cancel()
		return netip.AddrPort{}, fmt.Errorf("exposing Service %s/%s: %w", namespace, service, err)
	}
	update := func() {
		var all []*discoveryv1.EndpointSlice
		for _, o := range store.List() {
			all = append(all, o.(*discoveryv1.EndpointSlice))
		}
		p.use(backends(all, corev1.ProtocolUDP), backends(all, corev1.ProtocolTCP))
	}
	update()
	n.wg.Go(func() {
		for {
			select {
			case <-changed:
				update()
			case <-ctx.Done():
				return
			}
		}
	})
	n.wg.Go(p.serve)
	return p.udp.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

// listenBoth listens on the same port for UDP and TCP. That port 0 got for one
// may be taken for the other: then it tries again.
func listenBoth(listen netip.AddrPort) (*net.UDPConn, *net.TCPListener, error) {
	const tries = 10
	var failed error
	for range tries {
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(listen))
		if err != nil {
			return nil, nil, err
		}
		tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(udp.LocalAddr().(*net.UDPAddr).AddrPort()))
		if err == nil {
			return udp, tcp, nil
		}
		_ = udp.Close()
		failed = errors.Join(failed, err)
		if listen.Port() != 0 {
			break
		}
	}
	return nil, nil, failed
}

// A proxy forwards to the endpoints of a Service.
type proxy struct {
	udp *net.UDPConn
	tcp *net.TCPListener
	wg  sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	udpTurns turns
	tcpTurns turns
	flows    map[netip.AddrPort]*flow  // by client
	streams  map[*net.TCPConn]struct{} // to clients and endpoints
}

func listenProxy(listen netip.AddrPort) (*proxy, error) {
	udp, tcp, err := listenBoth(listen)
	if err != nil {
		return nil, err
	}
	return &proxy{
		udp: udp, tcp: tcp, flows: make(map[netip.AddrPort]*flow), streams: make(map[*net.TCPConn]struct{}),
	}, nil
}

// serve returns when the proxy is closed and nothing is left of it.
func (p *proxy) serve() {
	p.wg.Go(p.serveUDP)
	p.wg.Go(p.serveTCP)
	p.wg.Wait()
}

// use says which endpoints there are from now on.
func (p *proxy) use(udp, tcp []netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.udpTurns.backends, p.tcpTurns.backends = udp, tcp
}

// close ends all that the proxy does.
func (p *proxy) close() {
	_ = p.udp.Close()
	_ = p.tcp.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, f := range p.flows {
		_ = f.conn.Close()
	}
	for c := range p.streams {
		_ = c.Close()
	}
}

// turns hands out endpoints one after the other.
type turns struct {
	backends []netip.AddrPort
	next     int
}

func (t *turns) take() (netip.AddrPort, bool) {
	if len(t.backends) == 0 {
		return netip.AddrPort{}, false
	}
	t.next = (t.next + 1) % len(t.backends)
	return t.backends[t.next], true
}
