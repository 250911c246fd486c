// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/clusterdns/clusterdns/corefile"
)

// customMap is the ConfigMap that AKS, k3s and Gardener mount at a folder custom.
const customMap = "coredns-custom"

// customise puts the keys of coredns-custom in the place of the imports that
// read them.
func (a *adoption) customise(f *corefile.File) error {
	if a.custom == nil {
		return nil
	}
	read := make(map[string]bool)
	for i := 0; i < len(f.Nodes); i++ {
		var err error
		switch n := f.Nodes[i].(type) {
		case *corefile.ServerBlock:
			err = a.overrides(&n.Block, read)
		case *corefile.Directive:
			if pattern, ok := customImport(n); ok {
				i, err = a.servers(f, i, a.keysOf(n, pattern), read)
			}
		}
		if err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(a.custom)) {
		if !read[key] {
			a.add(Changed, place{source: customMap + "/" + key}, "no import reads this key: it is left out, and had no effect", "")
		}
	}
	return nil
}

// customImport returns the pattern of the keys that an import of coredns-custom reads.
func customImport(d *corefile.Directive) (pattern string, ok bool) {
	if !d.Import() || len(d.Args) != 1 {
		return "", false
	}
	folder, pattern := path.Split(d.Args[0].Value())
	return pattern, path.Base(folder) == "custom"
}

// keysOf returns the keys that an import reads, in the order of a glob, and says so.
func (a *adoption) keysOf(d *corefile.Directive, pattern string) []string {
	keys := slices.Sorted(maps.Keys(a.custom))
	keys = slices.DeleteFunc(keys, func(key string) bool {
		match, err := path.Match(pattern, key)
		return err != nil || !match
	})
	what := "nothing, since " + customMap + " has no such key"
	if len(keys) > 0 {
		what = "what it reads from " + customMap + ": " + strings.Join(keys, ", ")
	}
	a.add(Changed, a.at(d), fmt.Sprintf("in the place of `%s` is %s", line(d), what), "")
	a.lostComments(a.at(d), comments(d))
	return keys
}

// overrides puts directives in the place of imports.
func (a *adoption) overrides(b *corefile.Block, read map[string]bool) error {
	for i := 0; i < len(b.Directives); i++ {
		pattern, ok := customImport(b.Directives[i])
		if !ok {
			continue
		}
		keys := a.keysOf(b.Directives[i], pattern)
		b.Remove(i)
		for _, key := range keys {
			read[key] = true
			f, err := a.parse(". {\n"+a.custom[key]+"\n}\n", source{customMap + "/" + key, 1})
			if err != nil {
				return fmt.Errorf("%s/%s: %w", customMap, key, err)
			}
			inner, ok := f.Nodes[0].(*corefile.ServerBlock)
			if !ok || len(f.Nodes) != 1 || inner.Closing().Raw() == "" {
				return fmt.Errorf("%s/%s: %w", customMap, key, errBraces)
			}
			if i, err = insert(b, i, inner.Directives); err != nil {
				return fmt.Errorf("%s/%s: %w", customMap, key, err)
			}
			a.lostComments(place{source: customMap + "/" + key}, inner.Closing().Above())
		}
		i--
	}
	return nil
}

// errBraces is of a text that would end the block that it is imported into, or
// not end its own.
var errBraces = &corefile.SyntaxError{Diagnostic: corefile.Diagnostic{
	Line: 1, Column: 1, Severity: corefile.Error, Code: corefile.Syntax,
	Message: "braces do not match", Remedy: "open and close each block within the key",
}}

// insert puts directives in front of index i, and returns the index behind them.
func insert(b *corefile.Block, i int, ds []*corefile.Directive) (int, error) {
	for _, d := range ds {
		if err := b.Insert(i, d); err != nil {
			return i, err
		}
		i++
	}
	return i, nil
}

// servers puts server blocks in the place of the import with index i, and
// returns the index of the last of them.
func (a *adoption) servers(f *corefile.File, i int, keys []string, read map[string]bool) (int, error) {
	f.Remove(i)
	for _, key := range keys {
		read[key] = true
		inner, err := a.parse(a.custom[key], source{name: customMap + "/" + key})
		if err != nil {
			return i, fmt.Errorf("%s/%s: %w", customMap, key, err)
		}
		for _, n := range inner.Nodes {
			if err := f.Insert(i, n); err != nil {
				return i, fmt.Errorf("%s/%s: %w", customMap, key, err)
			}
			i++
		}
		a.lostComments(place{source: customMap + "/" + key}, inner.EOF().Above())
	}
	return i - 1, nil
}

// snippets puts what snippets have in the place of the imports of the default
// server block: render writes that first, where none is defined yet.
func (a *adoption) snippets(above []corefile.Node, b *corefile.ServerBlock) {
	defined := make(map[string]*corefile.ServerBlock)
	for _, n := range above {
		if s, ok := n.(*corefile.ServerBlock); ok {
			if name, ok := s.Snippet(); ok {
				defined[name] = s
			}
		}
	}
	left := maxUnfold
	a.unfold(&b.Block, defined, &left)
}

// maxUnfold is how many imports of snippets are followed. CoreDNS does not start
// if they import each other in a circle.
const maxUnfold = 1000

func (a *adoption) unfold(b *corefile.Block, defined map[string]*corefile.ServerBlock, left *int) {
	for i := 0; i < len(b.Directives); i++ {
		d := b.Directives[i]
		s := defined[strings.Join(d.Values(), " ")]
		switch {
		case d.Import() && s != nil && *left > 0:
			*left--
			inner := corefile.Block{Directives: slices.Clone(s.Directives)}
			a.unfold(&inner, defined, left)
			a.add(Changed, a.at(d), fmt.Sprintf("in the place of `%s` is what the snippet has", line(d)), "")
			a.lostComments(a.at(d), comments(d))
			b.Remove(i)
			next, err := insert(b, i, inner.Directives)
			if err != nil {
				a.add(Lost, a.at(d), err.Error(), "")
			}
			i = next - 1
		case d.Block != nil:
			a.unfold(d.Block, defined, left)
		}
	}
}
