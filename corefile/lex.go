// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const bom = "\uFEFF"

// A lexer splits a text as the one of coredns/caddy v1.1.4 does.
type lexer struct {
	src string
	at  Position
}

// lex returns the tokens of src with what stands between them, and what follows
// the last. A byte order mark at the beginning is dropped.
func lex(src string) (tokens []Token, end Token) {
	l := lexer{src: src, at: Position{Line: 1, Column: 1}}
	if strings.HasPrefix(src, bom) {
		l.at.Offset = len(bom)
	}
	for {
		gap := l.gap()
		t := l.token()
		lead, trail := gap, ""
		if len(tokens) > 0 {
			trail, lead = cutLine(gap, t.raw == "")
			tokens[len(tokens)-1].trail = trail
		}
		t.lead, t.placed = lead, true
		if t.raw == "" || t.unclosed && t.value == "" {
			return tokens, t
		}
		tokens = append(tokens, t)
	}
}

// cutLine returns what of a gap is on the line of the token before, and the
// rest. Without a line end all is rest, but at the end of the file.
func cutLine(gap string, eof bool) (line, rest string) {
	i := strings.IndexByte(gap, '\n')
	switch {
	case i < 0 && eof:
		return gap, ""
	case i < 0:
		return "", gap
	case i > 0 && gap[i-1] == '\r':
		i--
	}
	return gap[:i], gap[i:]
}

// next reads a character.
func (l *lexer) next() rune {
	r, size := utf8.DecodeRuneInString(l.src[l.at.Offset:])
	l.at.Offset += size
	l.at.Column++
	if r == '\n' {
		l.at.Line++
		l.at.Column = 1
	}
	return r
}

func (l *lexer) peek() rune {
	r, _ := utf8.DecodeRuneInString(l.src[l.at.Offset:])
	return r
}

func (l *lexer) eof() bool { return l.at.Offset == len(l.src) }

// gap reads space and comments.
func (l *lexer) gap() string {
	start, comment := l.at.Offset, false
	for !l.eof() {
		r := l.peek()
		switch {
		case r == '\n':
			comment = false
		case r == '#':
			comment = true
		case !comment && !unicode.IsSpace(r):
			return l.src[start:l.at.Offset]
		}
		l.next()
	}
	return l.src[start:]
}

// token reads a token. Its raw text is empty at the end of the file.
func (l *lexer) token() Token {
	t := Token{pos: l.at}
	switch {
	case l.eof():
	case l.peek() == '"':
		t.unclosed = !l.quoted()
		t.raw = l.src[t.pos.Offset:l.at.Offset]
		t.value = unquote(t.raw, t.unclosed)
	default:
		l.word()
		t.raw = l.src[t.pos.Offset:l.at.Offset]
		t.value = bare(t.raw)
	}
	return t
}

// word reads up to the next space. A carriage return is in the word if more of
// it follows.
func (l *lexer) word() {
	end := l.at
	for !l.eof() {
		r := l.peek()
		if unicode.IsSpace(r) && r != '\r' {
			break
		}
		l.next()
		if r != '\r' {
			end = l.at
		}
	}
	l.at = end
}

// bare returns the value of a word: no carriage returns, and nothing from the
// first "#" on, though the word goes on behind it.
func bare(raw string) string {
	value, _, _ := strings.Cut(valid(raw), "#")
	return strings.ReplaceAll(value, "\r", "")
}

// quoted reads a string in quotes and reports whether it is closed.
func (l *lexer) quoted() bool {
	l.next()
	for !l.eof() {
		switch l.next() {
		case '"':
			return true
		case '\\':
			if !l.eof() {
				l.next()
			}
		}
	}
	return false
}

// unquote returns the value of a string in quotes: only quotes are escaped, and
// a backslash is kept before anything else.
func unquote(raw string, unclosed bool) string {
	raw = valid(raw)[1:]
	if !unclosed {
		raw = raw[:len(raw)-1]
	}
	var value strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			value.WriteByte(raw[i])
			continue
		}
		i++
		if i == len(raw) {
			break // the file ends here
		}
		if raw[i] != '"' {
			value.WriteByte('\\')
		}
		value.WriteByte(raw[i])
	}
	return value.String()
}

// valid returns s with U+FFFD for every byte that is not UTF-8.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
