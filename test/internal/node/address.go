// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// Reach returns where the address of a Pod is on this machine: the first octet
// becomes 127, and a port below 1024, which only root may listen on, gets 1000
// more. So 10.244.0.2:53 is 127.244.0.2:1053. Addresses of IPv6 stay.
func Reach(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(local(a.Addr()), unprivileged(a.Port()))
}

func local(a netip.Addr) netip.Addr {
	if a = a.Unmap(); !a.Is4() {
		return a // none of ours
	}
	octets := a.As4()
	octets[0] = 127
	return netip.AddrFrom4(octets)
}

func unprivileged(port uint16) uint16 {
	if port < 1024 {
		return port + 1000
	}
	return port
}

// A pool has the addresses of a network for Pods. It hands them out one after
// the other, so that one is not soon that of another Pod. An address that is taken is
// listened on where kubelet would, so that Nodes in other processes on this
// machine see it, whatever their cluster.
type pool struct {
	network netip.Prefix

	mu    sync.Mutex
	last  netip.Addr
	taken map[netip.Addr]net.Listener
}

const kubeletPort = 10250

func newPool(network netip.Prefix) *pool {
	p := &pool{network: network, taken: make(map[netip.Addr]net.Listener)}
	p.last = p.host()
	return p
}

// host is the first address of the network. It is that of the Node.
func (p *pool) host() netip.Addr { return p.network.Addr().Next() }

// take returns an address that no other has until release.
func (p *pool) take() (netip.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.after(p.last)
	for a := first; ; {
		l, err := net.Listen("tcp4", Reach(netip.AddrPortFrom(a, kubeletPort)).String())
		if err == nil {
			p.last, p.taken[a] = a, l
			return a, nil
		}
		if a = p.after(a); a == first {
			return netip.Addr{}, fmt.Errorf("no address is left in %s: %w", p.network, err)
		}
	}
}

// after returns the address after a, which is the first one for Pods after the
// last. The last of the network is for broadcast.
func (p *pool) after(a netip.Addr) netip.Addr {
	if next := a.Next(); p.network.Contains(next.Next()) {
		return next
	}
	return p.host().Next()
}

func (p *pool) release(a netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.taken[a]; l != nil {
		_ = l.Close()
		delete(p.taken, a)
	}
}
