// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"slices"
	"strings"
)

// changes are what CoreDNS' release notes say of plugins and options, the
// oldest first. What was added is there if Kubernetes clusters use it.
var changes = []Change{
	{Version: Version{1, 1, 0}, Kind: Removed, Plugin: "startup", Remedy: "use on"},
	{Version: Version{1, 1, 0}, Kind: Removed, Plugin: "shutdown", Remedy: "use on"},
	{Version: Version{1, 2, 0}, Kind: Added, Plugin: "metadata", Remedy: remove},
	{Version: Version{1, 2, 0}, Kind: Removed, Plugin: "reverse", Remedy: "use template"},
	{Version: Version{1, 2, 1}, Kind: Added, Plugin: "loop", Remedy: remove},
	{Version: Version{1, 3, 0}, Kind: Added, Plugin: "k8s_external", Remedy: remove},
	{Version: Version{1, 4, 0}, Kind: Deprecated, Plugin: "proxy", Remedy: "use forward"},

	{Version: Version{1, 5, 0}, Kind: Added, Plugin: "ready", Remedy: remove},
	{Version: Version{1, 5, 0}, Kind: Added, Plugin: "grpc", Remedy: "use proxy with protocol grpc"},
	{Version: Version{1, 5, 0}, Kind: Removed, Plugin: "proxy", Remedy: "use forward, which has other options"},
	{Version: Version{1, 5, 0}, Kind: Removed, Plugin: "auto", Option: "no_reload", Remedy: "use reload 0"},
	{Version: Version{1, 5, 0}, Kind: Removed, Plugin: "file", Option: "no_reload", Remedy: "use reload 0"},
	{Version: Version{1, 5, 0}, Kind: Deprecated, Plugin: "kubernetes", Option: "resyncperiod", Remedy: remove},
	{Version: Version{1, 5, 0}, Kind: Behaviour, Plugin: "health", touches: without("ready"),
		Summary: "health does not wait for the other plugins", Remedy: "add ready, and probe it for readiness"},
	{Version: Version{1, 5, 2}, Kind: Ignored, Plugin: "auto", Option: "upstream", Remedy: remove},
	{Version: Version{1, 5, 2}, Kind: Ignored, Plugin: "etcd", Option: "upstream", Remedy: remove},
	{Version: Version{1, 5, 2}, Kind: Ignored, Plugin: "file", Option: "upstream", Remedy: remove},
	{Version: Version{1, 5, 2}, Kind: Ignored, Plugin: "kubernetes", Option: "upstream", Remedy: remove},
	{Version: Version{1, 5, 2}, Kind: Ignored, Plugin: "template", Option: "upstream", Remedy: remove},
	{Version: Version{1, 6, 0}, Kind: Ignored, Plugin: "kubernetes", Option: "resyncperiod", Remedy: remove},
	{Version: Version{1, 6, 3}, Kind: Deprecated, Plugin: "federation", Remedy: remove},
	{Version: Version{1, 6, 4}, Kind: Added, Plugin: "acl", Remedy: remove},
	{Version: Version{1, 6, 5}, Kind: Added, Plugin: "transfer", Remedy: "use the option transfer of the plugins for zones"},
	{Version: Version{1, 6, 6}, Kind: Added, Plugin: "bufsize", Remedy: remove},
	{Version: Version{1, 6, 6}, Kind: Added, Plugin: "cache", Option: "serve_stale", Remedy: remove},
	{Version: Version{1, 6, 8}, Kind: Added, Plugin: "forward", Option: "max_concurrent", Remedy: remove},

	{Version: Version{1, 7, 0}, Kind: Added, Plugin: "dns64", Remedy: remove},
	{Version: Version{1, 7, 0}, Kind: Removed, Plugin: "federation", Remedy: remove},
	{Version: Version{1, 7, 0}, Kind: Removed, Plugin: "kubernetes", Option: "resyncperiod", Remedy: remove},
	{Version: Version{1, 7, 0}, Kind: Removed, Plugin: "kubernetes", Option: "upstream", Remedy: remove},
	{Version: Version{1, 8, 0}, Kind: Removed, Plugin: "auto", Option: "transfer", Remedy: transfer},
	{Version: Version{1, 8, 0}, Kind: Removed, Plugin: "file", Option: "transfer", Remedy: transfer},
	{Version: Version{1, 8, 0}, Kind: Removed, Plugin: "kubernetes", Option: "transfer", Remedy: transfer},
	{Version: Version{1, 8, 0}, Kind: Removed, Plugin: "secondary", Option: "transfer", touches: argument("to"),
		Summary: "transfer to", Remedy: transfer},
	{Version: Version{1, 8, 1}, Kind: Added, Plugin: "local", Remedy: remove},
	{Version: Version{1, 8, 4}, Kind: Added, Plugin: "minimal", Remedy: remove},
	{Version: Version{1, 8, 5}, Kind: Added, Plugin: "geoip", Remedy: remove},
	{Version: Version{1, 8, 5}, Kind: Added, Plugin: "header", Remedy: remove},
	{Version: Version{1, 9, 0}, Kind: Behaviour, Plugin: "kubernetes",
		Summary: "kubernetes has no wildcard queries such as *.default.svc.cluster.local", Remedy: "ask for the names themselves"},
	{Version: Version{1, 9, 3}, Kind: Added, Plugin: "errors", Option: "stacktrace", Remedy: remove},
	{Version: Version{1, 9, 4}, Kind: Added, Plugin: "cache", Option: "disable", Remedy: remove},
	{Version: Version{1, 9, 4}, Kind: Added, Plugin: "cache", Option: "servfail", Remedy: remove},
	{Version: Version{1, 9, 4}, Kind: Added, Plugin: "forward", touches: again,
		Summary: "forward more than once in a server block", Remedy: "use a server block for each"},
	{Version: Version{1, 9, 4}, Kind: Added, Plugin: "tsig", Remedy: remove},

	{Version: Version{1, 10, 0}, Kind: Added, Plugin: "view", Remedy: remove},
	{Version: Version{1, 10, 1}, Kind: Added, Plugin: "cache", Option: "keepttl", Remedy: remove},
	{Version: Version{1, 10, 1}, Kind: Added, Plugin: "timeouts", Remedy: remove},
	{Version: Version{1, 11, 0}, Kind: NewDefault, Plugin: "bufsize", touches: noArguments,
		Summary: "the size of bufsize is 1232 if it has none", Remedy: "write the size that you want"},
	{Version: Version{1, 11, 0}, Kind: Added, Plugin: "k8s_external", Option: "fallthrough", Remedy: remove},
	{Version: Version{1, 11, 4}, Kind: Added, Plugin: "forward", Option: "next", Remedy: remove},
	{Version: Version{1, 12, 0}, Kind: Added, Plugin: "multisocket", Remedy: remove},
	{Version: Version{1, 12, 1}, Kind: Added, Plugin: "forward", Option: "failfast_all_unhealthy_upstreams", Remedy: remove},
	{Version: Version{1, 12, 2}, Kind: Added, Plugin: "file", Option: "fallthrough", Remedy: remove},
	{Version: Version{1, 12, 2}, Kind: Added, Plugin: "kubernetes", Option: "multicluster", Remedy: remove},
	{Version: Version{1, 12, 3}, Kind: Added, Plugin: "grpc", Option: "fallthrough", Remedy: remove},
	{Version: Version{1, 12, 3}, Kind: Added, Plugin: "kubernetes", Option: "startup_timeout", Remedy: remove},
	{Version: Version{1, 12, 4}, Kind: Removed, Plugin: "header", Option: "clear", Remedy: "write response in front of it"},
	{Version: Version{1, 12, 4}, Kind: Removed, Plugin: "header", Option: "set", Remedy: "write response in front of it"},
	{Version: Version{1, 13, 0}, Kind: Added, Plugin: "forward", Option: "failover", Remedy: remove},
	{Version: Version{1, 13, 0}, Kind: Behaviour, Plugin: "forward", touches: noFailover,
		Summary: "forward does not ask the next upstream after SERVFAIL or REFUSED", Remedy: "add failover SERVFAIL REFUSED"},
	{Version: Version{1, 13, 2}, Kind: Added, Plugin: "forward", Option: "max_connect_attempts", Remedy: remove},
	{Version: Version{1, 13, 2}, Kind: Removed, Plugin: "forward", Option: "failover", touches: argument("NOERROR"),
		Summary: "failover NOERROR", Remedy: "remove NOERROR"},
	{Version: Version{1, 14, 2}, Kind: Added, Plugin: "proxyproto", Remedy: remove},
	{Version: Version{1, 14, 3}, Kind: Added, Plugin: "forward", Option: "max_age", Remedy: remove},
	{Version: Version{1, 14, 4}, Kind: Added, Plugin: "secondary", Option: "fallthrough", Remedy: remove},
	{Version: Version{1, 14, 5}, Kind: Behaviour, Plugin: "hosts", touches: falls,
		Summary: "hosts lets queries for other types than A, AAAA and PTR fall through, until 1.14.7", Remedy: "look at what the next plugin answers"},
	{Version: Version{1, 14, 5}, Kind: Added, Plugin: "forward", Option: "read_timeout", Remedy: remove},
	{Version: Version{1, 14, 6}, Kind: Added, Plugin: "forward", Option: "source_address", Remedy: remove},
	{Version: Version{1, 14, 7}, Kind: Added, Plugin: "cache", Option: "serve_stale_policy", Remedy: remove},
	{Version: Version{1, 14, 7}, Kind: Behaviour, Plugin: "hosts", touches: falls,
		Summary: "hosts answers NODATA for other types than A, AAAA and PTR again", Remedy: "add fallthrough_unsupported if they are to fall through"},
	{Version: Version{1, 14, 7}, Kind: Added, Plugin: "hosts", Option: "fallthrough_unsupported", Remedy: remove},
	{Version: Version{1, 14, 7}, Kind: Added, Plugin: "kubernetes", Option: "zonal", Remedy: remove},
	{Version: Version{1, 14, 7}, Kind: Added, Plugin: "shed", Remedy: remove},
	{Version: Version{1, 14, 7}, Kind: Behaviour, Plugin: "cache",
		Summary: "cache does not keep NODATA without SOA", Remedy: "give upstreams that leave the SOA out a cache of their own"},
	{Version: Version{1, 15, 0}, Kind: Behaviour, Plugin: "cache",
		Summary: "cache keeps the SERVFAIL of a resolver that gives no response, and does not set AA", Remedy: "use servfail 0 to keep none"},
	{Version: Version{1, 15, 0}, Kind: Added, Plugin: "dynupdate", Remedy: remove},
	{Version: Version{1, 15, 0}, Kind: Added, Plugin: "siit", Remedy: remove},
}

