// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package corefile is the syntax tree of a Corefile.
//
// [Parse] keeps every byte, so that [Format] gives them back and an edit leaves
// alone what it does not touch. What is a token, a line and a block is what
// coredns/caddy says, with its oddities: a brace is structure even in quotes,
// and there is neither a line continuation nor a second kind of quotes.
//
// Nothing is expanded: an import is a directive like others, and {$VAR} stays
// as it is written.
package corefile

import "cmp"

// A File is a Corefile: server blocks, snippets and imports.
type File struct {
	// Nodes are *ServerBlock, or *Directive for an import.
	Nodes []Node

	bom string
	eol string // "" is "\n"
	// end has what follows the last token: space, comments, and the quote that
	// begins a string of which there is nothing.
	end Token
}

// A Node is a *File, a *ServerBlock or a *Directive.
type Node interface {
	// Pos is where the first token of the node begins.
	Pos() Position
	// End is the offset behind its last token.
	End() int

	first() *Token
}

// A Position is a place in the text that was parsed. It is zero in what was
// made, and edits do not update it.
type Position struct {
	Offset int // in bytes, from 0
	Line   int // from 1
	Column int // in characters, from 1
}

// A ServerBlock is a list of zones with directives, or a snippet.
type ServerBlock struct {
	// Keys are the zones as they are written, with the commas between them.
	// See [ServerBlock.Zones].
	Keys []Token
	Block
}

// A Block is what stands between braces. The braces of a server block may be
// missing: without the first, the block extends to the end of the file or to a
// closing brace; the last may be missing after another closing brace.
type Block struct {
	Directives []*Directive
	// Rest is what follows the closing brace on its line, or another block.
	// CoreDNS hands it to the plugin in front of the block.
	Rest *Directive

	opening Token
	// closing has the space and comments at the end of the block, even if there
	// is no brace.
	closing Token
}

// A Directive is a plugin with its arguments, an option of a plugin, or an
// import.
type Directive struct {
	// Name is the first word. It is the zero Token in front of a block that
	// follows another block, or that stands alone in one.
	Name Token
	Args []Token
	// Block is nil if there are no braces.
	Block *Block
}

// Zones returns the keys of b without their commas, and without those that are
// the empty string, as CoreDNS reads them.
func (b *ServerBlock) Zones() []string {
	var zones []string
	for _, k := range b.Keys {
		if k.value != "" {
			zone, _ := cutComma(k)
			zones = append(zones, zone)
		}
	}
	return zones
}

// cutComma returns a key without the comma that another key follows.
func cutComma(key Token) (zone string, comma bool) {
	if n := len(key.value); n > 0 && key.value[n-1] == ',' {
		return key.value[:n-1], true
	}
	return key.value, false
}

// Snippet returns the name of the snippet that b defines, if it does.
func (b *ServerBlock) Snippet() (name string, ok bool) {
	if b.opening.raw == "" {
		return "", false
	}
	return b.snippet()
}

func (b *ServerBlock) snippet() (name string, ok bool) {
	zones := b.Zones()
	if len(zones) != 1 || len(zones[0]) < 2 || zones[0][0] != '(' || zones[0][len(zones[0])-1] != ')' {
		return "", false
	}
	return zones[0][1 : len(zones[0])-1], true
}

// Import reports whether d is an import.
func (d *Directive) Import() bool { return d.Name.value == "import" }

// Values returns the arguments of d.
func (d *Directive) Values() []string {
	values := make([]string, len(d.Args))
	for i, a := range d.Args {
		values[i] = a.value
	}
	return values
}

// Find returns the directives of b that have the name.
func (b *Block) Find(name string) []*Directive {
	var found []*Directive
	for _, d := range b.Directives {
		if d.Name.value == name {
			found = append(found, d)
		}
	}
	return found
}

// Opening and Closing return the braces, or a Token without text. They have the
// comments behind the opening brace and before the closing one.
func (b *Block) Opening() Token { return b.opening }

// Closing returns the closing brace, see [Block.Opening].
func (b *Block) Closing() Token { return b.closing }

// EOF returns a token without a value that has the comments at the end of f.
func (f *File) EOF() Token { return f.end }

// ServerBlocks returns the server blocks of f without snippets.
func (f *File) ServerBlocks() []*ServerBlock {
	var blocks []*ServerBlock
	for _, n := range f.Nodes {
		if b, ok := n.(*ServerBlock); ok {
			if _, snippet := b.Snippet(); !snippet {
				blocks = append(blocks, b)
			}
		}
	}
	return blocks
}

// ClusterDomain returns the first zone of the plugin that serves a cluster, or "".
func (f *File) ClusterDomain() string {
	for _, b := range f.ServerBlocks() {
		for _, name := range []string{"clusterdns", "kubernetes"} {
			for _, d := range b.Find(name) {
				if len(d.Args) > 0 {
					return d.Args[0].value
				}
			}
		}
	}
	return ""
}

// snippet returns the definition of a snippet, or nil.
func (f *File) snippet(name string) *ServerBlock {
	for _, n := range f.Nodes {
		if b, ok := n.(*ServerBlock); ok {
			if other, ok := b.Snippet(); ok && other == name {
				return b
			}
		}
	}
	return nil
}

func (f *File) lineEnd() string { return cmp.Or(f.eol, "\n") }

func (f *File) first() *Token {
	if len(f.Nodes) == 0 {
		return &f.end
	}
	return f.Nodes[0].first()
}

func (b *ServerBlock) first() *Token {
	if len(b.Keys) == 0 {
		return &b.opening
	}
	return &b.Keys[0]
}

func (d *Directive) first() *Token {
	if d.Name.raw == "" && d.Block != nil {
		return &d.Block.opening
	}
	return &d.Name
}

// Pos implements [Node].
func (f *File) Pos() Position { return f.first().pos }

// Pos implements [Node].
func (b *ServerBlock) Pos() Position { return b.first().pos }

// Pos implements [Node].
func (d *Directive) Pos() Position { return d.first().pos }

// End implements [Node].
func (f *File) End() int { return f.end.End() }

// End implements [Node].
func (b *ServerBlock) End() int {
	if end := b.Block.end(); end > 0 || len(b.Keys) == 0 {
		return end
	}
	return b.Keys[len(b.Keys)-1].End()
}

// End implements [Node].
func (d *Directive) End() int {
	switch {
	case d.Block != nil:
		return d.Block.end()
	case len(d.Args) > 0:
		return d.Args[len(d.Args)-1].End()
	}
	return d.Name.End()
}

// end returns the offset behind the last token of b, or 0 if it has none.
func (b *Block) end() int {
	switch {
	case b.Rest != nil:
		return b.Rest.End()
	case b.closing.raw != "":
		return b.closing.End()
	case len(b.Directives) > 0:
		return b.Directives[len(b.Directives)-1].End()
	case b.opening.raw != "":
		return b.opening.End()
	}
	return 0
}
