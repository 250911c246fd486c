// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"time"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
)

// readCache reads the directive cache of the default server block.
func readCache(spec *v1alpha1.ClusterDNSSpec, d *corefile.Directive) {
	spec.Cache = cache(d)
}

// cache returns what fields can say of a directive cache.
func cache(d *corefile.Directive) *v1alpha1.Cache {
	c := &v1alpha1.Cache{Positive: seconds(one(d.Values()), 1)}
	for _, o := range options(d) {
		args := o.Values()
		switch o.Name.Value() {
		case "denial":
			if len(args) == 2 {
				c.Negative = seconds(args[1], 1)
			}
		case "serve_stale":
			c.ServeStale = duration(one(args), time.Second, 24*time.Hour)
		case "prefetch":
			c.Prefetch = prefetch(args)
		}
	}
	return c
}

// prefetch returns nil if the API does not take it.
func prefetch(args []string) *v1alpha1.Prefetch {
	if len(args) < 1 || len(args) > 3 {
		return nil
	}
	amount := count(args[0], 1, 1000000)
	if amount == nil {
		return nil
	}
	p := &v1alpha1.Prefetch{Amount: *amount}
	if len(args) > 1 {
		p.Duration = duration(args[1], time.Second, time.Hour)
	}
	if len(args) > 2 {
		p.Percentage = percentage(args[2])
	}
	return p
}

func percentage(s string) *int32 {
	if s == "" || s[len(s)-1] != '%' {
		return nil
	}
	return count(s[:len(s)-1], 10, 90)
}
