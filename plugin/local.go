// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import "net"

// interfaceAddrs returns the addresses of all interfaces, in CIDR form. Without
// them the zone's name servers are unknown, and nothing else changes.
func interfaceAddrs() []string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		log.Warningf("The addresses of this machine are unknown, so NS records may be missing: %v", err)
		return nil
	}
	hosts := make([]string, len(addrs))
	for i, a := range addrs {
		hosts[i] = a.String()
	}
	return hosts
}
