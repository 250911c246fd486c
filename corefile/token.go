// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Token is a word, a quoted string or a brace, with the space and the
// comments around it. It is a value: edits put other tokens in its place.
type Token struct {
	value string
	raw   string
	pos   Position

	// lead is what stands in front: all since the token before, or since the
	// end of its line. A made token has none, see placed.
	lead string
	// trail is the rest of a line behind the token, or behind the arguments of
	// the directive that it names.
	trail string
	// placed says that lead is to be kept. Otherwise, Format chooses it.
	placed bool
	// above are the comments of a made token.
	above []string
	// unclosed says that the file ends within the quotes.
	unclosed bool
}

// Value returns what CoreDNS reads.
func (t Token) Value() string { return t.value }

// Raw returns what is written: quotes, escapes, and the comment that begins
// within a word.
func (t Token) Raw() string { return t.raw }

// Pos returns where the token begins.
func (t Token) Pos() Position { return t.pos }

// End returns the offset behind the token.
func (t Token) End() int { return t.pos.Offset + len(t.raw) }

// Quoted reports whether the token is a string in quotes.
func (t Token) Quoted() bool { return strings.HasPrefix(t.raw, `"`) }

// Above returns the comments on the lines between this token and the one
// before, without the "#".
func (t Token) Above() []string {
	if !t.placed {
		return t.above
	}
	return comments(t.lead)
}

// Behind returns the comment on the rest of the line, without the "#", or "".
// The comment behind the arguments of a directive belongs to its name.
func (t Token) Behind() string { return strings.Join(comments(t.trail), "") }

func comments(gap string) []string {
	var found []string
	for line := range strings.SplitSeq(gap, "\n") {
		if _, text, ok := strings.Cut(line, "#"); ok {
			found = append(found, strings.TrimSpace(text))
		}
	}
	return found
}

// Word returns the token that CoreDNS reads as value, in quotes if it has to be.
// Some values cannot be written in a Corefile, and some would be read as
// something else: those are errors.
func Word(value string) (Token, error) {
	if err := readable(value); err != nil {
		return Token{}, fmt.Errorf("%q cannot be written in a Corefile: %w", value, err)
	}
	for _, raw := range []string{value, quote(value)} {
		if tokens, end := lex(raw); len(tokens) == 1 && end.raw == "" && !tokens[0].unclosed && tokens[0].value == value {
			return Token{value: value, raw: raw}, nil
		}
	}
	return Token{}, fmt.Errorf("%q cannot be written in a Corefile: a backslash stands before a quote or at the end", value)
}

// readable returns why value would be read as something else, quoted or not.
func readable(value string) error {
	switch {
	case value == "{" || value == "}":
		return errors.New("a brace alone is structure, even in quotes")
	case strings.Contains(value, "{$") || strings.Contains(value, "{%"):
		return errors.New("it would be replaced by an environment variable")
	case !utf8.ValidString(value):
		return errors.New("it is not UTF-8")
	case strings.HasPrefix(value, "\uFEFF"):
		return errors.New("a byte order mark is dropped")
	}
	return nil
}

func quote(value string) string { return `"` + strings.ReplaceAll(value, `"`, `\"`) + `"` }

// name returns the token for a zone or the name of a directive, which are never
// in quotes.
func name(value string) (Token, error) {
	t, err := Word(value)
	switch {
	case err != nil:
		return Token{}, err
	case t.raw != value || strings.ContainsFunc(value, unicode.IsControl):
		return Token{}, fmt.Errorf("%q cannot be a name: it has a space, a quote or a #", value)
	}
	return t, nil
}

// words returns the tokens for values. Those that are in olds at the same place
// stay as they are.
func words(values []string, olds []Token) ([]Token, error) {
	tokens := make([]Token, len(values))
	for i, v := range values {
		if i < len(olds) && olds[i].value == v {
			tokens[i] = olds[i]
			continue
		}
		t, err := Word(v)
		if err != nil {
			return nil, err
		}
		tokens[i] = t
	}
	return tokens, nil
}
