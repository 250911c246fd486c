// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package qname

import "net/netip"

const (
	arpa4 = "in-addr.arpa."
	arpa6 = "ip6.arpa."
)

// reverse returns the Name of a name of the reverse tree. The apex of a zone
// is an apex even if the zone is a network or an address.
func reverse(name, zone string, prefix netip.Prefix) Name {
	below := name[:len(name)-len(zone)]
	switch {
	case below == "":
		return Name{Kind: Apex, Prefix: prefix}
	case EqualFold("ns.dns.", below):
		return Name{Kind: NameServer}
	case EqualFold("dns.", below):
		return Name{Kind: NameServerParent}
	case !prefix.IsValid():
		return Name{}
	case prefix.IsSingleIP():
		return Name{Kind: Address, Prefix: prefix}
	}
	return Name{Kind: Network, Prefix: prefix}
}

// IsReverse reports whether zone, in lower case, is in-addr.arpa, ip6.arpa, or below one of them.
func IsReverse(zone string) bool { return InZone(zone, arpa4) || InZone(zone, arpa6) }

// parseReverse returns the prefix that name stands for in the reverse tree
// (RFC 1035 section 3.5, RFC 3596 section 2.5). ok is true for every name of
// that tree, and prefix is not valid if name stands for none.
func parseReverse(name string) (prefix netip.Prefix, ok bool) {
	switch {
	case InZone(name, arpa4):
		return parse4(name[:len(name)-len(arpa4)]), true
	case InZone(name, arpa6):
		return parse6(name[:len(name)-len(arpa6)]), true
	}
	return netip.Prefix{}, false
}

// parse4 parses up to four decimal labels, the first of which ends the address.
func parse4(labels string) netip.Prefix {
	var ip [4]byte
	n := 0
	for end := len(labels) - 1; end > 0; n++ {
		if n == 4 {
			return netip.Prefix{}
		}
		start := end
		for start > 0 && labels[start-1] != '.' {
			start--
		}
		octet, ok := decimal(labels[start:end])
		if !ok {
			return netip.Prefix{}
		}
		ip[n] = octet
		end = start - 1
	}
	return netip.PrefixFrom(netip.AddrFrom4(ip), 8*n)
}

// decimal parses an octet as it is written in canonical form, without leading zeros.
func decimal(s string) (byte, bool) {
	if len(s) == 0 || len(s) > 3 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	v := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v = v*10 + int(s[i]-'0')
	}
	return byte(v), v < 256
}

// parse6 parses up to 32 labels of one hexadecimal digit.
func parse6(labels string) netip.Prefix {
	var ip [16]byte
	n := 0
	for end := len(labels) - 1; end > 0; n++ {
		if n == 32 || end > 1 && labels[end-2] != '.' {
			return netip.Prefix{}
		}
		digit, ok := hexadecimal(labels[end-1])
		if !ok {
			return netip.Prefix{}
		}
		ip[n/2] |= digit << (4 * (1 - n%2))
		end -= 2
	}
	prefix := netip.PrefixFrom(netip.AddrFrom16(ip), 4*n)
	if prefix.Bits() >= 96 && prefix.Addr().Is4In6() {
		return netip.Prefix{} // IPv4 addresses have their names in the other tree
	}
	return prefix
}

func hexadecimal(c byte) (byte, bool) {
	switch c = lowerByte(c); {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
