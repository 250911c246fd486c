// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"fmt"
	"slices"
)

// A repeat says what a plugin makes of a second directive in a server block.
type repeat int

const (
	merged    repeat = iota // takes them all
	refused                 // does not start
	firstWins               // ignores the others
	lastWins                // ignores the others, or some of their options
)

// repeats are the plugins that do not merge their directives, from the setups
// of CoreDNS v1.15.0.
var repeats = map[string]repeat{
	"any":          firstWins,
	"auto":         lastWins,
	"autopath":     lastWins,
	"bufsize":      firstWins,
	"cache":        refused,
	"cancel":       lastWins,
	"chaos":        firstWins,
	"clusterdns":   refused,
	"dns64":        lastWins,
	"dnssec":       refused,
	"dynupdate":    refused,
	"erratic":      lastWins,
	"errors":       refused,
	"etcd":         firstWins,
	"geoip":        refused,
	"grpc":         refused,
	"grpc_server":  firstWins,
	"header":       firstWins,
	"health":       lastWins,
	"hosts":        refused,
	"https":        firstWins,
	"https3":       firstWins,
	"k8s_external": lastWins,
	"kubernetes":   refused,
	"loadbalance":  lastWins,
	"local":        lastWins,
	"loop":         refused,
	"metadata":     refused,
	"minimal":      firstWins,
	"multisocket":  refused,
	"nomad":        firstWins,
	"nsid":         refused,
	"pprof":        refused,
	"prometheus":   refused,
	"quic":         firstWins,
	"ready":        refused,
	"reload":       firstWins,
	"root":         lastWins,
	"shed":         refused,
	"siit":         lastWins,
	"tls":          lastWins,
	"trace":        lastWins,
	"tsig":         refused,
	"view":         refused,
	"whoami":       firstWins,
}

// repeated reports plugins that are in a server block twice.
func (c *checker) repeated(s server) {
	seen := make(map[string]*Directive)
	for _, d := range s.plugins {
		name := d.Name.value
		first := seen[name]
		if first == nil {
			seen[name] = d
			continue
		}
		switch line := first.Pos().Line; repeats[name] {
		case refused:
			c.report(d.Pos(), Error, DuplicatePlugin,
				fmt.Sprintf("%s is in this server block already, on line %d, and CoreDNS does not start", name, line),
				"join the two")
		case firstWins:
			c.report(d.Pos(), Warning, IgnoredPlugin,
				fmt.Sprintf("%s is in this server block already, on line %d, and this one is ignored", name, line),
				"remove one of them")
		case lastWins:
			c.report(d.Pos(), Warning, IgnoredPlugin,
				fmt.Sprintf("this %s overrides the one on line %d", name, line),
				"join the two")
		}
	}
}

// known reports plugins that the server does not have.
func (c *checker) known(s server) {
	if len(c.rules.Directives) == 0 {
		return
	}
	for _, d := range s.plugins {
		name := d.Name.value
		if slices.Contains(c.rules.Directives, name) || environment(name) {
			continue
		}
		remedy := "remove it, or add the plugin to the server"
		if close := nearest(name, c.rules.Directives); close != "" {
			remedy = "did you mean " + close + "?"
		}
		for _, change := range changes {
			if change.Plugin == name && change.Option == "" && change.Kind == Removed {
				remedy = change.Remedy
			}
		}
		c.report(d.Pos(), Error, UnknownDirective,
			fmt.Sprintf("there is no plugin %s", name),
			remedy)
	}
}

// nearest returns the word that differs from s by the fewest letters, at most
// two and fewer than half of them, or "".
func nearest(s string, words []string) string {
	best, distance := "", min(3, (len(s)+1)/2)
	for _, w := range words {
		if max(len(s), len(w))-min(len(s), len(w)) >= distance {
			continue // that many letters at least
		}
		if d := letters(s, w); d < distance {
			best, distance = w, d
		}
	}
	return best
}

// letters returns how many letters to insert, remove or replace, that is the
// Levenshtein distance.
func letters(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
