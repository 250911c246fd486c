// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"github.com/coredns/caddy"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
)

func parsePodNames(s *stanza, c *caddy.Controller, args []string) error {
	s.opts.PodNames = true
	return noArgs(c, args)
}

// finishPodNames checks and sets what pod_names needs.
func (s *stanza) finishPodNames() error {
	if !s.opts.PodNames {
		return nil
	}
	if s.opts.Pods != answer.PodsVerified {
		return s.errf("pod_names", "it needs to watch Pods: say \"pods verified\" in this block too, or remove it")
	}
	s.cfg.Keep.Pods.Records = true
	return nil
}

func parsePTR(s *stanza, c *caddy.Controller, args []string) error {
	modes := map[string]answer.PTRMode{"all": answer.PTRAll, "hostname": answer.PTRHostname, "single": answer.PTRSingle}
	if len(args) != 1 {
		return c.ArgErr()
	}
	mode, ok := modes[args[0]]
	if !ok {
		return c.Errf("ptr '%s': must be one of all, hostname, single", args[0])
	}
	s.opts.PTR = mode
	return nil
}
