// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"github.com/coredns/caddy"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

func parseTopology(s *stanza, c *caddy.Controller, args []string) error {
	modes := map[string]answer.TopologyMode{"prefer": answer.TopologyPrefer, "order": answer.TopologyOrder}
	if len(args) != 1 && len(args) != 3 {
		return c.ArgErr()
	}
	mode, ok := modes[args[0]]
	if !ok {
		return c.Errf("topology '%s': must be one of prefer, order", args[0])
	}
	s.opts.Topology = answer.Topology{Mode: mode, Min: 1}
	if len(args) == 1 {
		return nil
	}
	if args[1] != "min" {
		return c.Errf("topology %s '%s': only \"min N\" can follow", args[0], args[1])
	}
	if mode != answer.TopologyPrefer {
		return c.Errf("topology %s min: all endpoints are answered, so min has no meaning; use \"topology prefer min N\", or remove it", args[0])
	}
	n, err := count(c, "topology prefer min", args[2:])
	if err == nil && n == 0 {
		return c.Errf("topology prefer min '%s': must be a whole number > 0", args[2])
	}
	s.opts.Topology.Min = n
	return err
}

// finishTopology checks and sets what topology needs.
func (s *stanza) finishTopology() error {
	if s.opts.Topology.Mode == answer.TopologyOff {
		return nil
	}
	if !s.opts.Kinds.Has(object.Set(object.EndpointSlices)) {
		return s.errf("topology", "there are no endpoints with noendpoints: remove one of them")
	}
	s.opts.Kinds |= object.Set(object.Nodes)
	s.cfg.Keep.Zones, s.cfg.Keep.Nodes = true, true
	s.cfg.Keep.Pods.Places = s.opts.Pods == answer.PodsVerified
	return nil
}
