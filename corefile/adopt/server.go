// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// resolvConf has the servers of the node.
const resolvConf = "/etc/resolv.conf"

// A server is one that forward sends to.
type server struct {
	transport v1alpha1.Transport
	endpoint  v1alpha1.Endpoint
}

var schemes = map[string]v1alpha1.Transport{
	"dns": "", "tls": v1alpha1.TransportTLS, "https": v1alpha1.TransportHTTPS, "quic": v1alpha1.TransportQUIC,
}

// parseServer reads a server as forward does. It knows addresses and files, but
// no names.
func parseServer(s string) (server, bool) {
	if strings.HasPrefix(s, "/") {
		ok := len(s) <= 255 && resolvConfPattern.MatchString(s)
		return server{endpoint: v1alpha1.Endpoint{ResolvConf: s}}, ok
	}
	var t v1alpha1.Transport
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		if t, ok = schemes[scheme]; !ok {
			return server{}, false
		}
		s = rest
	}
	s, name, ok := cutServerName(s)
	if !ok || name != "" && t != v1alpha1.TransportTLS && t != v1alpha1.TransportQUIC {
		return server{}, false
	}
	a, port, ok := hostPort(s, render.DefaultPort(t))
	if !ok {
		return server{}, false
	}
	return server{t, v1alpha1.Endpoint{Address: v1alpha1.Address(a.String()), Port: port, ServerName: name}}, true
}

// cutServerName returns what stands behind the percent sign: 1.1.1.1%name:853,
// [2001:db8::1%name]:853 or [2001:db8::1]%name:853.
func cutServerName(s string) (rest string, name v1alpha1.Domain, ok bool) {
	rest, text, found := strings.Cut(s, "%")
	if !found {
		return s, "", true
	}
	text, port, _ := strings.Cut(text, ":")
	if strings.HasPrefix(rest, "[") {
		rest, text = strings.TrimSuffix(rest, "]")+"]", strings.TrimSuffix(text, "]")
	}
	if port != "" {
		rest += ":" + port
	}
	name, ok = domain(text)
	return rest, name, ok
}

// hostPort returns an address, and its port unless that is the usual one.
func hostPort(s string, usual int) (netip.Addr, v1alpha1.Port, bool) {
	host, text := s, ""
	if h, p, err := net.SplitHostPort(s); err == nil {
		host, text = h, p
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if err != nil || a.Zone() != "" || a.Is4In6() {
		return netip.Addr{}, 0, false
	}
	if text == "" {
		return a, 0, true
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return netip.Addr{}, 0, false
	}
	if int(n) == usual {
		n = 0
	}
	return a, v1alpha1.Port(n), true
}
