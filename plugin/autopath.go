// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// AutoPath implements autopath.AutoPather: the search path of the Pod that asks,
// or nil if it is not known beyond doubt. It depends on the client's address and
// the name's zone only: an A and an AAAA query for a name take the same way.
func (c *ClusterDNS) AutoPath(state request.Request) []string {
	if c.opts.Pods != answer.PodsVerified {
		return nil
	}
	z := c.match(state.QName())
	if z == nil || qname.IsReverse(z.origin) {
		return nil
	}
	client := c.client(state.W)
	if client.Namespace == "" {
		return nil
	}
	path := make([]string, 0, 4+len(c.search))
	path = append(path, qname.Join(client.Namespace+".svc", z.origin), qname.Join("svc", z.origin), z.origin)
	path = append(path, c.search...)
	return append(path, "") // the name itself, as autopath demands
}

// resolvConf is where the search path of this machine is, which the kubelet puts
// behind the cluster's own in each Pod.
var resolvConf = "/etc/resolv.conf"

// searchDomains returns the search path of this machine. Without one the search
// path of Pods ends with the zone.
func searchDomains() []string {
	rc, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		log.Warningf("autopath does not know the search path of this machine: %v", err)
		return nil
	}
	plugin.Zones(rc.Search).Normalize()
	return rc.Search
}