const (
	remove   = "remove it"
	transfer = "use the plugin transfer in the server block"
)

func noArguments(d *Directive, _ []*Directive) bool { return len(d.Args) == 0 }

func argument(value string) func(*Directive, []*Directive) bool {
	return func(d *Directive, _ []*Directive) bool { return slices.Contains(d.Values(), value) }
}

func without(plugin string) func(*Directive, []*Directive) bool {
	return func(_ *Directive, block []*Directive) bool {
		return !slices.ContainsFunc(block, func(d *Directive) bool { return d.Name.value == plugin })
	}
}

// again reports whether a plugin of the name stands in front of d.
func again(d *Directive, block []*Directive) bool {
	return slices.IndexFunc(block, func(other *Directive) bool { return other.Name.value == d.Name.value }) < slices.Index(block, d)
}

func falls(d *Directive, _ []*Directive) bool {
	return d.Block != nil && len(d.Block.Find("fallthrough")) > 0
}

// noFailover reports whether d has several upstreams and does not say when to
// ask the next one. A file may have several.
func noFailover(d *Directive, _ []*Directive) bool {
	several := len(d.Args) > 2 || len(d.Args) == 2 && strings.HasPrefix(d.Args[1].value, "/")
	return several && (d.Block == nil || len(d.Block.Find("failover")) == 0)
}
