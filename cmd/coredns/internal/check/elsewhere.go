// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"cmp"

	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/parse"
	"github.com/coredns/coredns/plugin/pkg/transport"
)

// elsewhere notes names in the zones of clusterdns that never get there: CoreDNS
// gives a query to the server block with the longest zone that it is in, and to no other.
func elsewhere(blocks []block) []Diagnostic {
	var out []Diagnostic
	for i, b := range blocks {
		for _, use := range b.uses["clusterdns"] {
			for _, zone := range served(use, b) {
				for j, other := range blocks {
					if i != j {
						out = append(out, taken(zone, use[0], b, other)...)
					}
				}
			}
		}
	}
	return out
}

// served returns the zones that a stanza of clusterdns answers for.
func served(use []caddyfile.Token, b block) []string {
	var words []string
	for _, t := range lines(use)[0][1:] {
		if t.Text != "{" {
			words = append(words, t.Text)
		}
	}
	if len(words) == 0 {
		for _, k := range b.keys {
			_, zone := parse.Transport(k.text)
			words = append(words, zone)
		}
	}
	var zones []string
	for _, w := range words {
		zones = append(zones, plugin.Host(w).NormalizeExact()...)
	}
	return zones
}

// taken notes what of zone other takes away from b.
func taken(zone string, at caddyfile.Token, b, other block) []Diagnostic {
	var out []Diagnostic
	for _, theirs := range other.endpoints() {
		if len(other.uses["clusterdns"]) > 0 || len(other.uses["view"]) > 0 {
			continue // which is on purpose
		}
		for _, ours := range b.endpoints() {
			switch within := plugin.Name(ours.zone); {
			case ours.at != theirs.at || ours.zone == theirs.zone || !within.Matches(theirs.zone):
			case plugin.Name(zone).Matches(theirs.zone), plugin.Name(theirs.zone).Matches(zone):
				lost := zone
				if len(theirs.zone) > len(zone) {
					lost = theirs.zone
				}
				out = append(out, noteAt(Pos{at.File, at.Line},
					"plugin/clusterdns: names in %s are answered by the server block at %s: move clusterdns there, or remove that block",
					lost, theirs.pos.from(Pos{at.File, at.Line})))
			}
		}
	}
	return out
}

// An endpoint is a zone that a server block has at a transport and a port.
type endpoint struct {
	zone, at string
	pos      Pos
}

func (b block) endpoints() []endpoint {
	var out []endpoint
	for _, k := range b.keys {
		scheme, rest := parse.Transport(k.text)
		zones, port, err := plugin.SplitHostPort(rest)
		if err != nil {
			continue // which is an error already
		}
		for _, zone := range zones {
			out = append(out, endpoint{plugin.Name(zone).Normalize(), scheme + ":" + cmp.Or(port, usual[scheme]), k.pos})
		}
	}
	return out
}

// usual are the ports without which a key may be.
var usual = map[string]string{
	transport.DNS: transport.Port, transport.TLS: transport.TLSPort, transport.QUIC: transport.QUICPort,
	transport.GRPC: transport.GRPCPort, transport.HTTPS: transport.HTTPSPort, transport.HTTPS3: transport.HTTPSPort,
}
