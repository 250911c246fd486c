// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"os"
	"strings"

	"github.com/coredns/caddy/caddyfile"
)

// lex returns the tokens of a file with their positions, nothing expanded.
func lex(path string, text []byte) []caddyfile.Token {
	var tokens []caddyfile.Token
	d := caddyfile.NewDispenser(path, bytes.NewReader(text))
	for d.Next() {
		tokens = append(tokens, caddyfile.Token{File: path, Line: d.Line(), Text: d.Val()})
	}
	return tokens
}

// newLine reports whether tokens[i] begins a line, as caddyfile sees it.
func newLine(tokens []caddyfile.Token, i int) bool {
	if i == 0 {
		return true
	}
	prev, t := tokens[i-1], tokens[i]
	return prev.File != t.File || lastLine(prev) < t.Line
}

// lastLine is the line on which t ends: a quoted token may span several.
func lastLine(t caddyfile.Token) int { return t.Line + strings.Count(t.Text, "\n") }

// stanzas splits the tokens that caddyfile keeps for one directive of a server
// block into the uses of that directive: `forward a 1.1.1.1` and `forward b
// 9.9.9.9` of one block share one slice.
func stanzas(tokens []caddyfile.Token) [][]caddyfile.Token {
	var out [][]caddyfile.Token
	depth := 0
	for i, t := range tokens {
		switch {
		case i == 0, depth == 0 && t.Text != "{" && newLine(tokens, i):
			out = append(out, nil)
		case t.Text == "{":
			depth++
		case t.Text == "}":
			depth--
		}
		last := len(out) - 1
		out[last] = append(out[last], t)
	}
	return out
}

// lines splits a stanza into its lines.
func lines(stanza []caddyfile.Token) [][]caddyfile.Token {
	var out [][]caddyfile.Token
	for i, t := range stanza {
		if newLine(stanza, i) {
			out = append(out, nil)
		}
		last := len(out) - 1
		out[last] = append(out[last], t)
	}
	return out
}

// references returns the environment variables that s refers to, {$NAME} and
// {%NAME%}.
func references(s string) []string {
	var names []string
	for _, mark := range [][2]string{{"{%", "%}"}, {"{$", "}"}} {
		rest := s
		for {
			_, after, found := strings.Cut(rest, mark[0])
			if !found {
				break
			}
			name, tail, closed := strings.Cut(after, mark[1])
			if !closed {
				break
			}
			if name != "" {
				names = append(names, name)
			}
			rest = tail
		}
	}
	return names
}

// expand replaces the references of s as caddyfile does: with nothing where
// the variable is not set.
func expand(s string) string {
	for _, name := range references(s) {
		value := os.Getenv(name)
		s = strings.NewReplacer("{%"+name+"%}", value, "{$"+name+"}", value).Replace(s)
	}
	return s
}
