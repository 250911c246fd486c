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
	separator := byte(':')
	if strings.Count(label, "-") == 3 && !strings.Contains(label, "--") {
		separator = '.'
	}
	var buf [maxDashed]byte
	for i := range len(label) {
		c := label[i]
		switch c {
		case '-':
			c = separator
		case '.', ':', '%':
			return netip.Addr{}, false
		}
		buf[i] = c
	}
	a, err := netip.ParseAddr(string(buf[:len(label)]))
	return a.Unmap(), err == nil
}

// IsDashed reports whether label is the dashed form of a, in any letter case:
// of the spellings of an address one is a name.
func IsDashed(label string, a netip.Addr) bool {
	var buf [maxDashed + 2]byte
	return equalFold(string(AppendDashed(buf[:0], a)), label)
}
