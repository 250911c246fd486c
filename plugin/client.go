// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"net"
	"net/netip"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
)

// client returns what is known of who sends the query that w answers.
func (c *ClusterDNS) client(w dns.ResponseWriter) index.Client {
	return c.lease.Index().Client(remoteAddr(w))
}

// remoteAddr returns the address that a query came from. It is not valid if that
// is none.
func remoteAddr(w dns.ResponseWriter) netip.Addr {
	var a netip.Addr
	switch remote := w.RemoteAddr().(type) {
	case *net.UDPAddr:
		a = remote.AddrPort().Addr()
	case *net.TCPAddr:
		a = remote.AddrPort().Addr()
	case nil:
	default: // a transport that brings its own type
		if p, err := netip.ParseAddrPort(remote.String()); err == nil {
			a = p.Addr()
		}
	}
	return a.Unmap().WithZone("")
}
