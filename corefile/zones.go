// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// A served is a zone where a server block listens for it.
type served struct {
	transport, zone, port string
	// address is that of bind, or "" for all.
	address string
}

// transports are what may stand in front of :// in a key or an upstream, with
// the default port.
var transports = map[string]string{
	"dns": "53", "tls": "853", "quic": "853", "grpc": "443", "https": "443", "https3": "443", "unix": "",
}

// cutTransport returns what stands in front of ://, or dns.
func cutTransport(s string) (transport, rest string) {
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		if _, known := transports[scheme]; known {
			return scheme, rest
		}
	}
	return "dns", s
}

// parseKey returns what a key stands for: several zones if it is a network that
// is not on a boundary of reverse names.
func parseKey(key string) ([]served, error) {
	transport, host := cutTransport(key)
	port := transports[transport]
	colon := strings.LastIndexByte(host, ':')
	if colon >= 0 && colon == len(host)-1 {
		return nil, errors.New("there is nothing behind the colon")
	}
	if colon >= 0 {
		if n, err := strconv.Atoi(host[colon+1:]); err == nil {
			if n < 0 || n > 65535 {
				return nil, fmt.Errorf("%d is not a port", n)
			}
			host, port = host[:colon], strconv.Itoa(n)
		}
	}
	if !domainName(host) {
		return nil, fmt.Errorf("%q is not a domain name", host)
	}
	zones := []string{normalize(host)}
	if p, err := netip.ParsePrefix(host); err == nil {
		if host[0] == ':' || host[0] == '0' && p.Addr().Is6() {
			return nil, fmt.Errorf("%q is no network for CoreDNS", host)
		}
		zones = reverseZones(p)
	}
	all := make([]served, len(zones))
	for i, zone := range zones {
		all[i] = served{transport: transport, zone: zone, port: port}
	}
	return all, nil
}

// normalize returns a name in lower case and with a dot at the end.
func normalize(name string) string {
	if !fqdn(name) {
		name += "."
	}
	return strings.ToLower(name)
}

// fqdn reports whether name ends with a dot that no backslash escapes.
func fqdn(name string) bool {
	rest, dot := strings.CutSuffix(name, ".")
	return dot && (len(rest)-len(strings.TrimRight(rest, `\`)))%2 == 0
}

// domainName reports whether s is a domain name to miekg/dns: labels of at most
// 63 octets, 255 in all, none of them empty. RFC 1035 section 5.1 has the
// escapes.
func domainName(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	s = normalize(s)
	if s == "." {
		return true
	}
	label := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '.':
			if s[i] == '\\' {
				i += escaped(s[i+1:])
			}
			label++
		case label == 0 || label > 63:
			return false
		default:
			label = 0
		}
	}
	return label == 0
}

// escaped returns how many octets of s a backslash in front of it escapes.
func escaped(s string) int {
	if len(s) >= 3 && strings.Trim(s[:3], "0123456789") == "" {
		return 3
	}
	return 1
}

// reverseZones returns the zones of the reverse names in p. RFC 1035 section 3.5
// has a label for eight bits, and RFC 3596 section 2.5 for four.
func reverseZones(p netip.Prefix) []string {
	p = p.Masked()
	labels, origin, size := nibbles(p.Addr()), "ip6.arpa.", 4
	if p.Addr().Is4() {
		labels, origin, size = octets(p.Addr()), "in-addr.arpa.", 8
	}
	n := (p.Bits() + size - 1) / size
	zones := make([]string, 1<<(n*size-p.Bits()))
	for i := range zones {
		zone := origin
		for j := range n {
			label := labels[j]
			if j == n-1 {
				label += i
			}
			text := strconv.Itoa(label)
			if size == 4 {
				text = strconv.FormatInt(int64(label), 16)
			}
			zone = text + "." + zone
		}
		zones[i] = zone
	}
	return zones
}

func octets(a netip.Addr) []int {
	var labels []int
	for _, b := range a.AsSlice() {
		labels = append(labels, int(b))
	}
	return labels
}

func nibbles(a netip.Addr) []int {
	var labels []int
	for _, b := range a.AsSlice() {
		labels = append(labels, int(b>>4), int(b&15))
	}
	return labels
}
