// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
)

// FuzzParse compares with the parser of CoreDNS.
func FuzzParse(f *testing.F) {
	for _, text := range stock(f) {
		f.Add(text)
	}
	for _, text := range []string{
		"a, b\nc {\n d \"e\\\" {\" # f\n g {\n h i { j } k\n }\n {\n }\n}\n(l) {\n m\n}\nimport l\n",
		"a\nb \"\"\n}\n{ c\n}\n\"}\"",
		". {\n a#b c\rd \"e\nf\" g\n}\n",
		"\"\" (a)",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ours, err := Parse(text)
		if err == nil {
			if got := Format(ours); got != text {
				t.Errorf("got  %q\nwant %q", got, text)
			}
			// These must not panic.
			Check(ours, Rules{Directives: known, ClusterDomains: []string{"cluster.local"}})
			Affected(ours, Version{}, Version{1, 15, 0})
			Affected(ours, Version{1, 15, 0}, Version{})
		}
		if hasImport(text) || strings.Contains(text, "{$") || strings.Contains(text, "{%") {
			return // they depend on files, and on the environment
		}
		theirs, caddyErr := caddyfile.Parse("Corefile", strings.NewReader(text), nil)
		switch {
		case err != nil && strings.Contains(err.Error(), "no plugin stands in front"):
			return // documented: to caddy, this is a plugin called "{"
		case err != nil && strings.Contains(err.Error(), "has no block") && strings.HasSuffix(lastWord(text), ")"):
			return // documented: to caddy, this is a zone
		case err != nil && caddyErr == nil:
			t.Errorf("%q: refused: %v", text, err)
		case err == nil && caddyErr != nil:
			t.Errorf("%q: accepted, but CoreDNS says: %v", text, caddyErr)
		case err == nil:
			if got, want := flat(ours), flatCaddy(theirs); got != want {
				t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
			}
		}
	})
}

// FuzzWord writes any text as a zone, a name and an argument: CoreDNS reads the
// same, or it is an error.
func FuzzWord(f *testing.F) {
	for _, word := range []string{"a", "a b", "a\"b", "a\\", "a \\\" b", "#", "{", "}", "{$A}", "\n}\n", "import", "(a)", ",", "\uFEFFa", "a\r", ""} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		zone, zoneErr := NewServerBlock(word)
		if zoneErr == nil {
			same(t, zone, "whoami", "a")
		}
		for _, name := range []string{word, "a"} {
			b, err := NewServerBlock("example.org")
			if err != nil {
				t.Fatal(err)
			}
			if name != "import" {
				same(t, b, name, word, word)
			}
		}
	})
}

// same adds a directive to b and compares what CoreDNS reads.
func same(t *testing.T, b *ServerBlock, name string, args ...string) {
	t.Helper()
	if _, err := b.Add(name, args...); err != nil {
		return
	}
	f := NewFile()
	if err := f.Insert(0, b); err != nil {
		t.Fatal(err)
	}
	theirs, err := caddyfile.Parse("Corefile", strings.NewReader(Format(f)), nil)
	if err != nil {
		t.Fatalf("%q: %v", Format(f), err)
	}
	if got, want := flatCaddy(theirs), flat(f); got != want {
		t.Fatalf("%q: got %s, want %s", Format(f), got, want)
	}
}

// hasImport reports whether a token is the word import.
func hasImport(text string) bool {
	tokens, _ := lex(text)
	return slices.ContainsFunc(tokens, func(t Token) bool { return t.value == "import" })
}

func lastWord(text string) string {
	tokens, _ := lex(text)
	return tokens[len(tokens)-1].value
}

// flat returns what CoreDNS gets of f: zones, and tokens by plugin.
func flat(f *File) string {
	var out []string
	for _, b := range f.ServerBlocks() {
		if len(b.Zones()) == 0 {
			continue // CoreDNS drops it
		}
		byName := make(map[string][]string)
		for _, d := range b.Directives {
			byName[d.Name.value] = append(byName[d.Name.value], values(d)...)
		}
		out = append(out, fmt.Sprintf("%q %q", b.Zones(), byName))
	}
	return strings.Join(out, "\n")
}

func flatCaddy(blocks []caddyfile.ServerBlock) string {
	var out []string
	for _, b := range blocks {
		byName := make(map[string][]string)
		for name, tokens := range b.Tokens {
			for _, t := range tokens {
				byName[name] = append(byName[name], t.Text)
			}
		}
		out = append(out, fmt.Sprintf("%q %q", b.Keys, byName))
	}
	return strings.Join(out, "\n")
}

// values returns the tokens of d in the order of the text.
func values(d *Directive) []string {
	var out []string
	if d.Name.raw != "" {
		out = append(out, d.Name.value)
	}
	out = append(out, d.Values()...)
	if d.Block == nil {
		return out
	}
	out = append(out, "{")
	for _, inner := range d.Block.Directives {
		out = append(out, values(inner)...)
	}
	out = append(out, "}")
	if d.Block.Rest != nil {
		out = append(out, values(d.Block.Rest)...)
	}
	return out
}

// stock returns the Corefiles that others ship, by file name.
func stock(t testing.TB) map[string]string {
	t.Helper()
	names, err := filepath.Glob("testdata/stock/*.Corefile")
	if err != nil || len(names) == 0 {
		t.Fatal("no stock Corefiles: ", err)
	}
	texts := make(map[string]string)
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(name)] = string(b)
	}
	return texts
}
