// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/coredns/caddy/caddyfile"
)

// block is a server block with everything expanded: imports, snippets and
// environment.
type block struct {
	keys []key
	// uses has the stanzas of each directive, in the order of the file.
	uses map[string][][]caddyfile.Token
}

// at is the position of the block.
func (b block) at() Pos { return b.keys[0].pos }

// file is a parsed Corefile: the server blocks up to the first syntax error.
type file struct {
	blocks []block
	found  []Diagnostic
}

// load parses f and reports the directives that are not among valid.
func load(f Corefile, valid, inTree []string) file {
	var out file
	// The strict parse finds the first error as CoreDNS would. The lax one
	// goes on behind unknown directives.
	_, err := caddyfile.Parse(f.Path, bytes.NewReader(f.Text), valid)
	parsed, _ := caddyfile.Parse(f.Path, bytes.NewReader(f.Text), nil)
	heads, keyless := scan(f)
	for i, p := range parsed {
		b := block{keys: positions(f, p, heads, i), uses: map[string][][]caddyfile.Token{}}
		for directive, tokens := range p.Tokens {
			uses := stanzas(f.named(tokens))
			if slices.Contains(valid, directive) {
				b.uses[directive] = uses
				continue
			}
			for _, u := range uses {
				out.found = append(out.found, errorAt(Pos{u[0].File, u[0].Line}, "%s", unknown(directive, valid, inTree)))
			}
		}
		out.blocks = append(out.blocks, b)
	}
	for _, at := range keyless {
		out.found = append(out.found, noteAt(at, "this server block has no key, such as a zone; CoreDNS passes over it"))
	}
	open := slices.IndexFunc(heads, func(h head) bool { return h.open })
	if err != nil {
		d := syntax(f, err, valid, inTree)
		if open >= 0 {
			d.Message += "; the server block of " + heads[open].keys[0].pos.from(d.Pos) + " has no closing brace"
		}
		// The lax parse has the unknown directive already.
		if !slices.ContainsFunc(out.found, func(o Diagnostic) bool { return !o.Note && o.Pos == d.Pos }) {
			out.found = append(out.found, d)
		}
	} else if open >= 0 {
		out.found = append(out.found, noteAt(heads[open].keys[0].pos,
			"this server block has no closing brace; CoreDNS takes the end of the file for it"))
	}
	for _, tokens := range sources(f, parsed) {
		for _, d := range slices.Concat(unset(tokens), fruitless(tokens)) {
			d.File = f.display(d.File)
			out.found = append(out.found, d)
		}
	}
	return out
}

// named returns tokens with the name of their file as users know it:
// caddyfile has none for the main file and absolute paths for imported ones.
func (f Corefile) named(tokens []caddyfile.Token) []caddyfile.Token {
	out := slices.Clone(tokens)
	for i := range out {
		out[i].File = f.display(out[i].File)
	}
	return out
}

// display returns how to call a file of this Corefile. One who named the
// Corefile by a relative path wants to see relative ones.
func (f Corefile) display(file string) string {
	if file == "" || file == f.Path {
		return f.Name
	}
	if filepath.IsAbs(f.Path) {
		return file
	}
	cwd, err := os.Getwd()
	if err != nil {
		return file
	}
	if rel, err := filepath.Rel(cwd, file); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return file
}

// positions returns the keys of the i-th server block. Should scan have seen
// other blocks than caddyfile, the first directive stands for them.
func positions(f Corefile, p caddyfile.ServerBlock, heads []head, i int) []key {
	var keys []key
	at := Pos{File: f.Name}
	for _, tokens := range p.Tokens {
		if t := f.named(tokens[:1])[0]; at.Line == 0 || t.Line < at.Line {
			at = Pos{t.File, t.Line}
		}
	}
	for j, text := range p.Keys {
		k := key{text: text, pos: at}
		if i < len(heads) && len(heads[i].keys) == len(p.Keys) && heads[i].keys[j].text == text {
			k.pos = heads[i].keys[j].pos
		}
		keys = append(keys, k)
	}
	return keys
}

var unknownDirective = regexp.MustCompile(`(?s)^Unknown directive '(.*)'$`)

// syntax returns the diagnostic for an error of caddyfile.Parse.
func syntax(f Corefile, err error, valid, inTree []string) Diagnostic {
	at, msg, _ := locate(err.Error())
	at.File = f.display(at.File)
	if m := unknownDirective.FindStringSubmatch(msg); m != nil {
		msg = unknown(m[1], valid, inTree)
	}
	return errorAt(at, "%s", msg)
}

// sources returns the tokens of every file that the Corefile is made of.
func sources(f Corefile, parsed []caddyfile.ServerBlock) [][]caddyfile.Token {
	all := [][]caddyfile.Token{lex(f.Path, f.Text)}
	seen := map[string]bool{"": true}
	for _, p := range parsed {
		for _, tokens := range p.Tokens {
			for _, t := range tokens {
				if seen[t.File] {
					continue
				}
				seen[t.File] = true
				if text, err := os.ReadFile(t.File); err == nil {
					all = append(all, lex(t.File, text))
				}
			}
		}
	}
	return all
}

// unset notes references to environment variables that are not set: caddyfile
// reads them as nothing.
func unset(tokens []caddyfile.Token) []Diagnostic {
	var notes []Diagnostic
	for _, t := range tokens {
		for _, name := range references(t.Text) {
			if _, set := os.LookupEnv(name); !set {
				notes = append(notes, noteAt(Pos{t.File, t.Line}, "environment variable %s is not set here", name))
			}
		}
	}
	return notes
}

// fruitless notes imports with a wildcard that match no file. CoreDNS only
// logs them.
func fruitless(tokens []caddyfile.Token) []Diagnostic {
	var notes []Diagnostic
	for i := 1; i < len(tokens); i++ {
		if tokens[i-1].Text != "import" || !newLine(tokens, i-1) {
			continue
		}
		t := tokens[i]
		if pattern := expand(t.Text); strings.ContainsAny(pattern, "*?[]") && len(matches(t.File, pattern)) == 0 {
			notes = append(notes, noteAt(Pos{t.File, t.Line}, "no file matches the import %s", pattern))
		}
	}
	return notes
}
