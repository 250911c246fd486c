// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"fmt"

	"github.com/coredns/coredns/core/dnsserver"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
)

// neighbours gets ready for the plugins of the same server block that ask this one.
func (c *ClusterDNS) neighbours(config *dnsserver.Config, at string) error {
	if err := notYet(config, at); err != nil {
		return err
	}
	verified := c.opts.Pods == answer.PodsVerified
	if config.Handler("autopath") != nil {
		c.search = searchDomains()
		if !verified {
			log.Warningf("%s - \"autopath @%s\" does nothing in this server block: it needs to know the Pod that asks; say \"pods verified\"", at, Name)
		}
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
	return nil
}

// notYet refuses neighbours that would look for something here that is not
// there yet: a zone that is silently not transferred is worse than a server that
// says so.
func notYet(config *dnsserver.Config, at string) error {
	for _, neighbour := range []string{"transfer"} {
		if config.Handler(neighbour) != nil {
			return fmt.Errorf("%s - %s is in the same server block, and clusterdns does not support it yet: remove it, or use the kubernetes plugin here", at, neighbour)
		}
	}
	return nil
}
