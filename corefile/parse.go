// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"fmt"
	"strings"
)

// maxDepth bounds how deep blocks nest, since trees are walked recursively.
const maxDepth = 10000

// A SyntaxError says why a text is no Corefile.
type SyntaxError struct{ Diagnostic }

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s; %s", e.Line, e.Column, e.Message, e.Remedy)
}

// Parse returns the tree of text. It accepts what coredns/caddy v1.1.4 accepts,
// but for four things that are mistakes or that depend on other files: a plugin
// called "{", an import within a list of zones, blocks that nest more than 10000
// deep, and the name of a snippet at the end of the file, which caddy takes for a
// zone. An error is a [*SyntaxError].
func Parse(text string) (*File, error) {
	p := &parser{snippets: make(map[string]Position)}
	f := &File{}
	if strings.HasPrefix(text, bom) {
		f.bom = bom
	}
	if i := strings.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		f.eol = "\r\n"
	}
	p.tokens, f.end = lex(text)
	for !p.eof() {
		n, err := p.node()
		if err != nil {
			return nil, err
		}
		f.Nodes = append(f.Nodes, n)
	}
	if b := f.unclosed(); b != nil {
		b.closing = Token{lead: f.end.lead, placed: true, pos: f.end.pos}
		f.end.lead = ""
	}
	return f, nil
}

// unclosed returns the last node if it is a server block without a closing
// brace: what follows is still inside.
func (f *File) unclosed() *ServerBlock {
	if len(f.Nodes) == 0 {
		return nil
	}
	b, ok := f.Nodes[len(f.Nodes)-1].(*ServerBlock)
	if !ok || b.closing.raw != "" {
		return nil
	}
	return b
}

type parser struct {
	tokens   []Token
	next     int // the token to read
	depth    int
	snippets map[string]Position
}

func (p *parser) eof() bool { return p.next == len(p.tokens) }

// is reports whether the next token has the value.
func (p *parser) is(value string) bool { return !p.eof() && p.tokens[p.next].value == value }

// newline reports whether the next token is the first of its line.
func (p *parser) newline() bool {
	return p.next == 0 || !p.eof() && strings.Contains(p.tokens[p.next].lead, "\n")
}

func (p *parser) take() Token {
	p.next++
	return p.tokens[p.next-1]
}

// fail returns an error at the next token, or at the last if there is none.
func (p *parser) fail(message, remedy string) error {
	return p.failAt(p.tokens[min(p.next, len(p.tokens)-1)].pos, message, remedy)
}

func (p *parser) failAt(at Position, message, remedy string) error {
	return &SyntaxError{Diagnostic{at.Line, at.Column, Error, Syntax, message, remedy}}
}

// node parses an import, a snippet or a server block.
func (p *parser) node() (Node, error) {
	if p.is("import") && p.newline() {
		return p.imported()
	}
	b := &ServerBlock{}
	if err := p.keys(b); err != nil {
		return nil, err
	}
	if name, ok := b.snippet(); ok {
		return b, p.snippet(b, name)
	}
	return b, p.body(b)
}

// imported parses an import between server blocks.
func (p *parser) imported() (Node, error) {
	d := &Directive{Name: p.take()}
	p.args(d)
	if len(d.Args) != 1 || !p.eof() && !p.newline() {
		return nil, p.failAt(d.Pos(), "import takes one argument", "write an import line for each file or snippet")
	}
	return d, nil
}

// keys parses the zones of a server block. They end with the line, unless it
// ends with a comma.
func (p *parser) keys(b *ServerBlock) error {
	for comma := false; ; {
		switch {
		case p.eof() && comma, p.is("{") && comma:
			return p.fail("a zone is missing behind the comma", "add one, or remove the comma")
		case p.eof(), p.is("{"), len(b.Keys) > 0 && !comma && p.newline():
			return nil
		case p.is("import") && p.newline():
			return p.fail("an import stands within a list of zones", "write the zones themselves")
		}
		k := p.take()
		b.Keys = append(b.Keys, k)
		if k.value != "" {
			_, comma = cutComma(k)
		}
	}
}

// snippet parses the body of a snippet. Other than for server blocks, all
// braces have to match.
func (p *parser) snippet(b *ServerBlock, name string) error {
	if at, ok := p.snippets[name]; ok {
		return p.failAt(b.Pos(), fmt.Sprintf("snippet (%s) is defined on line %d already", name, at.Line), "rename or remove one")
	}
	p.snippets[name] = b.Pos()
	if !p.is("{") {
		return p.failAt(b.Pos(), fmt.Sprintf("snippet (%s) has no block", name), "add { behind its name")
	}
	b.opening = p.take()
	return p.inside(&b.Block)
}

// body parses the directives of a server block, with or without braces.
func (p *parser) body(b *ServerBlock) error {
	if p.is("{") {
		b.opening = p.take()
	}
	for !p.eof() {
		if p.is("}") {
			b.closing = p.take()
			return nil
		}
		if p.is("{") {
			return p.fail("a block begins here, but no plugin stands in front of it", "remove the brace, or write the plugin")
		}
		d, err := p.directive()
		if err != nil {
			return err
		}
		b.Directives = append(b.Directives, d)
		if p.is("}") && !p.newline() {
			return p.fail("} stands behind a directive", "put it on a line of its own")
		}
	}
	// caddy is content with any closing brace at the end of the file.
	if b.opening.raw != "" && p.tokens[p.next-1].value != "}" {
		return p.failAt(b.opening.pos, "the block that begins here does not end", "add } behind its last directive")
	}
	return nil
}

// directive parses a directive up to the end of its line or of its block.
func (p *parser) directive() (*Directive, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail(fmt.Sprintf("blocks nest deeper than %d", maxDepth), "unfold them")
	}
	defer func() { p.depth-- }()
	d := &Directive{}
	if !p.is("{") {
		d.Name = p.take()
	}
	p.args(d)
	if !p.is("{") {
		return d, nil
	}
	d.Block = &Block{opening: p.take()}
	if err := p.inside(d.Block); err != nil {
		return nil, err
	}
	if p.eof() || p.is("}") || p.newline() && !p.is("{") {
		return d, nil
	}
	var err error
	d.Block.Rest, err = p.directive()
	return d, err
}

// args parses the rest of a line up to a brace. The comment behind it belongs to
// the name, so that it stays when the arguments change.
func (p *parser) args(d *Directive) {
	for !p.eof() && !p.newline() && !p.is("{") && !p.is("}") {
		d.Args = append(d.Args, p.take())
	}
	if n := len(d.Args); n > 0 {
		d.Name.trail, d.Args[n-1].trail = d.Args[n-1].trail, ""
	}
}

// inside parses a block behind its opening brace.
func (p *parser) inside(b *Block) error {
	for !p.is("}") {
		if p.eof() {
			return p.failAt(b.opening.pos, "the block that begins here does not end", "add } behind its last line")
		}
		d, err := p.directive()
		if err != nil {
			return err
		}
		b.Directives = append(b.Directives, d)
	}
	b.closing = p.take()
	return nil
}
