// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// environment reports whether a word depends on the environment of the server.
func environment(word string) bool {
	return strings.Contains(word, "{$") || strings.Contains(word, "{%")
}

// A listening is what a key of a server block stands for.
type listening struct {
	key   Token
	zones []served
	err   error
}

// listens returns what the keys of s stand for, with the addresses of bind. What
// the environment decides is left out.
func (s server) listens() []listening {
	var all []listening
	addresses := s.addresses()
	for _, key := range s.Keys {
		zone, _ := cutComma(key)
		if key.value == "" || environment(zone) {
			continue
		}
		zones, err := parseKey(zone)
		l := listening{key: key, err: err}
		for _, z := range zones {
			for _, z.address = range addresses {
				l.zones = append(l.zones, z)
			}
		}
		all = append(all, l)
	}
	return all
}

// addresses returns those of bind, or the empty one, which is all of them.
func (s server) addresses() []string {
	var bound []string
	for _, d := range s.uses("bind") {
		var except []string
		if d.Block != nil {
			for _, e := range d.Block.Find("except") {
				except = append(except, e.Values()...)
			}
		}
		for _, a := range d.Values() {
			if !slices.Contains(except, a) {
				bound = append(bound, a)
			}
		}
	}
	if len(bound) == 0 {
		return []string{""}
	}
	return bound
}

// conflicts reports keys that are no zones, and zones that two server blocks
// would serve. A block with a view may share its zones.
func (c *checker) conflicts(servers []server) {
	o := overlaps{make(map[served]Position), make(map[served]served)}
	for _, s := range servers {
		view := len(s.uses("view")) > 0
		for _, l := range s.listening {
			if l.err != nil {
				c.report(l.key.pos, Error, BadZone,
					fmt.Sprintf("%q is not a zone, since %v", l.key.value, l.err),
					"write a name such as example.org:53")
			}
			for _, z := range l.zones {
				if at, found := o.find(z, view); found {
					c.conflict(l.key, z, at)
					break
				}
				if !view {
					o.add(z, l.key.pos)
				}
			}
		}
	}
}

// overlaps are the zones that are served, and one of those with an address for
// each that any address would overlap.
type overlaps struct {
	at    map[served]Position
	bound map[served]served
}

func (o overlaps) add(z served, at Position) {
	o.at[z] = at
	o.bound[z.everywhere()] = z
}

// find returns where z is served already: the same, or one that includes it or
// that it includes. A view may be the same.
func (o overlaps) find(z served, view bool) (at Position, found bool) {
	if at, found = o.at[z]; found {
		return at, !view
	}
	if z.address != "" {
		at, found = o.at[z.everywhere()]
		return at, found
	}
	other, found := o.bound[z]
	return o.at[other], found
}

func (z served) everywhere() served {
	z.address = ""
	return z
}

func (c *checker) conflict(key Token, l served, at Position) {
	c.report(key.pos, Error, ZoneConflict,
		fmt.Sprintf("%s is served on port %s already, by line %d, and CoreDNS does not start", l.zone, l.port, at.Line),
		"join the two server blocks, or give one another port, bind or view")
}

// hidden reports server blocks that take names of the cluster without answering
// them from it. An imported file may bring the plugin that does.
func (c *checker) hidden(s server) {
	if !s.whole || len(s.uses("kubernetes", "clusterdns")) > 0 {
		return
	}
	for _, l := range s.listening {
		for _, z := range l.zones {
			for _, domain := range c.rules.ClusterDomains {
				if within(z.zone, normalize(domain)) {
					c.report(l.key.pos, Warning, HiddenClusterZone,
						fmt.Sprintf("names below %s are not answered from the cluster, since this server block has neither kubernetes nor clusterdns", z.zone),
						fmt.Sprintf("use a zone outside of %s, or add the plugin", domain))
				}
			}
		}
	}
}

// within reports whether a name is the zone or below it.
func within(name, zone string) bool {
	return name == zone || zone == "." || strings.HasSuffix(name, "."+zone)
}

// loops reports upstreams that are the server block itself.
func (c *checker) loops(s server) {
	own := make(map[served]bool)
	for _, l := range s.listening {
		for _, z := range l.zones {
			z.zone = ""
			own[z] = true
		}
	}
	for _, d := range s.uses("forward", "grpc", "proxy") {
		for i, t := range d.Args {
			if i > 0 && c.itself(t.value, own) {
				c.report(t.pos, Error, ForwardToSelf,
					fmt.Sprintf("%s sends to %s, where this server block listens, and queries go in a circle", d.Name.value, t.value),
					"name another server, or /etc/resolv.conf")
			}
		}
	}
}

// itself reports whether an upstream is one of what a server block listens on,
// or the Service in front of it.
func (c *checker) itself(upstream string, own map[served]bool) bool {
	transport, host := cutTransport(upstream)
	host, port := splitPort(host, transports[transport])
	addr, err := netip.ParseAddr(host)
	if err != nil && host != "localhost" {
		return false
	}
	local := err != nil || addr.IsLoopback() || addr.IsUnspecified()
	return slices.Contains(c.rules.ServiceIPs, addr) && port == transports[transport] ||
		own[served{transport: transport, port: port, address: host}] ||
		local && own[served{transport: transport, port: port}]
}

// splitPort returns the host and the port of an upstream.
func splitPort(s, port string) (string, string) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.Addr().String(), strconv.Itoa(int(a.Port()))
	}
	if host, p, ok := strings.Cut(s, ":"); ok && host == "localhost" {
		return host, p
	}
	return strings.Trim(s, "[]"), port
}
