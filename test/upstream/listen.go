// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"fmt"
	"net"
	"net/netip"
)

// tries is how often to look for a port that is free for UDP and for TCP.
const tries = 100

func (s *Server) listenTCP(port uint16) (net.Listener, error) {
	return net.Listen("tcp", netip.AddrPortFrom(s.config.Address, port).String())
}

func (s *Server) listenUDP(port uint16) (net.PacketConn, error) {
	return net.ListenPacket("udp", netip.AddrPortFrom(s.config.Address, port).String())
}

// listenBoth listens on one port for TCP and UDP.
func (s *Server) listenBoth(port uint16) (net.Listener, net.PacketConn, error) {
	var err error
	for range tries {
		l, failed := s.listenTCP(port)
		if failed != nil {
			return nil, nil, failed
		}
		p, failed := s.listenUDP(addrPort(l.Addr()).Port())
		if failed == nil {
			return l, p, nil
		}
		err = failed
		_ = l.Close()
		if port != 0 {
			break
		}
	}
	return nil, nil, fmt.Errorf("looking for a port: %w", err)
}

func addrPort(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }
