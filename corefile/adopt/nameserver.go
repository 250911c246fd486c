// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// A nameserver is one of kube-dns.
type nameserver struct {
	host string // an address or a name
	port v1alpha1.Port
}

// nameserver reads 192.0.2.1, 192.0.2.1:53, 192.0.2.1#53, and the same with a
// name or an address of IPv6.
func (k *kubeDNS) nameserver(at place, text string) (nameserver, bool) {
	s := text
	if server, from, ok := strings.Cut(s, "@"); ok {
		k.add(Lost, at, fmt.Sprintf("`@%s` of `%s` is left out: servers are asked from the address that the node chooses", from, text), "")
		s = server
	}
	host, port := s, ""
	if h, p, ok := strings.Cut(s, "#"); ok {
		host, port = h, p
	} else if _, err := netip.ParseAddr(s); err != nil {
		if h, p, err := net.SplitHostPort(s); err == nil {
			host, port = h, p
		}
	}
	host = origin(strings.Trim(host, "[]"))
	n := nameserver{host: host}
	if p, err := strconv.ParseUint(port, 10, 16); err == nil && p != 53 {
		n.port = v1alpha1.Port(p)
	} else if port != "" && (err != nil || p == 0) {
		host = ""
	}
	a, err := netip.ParseAddr(host)
	if _, name := domain(host); err != nil && (!name || looksLikeAddress(host)) || err == nil && a.Zone() != "" {
		k.add(Lost, at, fmt.Sprintf("`%s` is no server: it is left out", text), "write an address")
		return nameserver{}, false
	}
	if err == nil {
		n.host = a.Unmap().String()
	}
	return n, true
}

// looksLikeAddress reports whether a name is hardly meant as one: 10.0.0.
func looksLikeAddress(host string) bool { return strings.Trim(host, "0123456789.") == "" }

// endpoint returns n if it has an address, or is a Service.
func (n nameserver) endpoint(clusterDomain string) (v1alpha1.Endpoint, bool) {
	if a, ok := address(n.host); ok {
		return v1alpha1.Endpoint{Address: a, Port: n.port}, true
	}
	labels := strings.Split(strings.TrimSuffix(n.host, ".svc."+clusterDomain), ".")
	if len(labels) != 2 || !strings.HasSuffix(n.host, ".svc."+clusterDomain) {
		return v1alpha1.Endpoint{}, false
	}
	name, namespace := labels[0], labels[1]
	ok := labelPattern.MatchString(name) && labelPattern.MatchString(namespace)
	return v1alpha1.Endpoint{Service: &v1alpha1.ServiceReference{Namespace: namespace, Name: name}, Port: n.port}, ok
}

// word returns n as forward reads it.
func (n nameserver) word() string {
	if n.port == 0 {
		return n.host
	}
	return net.JoinHostPort(n.host, strconv.Itoa(int(n.port)))
}

// endpoints returns those of all servers, or what is none.
func endpoints(servers []nameserver, clusterDomain string) (list []v1alpha1.Endpoint, unknown []string) {
	for _, n := range servers {
		e, ok := n.endpoint(clusterDomain)
		if !ok {
			unknown = append(unknown, n.host)
			continue
		}
		list = append(list, e)
	}
	return list, unknown
}

// maxServers is how many forward takes.
const maxServers = 15

// atMost returns the first servers if there are too many.
func (k *kubeDNS) atMost(at place, servers []nameserver) []nameserver {
	if len(servers) <= maxServers {
		return servers
	}
	for _, n := range servers[maxServers:] {
		k.add(Lost, at, fmt.Sprintf("the server `%s` is left out: there are more than %d", n.word(), maxServers), "use those that are nearest")
	}
	return slices.Clone(servers[:maxServers])
}
