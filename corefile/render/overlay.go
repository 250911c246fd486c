// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strings"

	"github.com/clusterdns/clusterdns/corefile"
)

// overlay renders what is imported into the default block of somebody else, as that
// file would see it. The upstreams stay theirs.
func (r *renderer) overlay() {
	w := r.server("", ".")
	w.verbatim(r.extra.before)
	w.log()
	w.hosts()
	w.rewrites()
	w.verbatim(r.extra.after)
	if r.spec.Upstreams != nil {
		r.problem("upstreams", "the Corefile that is added to has its own", "remove this field, or use managementState Managed")
	}
}

// Custom returns an overlay as the data of a ConfigMap coredns-custom: a key that
// is imported into the default server block, and one that is imported beside it.
func Custom(overlay *corefile.File) map[string]string {
	data := make(map[string]string)
	if len(overlay.Nodes) == 0 {
		return data
	}
	if b, ok := overlay.Nodes[0].(*corefile.ServerBlock); ok && len(b.Directives) > 0 {
		text := corefile.Format(&corefile.File{Nodes: []corefile.Node{b}})
		_, text, _ = strings.Cut(text, "{\n")
		data["clusterdns.override"] = outdent(strings.TrimSuffix(strings.TrimRight(text, "\n"), "}"))
	}
	rest := corefile.NewFile()
	rest.Nodes = overlay.Nodes[1:]
	if len(rest.Nodes) > 0 {
		data["clusterdns.server"] = strings.TrimLeft(corefile.Format(rest), "\n")
	}
	return data
}

// outdent takes the indentation of a server block away.
func outdent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "    ")
	}
	return strings.Join(lines, "\n")
}
