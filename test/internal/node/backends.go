// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// backends returns where the DNS servers in EndpointSlices are on this machine,
// in order. If none is ready, those that end but still serve are better than
// nothing, as they are to kube-proxy.
func backends(all []*discoveryv1.EndpointSlice, protocol corev1.Protocol) []netip.AddrPort {
	var usable, ending []netip.AddrPort
	for _, s := range all {
		port, ok := dnsPort(s.Ports, protocol)
		if !ok {
			continue
		}
		for _, e := range s.Endpoints {
			addresses := reachable(e.Addresses, port)
			switch c := e.Conditions; {
			case c.Ready == nil || *c.Ready: // the API says to take unknown for ready
				usable = append(usable, addresses...)
			case c.Serving != nil && *c.Serving && c.Terminating != nil && *c.Terminating:
				ending = append(ending, addresses...)
			}
		}
	}
	if len(usable) == 0 {
		usable = ending
	}
	slices.SortFunc(usable, netip.AddrPort.Compare)
	return slices.Compact(usable)
}

// dnsPort returns the port for DNS: that is called dns or dns-tcp, or else that
// is 53 or the only one.
func dnsPort(ports []discoveryv1.EndpointPort, protocol corev1.Protocol) (uint16, bool) {
	var others []uint16
	for _, p := range ports {
		if p.Port == nil || p.Protocol == nil || *p.Protocol != protocol {
			continue
		}
		if p.Name != nil && (*p.Name == "dns" || *p.Name == "dns-tcp") {
			return uint16(*p.Port), true
		}
		others = append(others, uint16(*p.Port))
	}
	if slices.Contains(others, 53) {
		return 53, true
	}
	if len(others) == 1 {
		return others[0], true
	}
	return 0, false
}

func reachable(addresses []string, port uint16) []netip.AddrPort {
	var all []netip.AddrPort
	for _, text := range addresses {
		if a, err := netip.ParseAddr(text); err == nil {
			all = append(all, Reach(netip.AddrPortFrom(a, port)))
		}
	}
	return all
}
