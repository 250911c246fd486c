// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"slices"
	"strings"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// parseMulticluster takes which of the zones are those of the clusterset. Without
// any the option does nothing, as in the kubernetes plugin.
func parseMulticluster(s *stanza, c *caddy.Controller, args []string) error {
	origins := plugin.OriginsFromArgsOrServerBlock(args, nil)
	for _, origin := range origins {
		if !slices.ContainsFunc(s.zones, func(z zone) bool { return z.origin == origin }) {
			return c.Errf("multicluster zone %s is not among the zones that clusterdns answers for here (%s): write it behind \"clusterdns\" too", origin, s.origins())
		}
	}
	if len(origins) == 0 {
		log.Warningf("%s - multicluster names no zones, so it does nothing", s.at[s.option])
	}
	for i := range s.zones { // reverse zones have names of both sorts anyway
		z := &s.zones[i]
		z.clusterset = !z.reverse && slices.Contains(origins, z.origin)
	}
	return nil
}

func (s *stanza) origins() string {
	all := make([]string, len(s.zones))
	for i, z := range s.zones {
		all[i] = z.origin
	}
	return strings.Join(all, " ")
}

// finishMulticluster sets what follows from which zones are those of the
// clusterset. Names in PTR records are in the first zone of their sort.
func (s *stanza) finishMulticluster() {
	var own, set []string
	for _, z := range s.zones {
		switch {
		case z.clusterset:
			set = append(set, z.origin)
		case !z.reverse:
			own = append(own, z.origin)
		}
	}
	if len(set) == 0 {
		return
	}
	s.opts.Kinds |= object.Imports
	s.opts.ClusterSetZone = set[0]
	s.opts.PrimaryZone = ""
	if len(own) > 0 {
		s.opts.PrimaryZone = own[0]
	}
}

// serial returns the serial of z.
func (c *ClusterDNS) serial(z *zone) uint32 {
	return answer.Zone{Origin: z.origin, ClusterSet: z.clusterset, Options: &c.opts}.Serial(c.lease.Index())
}
