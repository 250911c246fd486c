// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"strings"

	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/autopath"
	external "github.com/coredns/coredns/plugin/k8s_external"
)

// partners checks the plugins that need another one in their server block.
// They look for it in a startup callback, which a check does not reach.
func partners(b block, cfg *dnsserver.Config) []Diagnostic {
	var out []Diagnostic
	if uses := b.uses["k8s_external"]; len(uses) > 0 {
		head := uses[0][0]
		at := Pos{head.File, head.Line}
		switch h := cfg.Handler("kubernetes").(type) {
		case nil:
			out = append(out, errorAt(at, "plugin/k8s_external: there is no kubernetes in this server block"))
		case external.Externaler:
		default:
			out = append(out, errorAt(at, "plugin/k8s_external: %T cannot serve external names", h))
		}
	}
	if uses := b.uses["autopath"]; len(uses) > 0 {
		out = append(out, searchPath(uses[len(uses)-1], b, cfg)...)
	}
	return out
}

// searchPath checks the plugin that autopath gets search paths from.
func searchPath(use []caddyfile.Token, b block, cfg *dnsserver.Config) []Diagnostic {
	args := lines(use)[0]
	last := args[len(args)-1]
	name, ok := strings.CutPrefix(last.Text, "@")
	if !ok {
		return nil
	}
	at := Pos{last.File, last.Line}
	switch cfg.Handler(name).(type) {
	case nil:
		return []Diagnostic{noteAt(at, "plugin/autopath: there is no %s in this server block; autopath does nothing", name)}
	case autopath.AutoPather:
		if (name == "clusterdns" || name == "kubernetes") && !verified(b.uses[name]) {
			return []Diagnostic{noteAt(at, "plugin/autopath: %s does not know which Pod asks, so autopath does nothing; say \"pods verified\" there", name)}
		}
		return nil
	}
	return []Diagnostic{errorAt(at, "plugin/autopath: %s does not implement the AutoPather interface", name)}
}

// verified reports whether the last word of a plugin's block about Pods is "verified".
func verified(uses [][]caddyfile.Token) bool {
	mode := ""
	for _, use := range uses {
		for _, line := range lines(use) {
			if len(line) == 2 && line[0].Text == "pods" {
				mode = line[1].Text
			}
		}
	}
	return mode == "verified"
}
