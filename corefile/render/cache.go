// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"time"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

const (
	// capacity of a cache, in answers: that of CoreDNS.
	capacity = "9984"
	// ttl of a cache in seconds.
	ttl = 30
	// lameduck of servers.
	lameduck = 15 * time.Second
)

// cache keeps answers of upstreams. Names of the zones are never in it: they are
// in memory anyway, and are never stale there.
func (w *writer) cache(c *v1alpha1.Cache, never ...string) {
	if c == nil {
		c = &v1alpha1.Cache{}
	}
	longest, denials := *or(c.Positive, ttl), c.Negative
	if c.Disabled || longest == 0 && denials != nil && *denials == 0 {
		return
	}
	keeps := map[string]bool{"success": longest > 0, "denial": denials == nil || *denials > 0}
	if longest == 0 {
		longest = ttl // of denials
	}
	w.put("cache", number(longest))
	if keeps["denial"] && denials != nil && *denials != longest {
		w.option("denial", capacity, number(*denials))
	}
	if c.ServeStale != nil {
		w.option("serve_stale", c.ServeStale.Duration.String())
	}
	if p := c.Prefetch; p != nil {
		w.option("prefetch", prefetch(p)...)
	}
	w.without(keeps, never)
}

// without leaves answers out of the cache: all of a sort, or those of zones.
func (w *writer) without(keeps map[string]bool, never []string) {
	for _, sort := range []string{"success", "denial"} {
		switch {
		case !keeps[sort]:
			w.option("disable", sort)
		case len(never) > 0:
			w.option("disable", append([]string{sort}, never...)...)
		}
	}
}

// prefetch needs the pause if there is a percentage.
func prefetch(p *v1alpha1.Prefetch) []string {
	args := []string{number(p.Amount)}
	if p.Duration != nil || p.Percentage != nil {
		pause := time.Minute
		if p.Duration != nil {
			pause = p.Duration.Duration
		}
		args = append(args, pause.String())
	}
	if p.Percentage != nil {
		args = append(args, number(*p.Percentage)+"%")
	}
	return args
}

// Lameduck returns how long servers that are to end go on answering.
func Lameduck(spec *v1alpha1.ClusterDNSSpec) time.Duration {
	if spec.Rollout != nil && spec.Rollout.Lameduck != nil {
		return spec.Rollout.Lameduck.Duration
	}
	return lameduck
}
