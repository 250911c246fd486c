// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"github.com/coredns/coredns/core/dnsserver"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
)

// neighbours gets ready for the plugins of the same server block that ask this one.
func (c *ClusterDNS) neighbours(config *dnsserver.Config, at string) {
	verified := c.opts.Pods == answer.PodsVerified
	if config.Handler("autopath") != nil {
		c.search = searchDomains()
		if !verified {
			log.Warningf("%s - \"autopath @%s\" does nothing in this server block: it needs to know the Pod that asks; say \"pods verified\"", at, Name)
		}
	}
	if c.opts.Topology.Mode == answer.TopologyOrder && config.Handler("loadbalance") != nil {
		log.Warningf("%s - \"topology order\" does nothing beside loadbalance, which shuffles the records: remove loadbalance, or use \"topology prefer\"", at)
	}
	if config.Handler("metadata") != nil {
		c.labels = []labelSet{newLabelSet(Name + "/")}
		if config.Handler("kubernetes") == nil { // whose labels they would be
			c.labels = append(c.labels, newLabelSet("kubernetes/"))
		}
		if verified {
			c.cfg.Keep.Pods.Names, c.cfg.Keep.Pods.Labels = true, true
		}
	}
}
