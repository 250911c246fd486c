// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"fmt"
	"strings"
)

// maxExpansions is how many imports of snippets CoreDNS follows.
const maxExpansions = 10000

// A scope has the snippets of a file.
type scope struct {
	snippets map[string]*ServerBlock
	left     int // imports to follow
}

// snippets returns the snippets of f, and reports imports that do not find one.
func (c *checker) snippets(f *File) *scope {
	s := &scope{make(map[string]*ServerBlock), maxExpansions}
	for _, n := range f.Nodes {
		if b, ok := n.(*ServerBlock); ok {
			if name, ok := b.Snippet(); ok {
				s.snippets[name] = b
			}
		}
	}
	defined := make(map[string]bool)
	for _, n := range f.Nodes {
		name, snippet := "", false
		if b, ok := n.(*ServerBlock); ok {
			name, snippet = b.Snippet()
			defined[name] = snippet
		}
		for _, d := range imports(n) {
			// The imports of a snippet are looked up where it is imported.
			c.imported(d, s, snippet || len(d.Args) == 1 && defined[d.Args[0].value])
		}
	}
	c.cycles(f, s)
	return s
}

// imports returns the imports in n.
func imports(n Node) []*Directive {
	var found []*Directive
	Walk(n, func(n Node) bool {
		if d, ok := n.(*Directive); ok && d.Import() {
			found = append(found, d)
		}
		return true
	})
	return found
}

// cycles reports the imports that lead from a snippet back to itself.
func (c *checker) cycles(f *File, s *scope) {
	const entered, left = 1, 2
	state := make(map[string]int)
	var enter func(name string, b *ServerBlock)
	enter = func(name string, b *ServerBlock) {
		state[name] = entered
		for _, d := range imports(b) {
			next := strings.Join(d.Values(), " ")
			switch snippet := s.snippets[next]; {
			case state[next] == entered:
				c.report(d.Pos(), Error, ImportCycle,
					fmt.Sprintf("snippet (%s) imports itself by this", next),
					"remove the import")
			case snippet != nil && state[next] == 0:
				enter(next, snippet)
			}
		}
		state[name] = left
	}
	for _, n := range f.Nodes {
		if b, ok := n.(*ServerBlock); ok {
			if name, ok := b.Snippet(); ok && state[name] == 0 {
				enter(name, b)
			}
		}
	}
}

// imported checks an import. A word without a dot, a slash or a wildcard is
// hardly a file.
func (c *checker) imported(d *Directive, s *scope, early bool) {
	if len(d.Args) != 1 || d.Block != nil {
		c.report(d.Pos(), Error, BadImport,
			"import takes one argument and no block",
			"write an import line for each file or snippet")
		return
	}
	switch name := d.Args[0].value; {
	case name == "":
		c.report(d.Pos(), Error, BadImport,
			"import takes the name of a file or a snippet",
			"write one, or remove the line")
	case s.snippets[name] != nil && early, strings.ContainsAny(name, "./*?{"):
	case s.snippets[name] != nil:
		c.report(d.Args[0].pos, Warning, UndefinedSnippet,
			fmt.Sprintf("snippet (%s) is defined further down, and CoreDNS looks for a file of this name", name),
			"move the snippet up")
	default:
		c.report(d.Args[0].pos, Warning, UndefinedSnippet,
			fmt.Sprintf("snippet (%s) is not defined in this file, and CoreDNS looks for a file of this name", name),
			fmt.Sprintf("define it above, or write ./%s for the file", name))
	}
}

// A server is a server block with the plugins that its snippets bring.
type server struct {
	*ServerBlock
	plugins []*Directive
	// whole says that there is no import of a file.
	whole bool
	// listening is what the keys stand for. Check fills it in.
	listening []listening
}

func (s *scope) servers(f *File) []server {
	var servers []server
	for _, b := range f.ServerBlocks() {
		if len(b.Zones()) == 0 {
			continue // CoreDNS drops it
		}
		plugins, whole := s.plugins(&b.Block, make(map[string]bool))
		servers = append(servers, server{ServerBlock: b, plugins: plugins, whole: whole})
	}
	return servers
}

// plugins returns the directives of b with those of the snippets that it
// imports, and whether that is all.
func (s *scope) plugins(b *Block, within map[string]bool) (plugins []*Directive, whole bool) {
	whole = true
	for _, d := range b.Directives {
		if !d.Import() {
			plugins = append(plugins, d)
			continue
		}
		name := strings.Join(d.Values(), " ")
		snippet := s.snippets[name]
		if snippet == nil || within[name] || s.left == 0 {
			whole = false
			continue
		}
		s.left--
		within[name] = true
		inner, all := s.plugins(&snippet.Block, within)
		delete(within, name)
		plugins = append(plugins, inner...)
		whole = whole && all
	}
	return plugins, whole
}

// uses returns the directives of s that have one of the names.
func (s server) uses(names ...string) []*Directive {
	var found []*Directive
	for _, d := range s.plugins {
		for _, name := range names {
			if d.Name.value == name {
				found = append(found, d)
			}
		}
	}
	return found
}
