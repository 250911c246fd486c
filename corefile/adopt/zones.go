// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
)

// A key is what a server block answers for.
type key struct {
	zone string // in lower case and without the last dot, but for "."
	port string // may depend on the environment
	// transport is empty for that of RFC 1035.
	transport string
}

// parseKey reads a key as CoreDNS does.
func parseKey(text string) key {
	transport, zone, port := cutKey(text)
	return key{zone: origin(zone), port: port, transport: transport}
}

// cutKey cuts a key into its parts.
func cutKey(text string) (transport, zone, port string) {
	zone, port = text, "53"
	if before, after, ok := strings.Cut(text, "://"); ok {
		transport, zone = strings.TrimPrefix(before, "dns"), after
	}
	if i := strings.LastIndexByte(zone, ':'); i >= 0 && (number(zone[i+1:]) || variable(zone[i+1:])) {
		zone, port = zone[:i], zone[i+1:]
	}
	return transport, zone, port
}

func number(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// origin returns a zone in lower case and without the last dot.
func origin(zone string) string {
	if zone == "." {
		return zone
	}
	return strings.ToLower(strings.TrimSuffix(zone, "."))
}

func keys(b *corefile.ServerBlock) []key {
	var ks []key
	for _, z := range b.Zones() {
		ks = append(ks, parseKey(z))
	}
	return ks
}

// defaultBlock returns the index of the server block for ".": one with the
// plugin for the cluster, or else the first.
func defaultBlock(nodes []corefile.Node) int {
	first := -1
	for i, n := range nodes {
		b, ok := serverBlock(n)
		if !ok || !slices.ContainsFunc(keys(b), func(k key) bool { return k.zone == "." && k.transport == "" }) {
			continue
		}
		if len(b.Find("clusterdns")) > 0 {
			return i
		}
		if first < 0 {
			first = i
		}
	}
	return first
}

// serverBlock returns n if it is a server block, not a snippet.
func serverBlock(n corefile.Node) (*corefile.ServerBlock, bool) {
	b, ok := n.(*corefile.ServerBlock)
	if !ok {
		return nil, false
	}
	_, snippet := b.Snippet()
	return b, !snippet && len(b.Zones()) > 0
}

// keys takes the port of the default server block, and says what becomes of its
// other keys: names in their zones are in the zone "." too, unless another block
// stands between.
func (a *adoption) keys(b *corefile.ServerBlock, nodes []corefile.Node) {
	found := false
	for i, k := range keys(b) {
		text := b.Zones()[i]
		switch {
		case k.zone == "." && k.transport == "" && !found:
			found = true
			a.port(b, k)
		case k.transport == "" && number(k.port) && k.port == a.listens() && !between(k.zone, b, nodes):
			a.add(Changed, a.at(b), fmt.Sprintf("the key `%s` is left out: `.` has it in it", text), "")
		default:
			a.add(Lost, a.at(b), fmt.Sprintf("the default server block cannot have the key `%s`", text), "copy the block to extra.blocks with this key")
		}
	}
	a.behind(b, nodes)
}

// behind says which server blocks for "." stood in front of the default one:
// render writes that first, and CoreDNS asks the first that a view lets it.
func (a *adoption) behind(b *corefile.ServerBlock, nodes []corefile.Node) {
	for _, n := range nodes {
		other, ok := serverBlock(n)
		switch {
		case other == b:
			return
		case ok && slices.Contains(keys(other), key{zone: ".", port: a.listens()}) && (len(b.Find("bind")) == 0 || len(other.Find("bind")) == 0):
			a.add(Lost, a.at(other), "this server block for `.` stands behind the default one now, which takes its queries", "let a view choose in the default block")
		}
	}
}

func (a *adoption) port(b *corefile.ServerBlock, k key) {
	n, err := strconv.ParseUint(k.port, 10, 16)
	switch {
	case err != nil || n == 0:
		a.add(Lost, a.at(b), fmt.Sprintf("the port `%s` is not known here", k.port), "set port, if it is not 53")
	case n != 53:
		a.spec.Port = v1alpha1.Port(n)
	}
}

// listens returns the port of the default server block.
func (a *adoption) listens() string {
	if a.spec.Port == 0 {
		return "53"
	}
	return strconv.Itoa(int(a.spec.Port))
}

// between reports whether another server block has a zone above this one.
func between(zone string, b *corefile.ServerBlock, nodes []corefile.Node) bool {
	return slices.ContainsFunc(nodes, func(n corefile.Node) bool {
		other, ok := serverBlock(n)
		return ok && other != b && slices.ContainsFunc(keys(other), func(k key) bool {
			return k.zone != "." && within(zone, k.zone)
		})
	})
}

// within reports whether a name is the zone or below it.
func within(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }
