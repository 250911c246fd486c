// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package qname

import (
	"net/netip"
	"strings"
)

// maxDashed is the length of the longest dashed address.
const maxDashed = len("ffff-ffff-ffff-ffff-ffff-ffff-ffff-ffff")

// AppendDashed appends a in the form that is a label: 10-0-0-1, fd00--1. Where
// the text of an IPv6 address ends in a colon, a zero follows: a label does not
// end in a hyphen.
func AppendDashed(dst []byte, a netip.Addr) []byte {
	start := len(dst)
	dst = a.AppendTo(dst)
	for i := start; i < len(dst); i++ {
		if dst[i] == '.' || dst[i] == ':' {
			dst[i] = '-'
		}
	}
	if dst[len(dst)-1] == '-' {
		dst = append(dst, '0')
	}
	return dst
}

// ParseDashed parses a label that is a dashed address, in any spelling that
// gives an address when each hyphen is read as a dot, or as a colon.
func ParseDashed(label string) (netip.Addr, bool) {
	if len(label) > maxDashed {
		return netip.Addr{}, false
	}
	if strings.Count(label, "-") == 3 && !strings.Contains(label, "--") {
		return parseDashed4(label)
	}
	return parseDashed6(label)
}

// parseDashed4 parses four decimal numbers.
func parseDashed4(label string) (netip.Addr, bool) {
	var ip [4]byte
	for i := range ip {
		part, rest, _ := strings.Cut(label, "-")
		octet, ok := decimal(part)
		if !ok {
			return netip.Addr{}, false
		}
		ip[i], label = octet, rest
	}
	return netip.AddrFrom4(ip), true
}

// parseDashed6 parses up to eight hexadecimal numbers, of which one run of
// zeros may be left out. [netip.ParseAddr] does that too, but it allocates to
// say why a text is no address, and most labels are none.
func parseDashed6(label string) (netip.Addr, bool) {
	head, tail, compressed := strings.Cut(label, "--")
	var ip [16]byte
	n, ok := words(head, ip[:])
	if !ok || !compressed {
		return netip.AddrFrom16(ip).Unmap(), ok && n == len(ip)
	}
	var end [16]byte
	m, ok := words(tail, end[:])
	if !ok || n+m > len(ip)-2 {
		return netip.Addr{}, false
	}
	copy(ip[len(ip)-m:], end[:m])
	return netip.AddrFrom16(ip).Unmap(), true
}

// words parses 16-bit numbers that hyphens separate into dst and returns how
// many octets they take.
func words(s string, dst []byte) (n int, ok bool) {
	for more := s != ""; more; {
		var word string
		word, s, more = strings.Cut(s, "-")
		if len(word) == 0 || len(word) > 4 || n == len(dst) {
			return 0, false
		}
		value := 0
		for i := range len(word) {
			digit, ok := hexadecimal(word[i])
			if !ok {
				return 0, false
			}
			value = value<<4 | int(digit)
		}
		dst[n], dst[n+1] = byte(value>>8), byte(value)
		n += 2
	}
	return n, true
}

// IsDashed reports whether label is the dashed form of a, in any letter case:
// of the spellings of an address one is a name.
func IsDashed(label string, a netip.Addr) bool {
	var buf [maxDashed + 2]byte
	return EqualFold(AppendDashed(buf[:0], a), label)
}
