// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
)

// An example is a Corefile of the documentation.
type example struct {
	blocks []caddyfile.ServerBlock
	// zones of our plugin that have names of Services.
	zones []string
	// imports are those of them whose Services are imported.
	imports []string
	// limited says that the plugin does not answer for all Services.
	limited bool
}

func parseExample(text string) (*example, error) {
	if opened, closed := strings.Count(text, "{"), strings.Count(text, "}"); opened != closed {
		return nil, fmt.Errorf("%d braces are opened and %d closed, which CoreDNS forgives at times", opened, closed)
	}
	blocks, err := caddyfile.Parse("Corefile", strings.NewReader(text), dnsserver.Directives)
	if err != nil {
		return nil, err
	}
	e := &example{blocks: blocks}
	for _, b := range blocks {
		lines := lines(b.Tokens["clusterdns"])
		if len(lines) == 0 {
			continue
		}
		names := slices.DeleteFunc(lines[0][1:], func(word string) bool { return word == "{" })
		if len(names) == 0 {
			names = b.Keys
		}
		for _, zone := range origins(names) {
			if !strings.HasSuffix(zone, ".arpa.") {
				e.zones = append(e.zones, zone)
			}
		}
		for _, line := range lines {
			if line[0] == "multicluster" {
				e.imports = append(e.imports, origins(line[1:])...)
			}
			e.limited = e.limited || slices.Contains([]string{"namespaces", "namespace_labels", "labels"}, line[0])
		}
	}
	if len(e.zones) == 0 {
		return nil, errors.New("no clusterdns in this example: if it is none of ours, call the language of the block text")
	}
	return e, nil
}

// corefile returns the example as a test can run it: all server blocks listen
// on one free port, the API server is the one given, no other port is taken.
func (e *example) corefile(api, resolv string) string {
	var out strings.Builder
	for _, b := range e.blocks {
		fmt.Fprintf(&out, "%s {\n", strings.Join(origins(b.Keys), " "))
		for directive, tokens := range b.Tokens {
			all := lines(tokens)
			switch directive {
			case "clusterdns", "kubernetes":
				all = connect(all, api)
			case "health", "pprof", "prometheus", "ready":
				all[0] = listen(all[0])
			}
			for _, words := range all {
				fmt.Fprintln(&out, strings.ReplaceAll(quote(words), "/etc/resolv.conf", resolv))
			}
		}
		fmt.Fprintln(&out, "}")
	}
	return out.String()
}

// origins returns names without their ports, networks as reverse zones.
func origins(names []string) []string {
	var all []string
	for _, name := range names {
		all = append(all, plugin.Host(name).NormalizeExact()...)
	}
	return all
}

// connect tells a block of the plugin where the API server is.
func connect(all [][]string, api string) [][]string {
	head := all[0]
	if head[len(head)-1] != "{" {
		all = append(all[:1:1], []string{"}"})
		head = append(head, "{")
	}
	out := [][]string{head, {"endpoint", api}}
	for _, words := range all[1:] {
		if !slices.Contains([]string{"kubeconfig", "endpoint", "tls"}, words[0]) {
			out = append(out, words)
		}
	}
	return out
}

// listen has a plugin with an HTTP server take any free port.
func listen(words []string) []string {
	rest := words[1:]
	if len(rest) > 0 && rest[0] != "{" {
		rest = rest[1:]
	}
	return append([]string{words[0], "127.0.0.1:0"}, rest...)
}

// lines returns the words of each line.
func lines(tokens []caddyfile.Token) [][]string {
	var all [][]string
	for i, t := range tokens {
		if i == 0 || t.Line != tokens[i-1].Line {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], t.Text)
	}
	return all
}

func quote(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if word == "" || strings.ContainsAny(word, " \t\n\"#") {
			quoted[i] = `"` + strings.ReplaceAll(word, `"`, `\"`) + `"`
		}
	}
	return strings.Join(quoted, " ")
}
