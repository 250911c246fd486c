// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"strings"

	"github.com/clusterdns/clusterdns/corefile"
)

// line returns the words of a directive without its block.
func line(d *corefile.Directive) string {
	words := []string{d.Name.Raw()}
	for _, a := range d.Args {
		words = append(words, a.Raw())
	}
	return strings.Join(words, " ")
}

// verbatim returns a directive as it is written, with the comments above it and
// behind it.
func verbatim(d *corefile.Directive) (string, error) {
	f, err := alone(d)
	if err != nil {
		return "", err
	}
	text := strings.TrimPrefix(corefile.Format(f), ". {")
	text = strings.TrimSuffix(strings.TrimSpace(text), "}")
	text = strings.TrimRight(text, " \t\n")
	if short := dedent(text); says(short, f) {
		return short, nil
	}
	return text, nil // there is a string of several lines in it
}

// alone returns a file that has nothing but the directive.
func alone(d *corefile.Directive) (*corefile.File, error) {
	b, err := corefile.NewServerBlock(".")
	if err != nil {
		return nil, err
	}
	f := corefile.NewFile()
	if err := f.Insert(0, b); err != nil {
		return nil, err
	}
	return f, b.Insert(0, d)
}

// says reports whether text, in a server block, is what f is.
func says(text string, f *corefile.File) bool {
	g, err := corefile.Parse(". {\n" + text + "\n}\n")
	return err == nil && corefile.Equal(f, g)
}

// dedent removes from all lines the indentation of the last, which is that of
// the directive: its name, or its closing brace.
func dedent(text string) string {
	lines := strings.Split(text, "\n")
	last := lines[len(lines)-1]
	indent := last[:len(last)-len(strings.TrimLeft(last, " \t"))]
	for i, l := range lines {
		lines[i] = strings.TrimRight(strings.TrimPrefix(l, indent), " \t")
	}
	return strings.Join(lines, "\n")
}

// comments returns those above and behind a directive, and in its block.
func comments(d *corefile.Directive) []string {
	var all []string
	corefile.Walk(d, func(n corefile.Node) bool {
		d, ok := n.(*corefile.Directive)
		if !ok {
			return true
		}
		for _, t := range append([]corefile.Token{d.Name}, d.Args...) {
			all = append(append(all, t.Above()...), t.Behind())
		}
		if d.Block != nil {
			for _, t := range []corefile.Token{d.Block.Opening(), d.Block.Closing()} {
				all = append(append(all, t.Above()...), t.Behind())
			}
		}
		return true
	})
	return all
}

// lostComments says which comments have no place in the spec.
func (a *adoption) lostComments(at place, all []string) {
	for _, c := range all {
		if c != "" {
			a.add(Lost, at, fmt.Sprintf("the comment %q has no place here", c), "keep it with the ClusterDNS")
		}
	}
}

// environment reports whether a word of d depends on the environment of the server.
func environment(n corefile.Node) bool {
	found := false
	corefile.Walk(n, func(n corefile.Node) bool {
		if d, ok := n.(*corefile.Directive); ok {
			for _, w := range append(d.Values(), d.Name.Value()) {
				found = found || variable(w)
			}
		}
		return true
	})
	return found
}

func variable(word string) bool { return strings.Contains(word, "{$") || strings.Contains(word, "{%") }
