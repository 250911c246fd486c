// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package kubedns

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// Dnsmasq returns what dnsmasq-nanny makes of args, those after --, and the
// settings. Names of hosts are looked up once; those that have no address stay
// what they are, and dnsmasq does not start with them. Domains are sorted, which
// those of kube-dns are not.
func Dnsmasq(args []string, c Config, lookUp func(host string) (netip.Addr, error), log func(format string, args ...any)) []string {
	args = slices.Clone(args)
	for _, domain := range slices.Sorted(maps.Keys(c.StubDomains)) {
		for _, server := range c.StubDomains[domain] {
			if !address(server) {
				a, err := lookUp(server)
				if err != nil {
					log("looking up the server %s of %s: %v", server, domain, err)
				} else {
					server = a.String()
				}
			}
			args = append(args, "--server", fmt.Sprintf("/%s/%s", domain, hash(server)))
		}
	}
	for _, server := range c.Upstreams {
		args = append(args, "--server", hash(server))
	}
	if len(c.Upstreams) > 0 {
		args = append(args, "--no-resolv")
	}
	return args
}

// hash has the port as dnsmasq writes it.
func hash(server string) string {
	at, err := netip.ParseAddrPort(server)
	if err != nil {
		return server
	}
	return fmt.Sprintf("%s#%d", at.Addr(), at.Port())
}
