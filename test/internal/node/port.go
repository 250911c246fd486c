// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"cmp"
	"strconv"
	"strings"
)

// defaults are the ports of a key without one, by what stands in front of ://.
var defaults = map[string]string{"tls": "853", "quic": "853", "grpc": "443", "https": "443", "https3": "443"}

// highPort returns a key of a server block with a port that is not reserved.
func highPort(key string) string {
	transport, _, _ := strings.Cut(key, "://")
	port := cmp.Or(defaults[transport], "53")
	// A zone may have colons, too: 2001:db8::/32. So CoreDNS takes a number
	// behind the last one for a port.
	if i := strings.LastIndexByte(key, ':'); i >= 0 {
		if _, err := strconv.ParseUint(key[i+1:], 10, 16); err == nil {
			key, port = key[:i], key[i+1:]
		}
	}
	return key + ":" + higher(port)
}

// higher returns a port that is not reserved. What is no port stays.
func higher(port string) string {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return port
	}
	return strconv.Itoa(int(unprivileged(uint16(n))))
}
