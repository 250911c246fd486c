// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package network joins the nodes of a cluster and the host.
//
// Every node has a network namespace. One more namespace, the switch, holds a
// bridge that all of them and the host are plugged into. The host gets one
// interface, one address of each family and a route to the pods of each node;
// nothing else of it changes.
package network

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
)

// MaxNodes is how many nodes a plan has room for.
const MaxNodes = 200

// Plan says which names and addresses a cluster uses. It is a value: what it
// tells depends on nothing else.
type Plan struct {
	ID string       `json:"id"` // six characters that no other directory has
	V4 netip.Prefix `json:"v4"` // a /16
	V6 netip.Prefix `json:"v6"` // a /48; invalid where the kernel has no IPv6
}

// NewPlan is a plan for the cluster in a directory that overlaps with no taken
// range. The same directory gets the same one, if it is free.
func NewPlan(dir string, taken []netip.Prefix, ipv6 bool) (Plan, error) {
	sum := sha256.Sum256([]byte(dir))
	p := Plan{ID: hex.EncodeToString(sum[:3])}
	if ipv6 { // RFC 4193: fd and 40 bits that are as good as random
		bits := [16]byte{0: 0xfd}
		copy(bits[1:6], sum[3:8])
		p.V6 = netip.PrefixFrom(netip.AddrFrom16(bits), 48)
	}
	// Container networks mostly begin at the low end of 10.0.0.0/8.
	const first, count = 128, 120
	for try := range count {
		second := first + (int(sum[8])+try)%count
		v4 := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(second)}), 16)
		if free(v4, taken) {
			p.V4 = v4
			return p, nil
		}
	}
	return p, fmt.Errorf("no free network from 10.%d.0.0/16 to 10.%d.0.0/16 for the nodes: `ip route show table all` shows who has them", first, first+count-1)
}

func free(p netip.Prefix, taken []netip.Prefix) bool {
	for _, t := range taken {
		if t.Bits() > 0 && t.Overlaps(p) { // a default route takes nothing
			return false
		}
	}
	return true
}

// Check says which of the taken ranges a plan of an earlier run collides with.
func (p Plan) Check(taken []netip.Prefix) error {
	for _, t := range taken {
		if t.Bits() > 0 && t.Overlaps(p.V4) {
			return fmt.Errorf("the cluster has the addresses %s, and this machine has a route to %s now: delete the directory of the cluster to get others", p.V4, t)
		}
	}
	return nil
}

// HostInterface is the name of the host's interface.
func (p Plan) HostInterface() string { return "cdns" + p.ID }

// Switch is the name of the namespace that joins all others.
func (p Plan) Switch() string { return "cdns-" + p.ID + "-switch" }

// Namespace is the name of the namespace of a node.
func (p Plan) Namespace(node string) string { return "cdns-" + p.ID + "-" + node }

// Host are the addresses of the host, IPv4 first.
func (p Plan) Host() []netip.Addr { return p.lan(1) }

// Addresses are those of the node with a number, from 1 to MaxNodes.
func (p Plan) Addresses(node int) []netip.Addr { return p.lan(10 + node) }

// Pods are the ranges of the pods on the node with a number, IPv4 first.
func (p Plan) Pods(node int) []netip.Prefix { return p.subnet(node) }

// AllPods are ranges that all pods are in, and nodes as well.
func (p Plan) AllPods() []netip.Prefix {
	if !p.V6.IsValid() {
		return []netip.Prefix{p.V4}
	}
	return []netip.Prefix{p.V4, p.V6}
}

// lan are the addresses with a number in the network of the switch.
func (p Plan) lan(number int) []netip.Addr {
	var addresses []netip.Addr
	for _, subnet := range p.subnet(0) {
		bits := subnet.Addr().AsSlice()
		bits[len(bits)-1] = byte(number)
		address, _ := netip.AddrFromSlice(bits)
		addresses = append(addresses, address)
	}
	return addresses
}

// subnet are the /24 and the /64 with a number.
func (p Plan) subnet(number int) []netip.Prefix {
	v4 := p.V4.Addr().As4()
	v4[2] = byte(number)
	subnets := []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4(v4), 24)}
	if p.V6.IsValid() {
		v6 := p.V6.Addr().As16()
		v6[7] = byte(number)
		subnets = append(subnets, netip.PrefixFrom(netip.AddrFrom16(v6), 64))
	}
	return subnets
}
