// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/coredns/caddy/caddyfile"
)

// head is the beginning of a server block.
type head struct {
	keys []key
	// open is set when the file ends before the block does.
	open bool
}

// key is an address of a server block, such as example.org:53.
type key struct {
	text string
	pos  Pos
}

// maxImports ends the expansion of imports that go round in circles: they are
// caddyfile's to report.
const maxImports = 1000

// scan finds where the server blocks of a Corefile begin. caddyfile.Parse
// keeps the position of every token but not of the keys, which are what
// errors about zones are about. It returns the blocks without any key apart:
// CoreDNS passes over them.
func scan(f Corefile) (heads []head, keyless []Pos) {
	s := &scanner{Corefile: f, tokens: lex(f.Path, f.Text), snippets: map[string][]caddyfile.Token{}}
	for s.i < len(s.tokens) {
		from := s.i
		keys := s.keys()
		if name, ok := snippet(keys); ok && s.i < len(s.tokens) {
			s.snippets[name] = s.definition()
		} else if open := s.body(); len(keys) > 0 {
			heads = append(heads, head{keys: keys, open: open})
		} else if from < len(s.tokens) {
			keyless = append(keyless, Pos{s.display(s.tokens[from].File), s.tokens[from].Line})
		}
		if s.i == from {
			s.i++
		}
	}
	return heads, keyless
}

type scanner struct {
	Corefile
	tokens   []caddyfile.Token
	i        int
	snippets map[string][]caddyfile.Token
	imports  int
}

// keys reads the keys in front of a block and stops at its brace, or at the
// first line without one.
func (s *scanner) keys() []key {
	var keys []key
	more := false // after a comma the list goes on, on the next line too
	for s.i < len(s.tokens) {
		t := s.tokens[s.i]
		text := expand(t.Text)
		if text == "import" && newLine(s.tokens, s.i) {
			s.include()
			continue
		}
		if text == "{" {
			break
		}
		if text != "" {
			text, more = strings.CutSuffix(text, ",")
			keys = append(keys, key{text: text, pos: Pos{s.display(t.File), t.Line}})
		}
		s.i++
		if s.i < len(s.tokens) && !more && newLine(s.tokens, s.i) {
			break
		}
	}
	return keys
}

// definition skips the braces of a snippet and returns what is between them.
func (s *scanner) definition() []caddyfile.Token {
	depth := 0
	for from := s.i; s.i < len(s.tokens); s.i++ {
		switch s.tokens[s.i].Text {
		case "{":
			depth++
		case "}":
			depth--
		}
		if depth <= 0 {
			s.i++
			return s.tokens[min(from+1, s.i-1) : s.i-1]
		}
	}
	return nil
}

// body skips the directives of a server block with its braces; a file may have
// one block without. It reports whether the end of the file came first.
func (s *scanner) body() (open bool) {
	braces := s.i < len(s.tokens) && s.tokens[s.i].Text == "{"
	if braces {
		s.i++
	}
	for s.i < len(s.tokens) {
		if s.tokens[s.i].Text == "}" {
			s.i++
			return false
		}
		s.directive()
	}
	return braces
}

// directive skips a directive with its block.
func (s *scanner) directive() {
	depth := 0
	for s.i++; s.i < len(s.tokens); s.i++ {
		switch text := s.tokens[s.i].Text; {
		case text == "{":
			depth++
		case depth == 0 && (text == "}" || newLine(s.tokens, s.i)):
			return
		case text == "}":
			depth--
		}
	}
}

// include replaces the import at the cursor by what it names.
func (s *scanner) include() {
	end := s.i + 1
	for end < len(s.tokens) && !newLine(s.tokens, end) {
		end++
	}
	var imported []caddyfile.Token
	if s.imports++; s.imports <= maxImports && end == s.i+2 {
		imported = s.imported(s.tokens[s.i+1])
	}
	tail := append(imported[:len(imported):len(imported)], s.tokens[end:]...)
	s.tokens = append(s.tokens[:s.i:s.i], tail...)
}

// imported returns the tokens of the snippet or of the files that t names.
// What cannot be read is skipped here, caddyfile.Parse reports it.
func (s *scanner) imported(t caddyfile.Token) []caddyfile.Token {
	pattern := expand(t.Text)
	if tokens, ok := s.snippets[pattern]; ok {
		return tokens
	}
	var tokens []caddyfile.Token
	for _, file := range matches(t.File, pattern) {
		if text, err := os.ReadFile(file); err == nil {
			tokens = append(tokens, lex(file, text)...)
		}
	}
	return tokens
}

// matches returns the files that an import in file names, as caddyfile finds
// them: relative to the importing file and with their absolute path.
func matches(file, pattern string) []string {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(abs), pattern)
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	return files
}

// snippet returns the name of the snippet that these keys define.
func snippet(keys []key) (string, bool) {
	if len(keys) != 1 {
		return "", false
	}
	name, ok := strings.CutPrefix(keys[0].text, "(")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(name, ")")
}
