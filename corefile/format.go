// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import "strings"

// indentation is how CoreDNS' documentation indents a block.
const indentation = "    "

// Format returns the text of f: what was parsed as it was, and what was made in
// the style of CoreDNS' documentation, indented like its neighbours.
func Format(f *File) string {
	p := &printer{eol: f.lineEnd()}
	p.write(f.bom)
	for i, n := range f.Nodes {
		switch n := n.(type) {
		case *ServerBlock:
			p.serverBlock(n, i == 0, i == len(f.Nodes)-1)
		case *Directive:
			p.directive(n, ownLine, "")
		}
	}
	p.gap(f.end.lead)
	if f.end.raw != "" && p.glued() {
		p.write(" ")
	}
	p.write(f.end.raw)
	return string(p.out)
}

// A printer writes tokens, and between them what keeps them apart where an edit
// took that away. What was parsed and not touched has it.
type printer struct {
	out  []byte
	eol  string
	last Token // the last that was written
	end  int   // of it, in out
	// comment says that the line so far ends with a comment.
	comment bool
}

// A place says where a token may stand.
type place int

const (
	sameLine place = iota
	anyLine
	ownLine
)

var opening, closing = Token{value: "{", raw: "{"}, Token{value: "}", raw: "}"}

func (p *printer) serverBlock(b *ServerBlock, first, last bool) {
	where := ownLine
	switch made := !b.first().placed; {
	case made && !first:
		p.write(p.eol) // a blank line
	case !made && (first || p.last.value == "}"):
		where = anyLine
	}
	where = p.keys(b.Keys, where)

	begin, end := b.opening, b.closing
	if begin.raw == "" && end.raw == "" && !last {
		begin = opening // what follows would be inside
	}
	if begin.raw != "" {
		p.token(begin, where, "")
		p.gap(begin.trail)
	}
	p.directives(b.Directives, begin.raw != "", "")
	if end.raw == "" {
		p.gap(end.lead)
		if begin.raw == "" || last && len(b.Directives) > 0 && p.last.value == "}" {
			return // CoreDNS is content with that
		}
		end = closing
	}
	where = ownLine
	if _, snippet := b.Snippet(); end.placed && (snippet || p.last.value == "{") {
		where = anyLine
	}
	p.token(end, where, "")
	p.gap(end.trail)
}

// keys writes zones, and returns where the brace behind them may stand. A comma
// lets them go on behind the end of the line.
func (p *printer) keys(keys []Token, where place) place {
	comma := false
	for i, k := range keys {
		switch {
		case i > 0 && comma:
			where = anyLine
		case i > 0:
			where = sameLine
		}
		p.token(k, where, "")
		p.gap(k.trail)
		if k.value != "" {
			_, comma = cutComma(k)
		}
	}
	if len(keys) > 0 {
		return anyLine
	}
	return where
}

// directives writes the lines of a block that is in a line with that indent. The
// first may follow its opening brace.
func (p *printer) directives(ds []*Directive, opened bool, indent string) {
	indent += indentation
	for _, d := range ds {
		if own, ok := indentOf(*d.first()); ok {
			indent = own
			break
		}
	}
	for i, d := range ds {
		where := ownLine
		if opened && i == 0 && d.first().placed {
			where = anyLine
		}
		p.directive(d, where, indent)
	}
}

// indentOf returns what stands in front of t if it begins a line.
func indentOf(t Token) (indent string, ok bool) {
	i := strings.LastIndexByte(t.lead, '\n')
	return t.lead[i+1:], i >= 0
}

// directive writes d with its blocks.
func (p *printer) directive(d *Directive, where place, indent string) {
	if own, ok := indentOf(*d.first()); ok && where != sameLine {
		indent = own
	}
	if d.Name.raw != "" {
		p.token(d.Name, where, indent)
		where = anyLine
	}
	for _, a := range d.Args {
		p.token(a, sameLine, indent)
	}
	p.gap(d.Name.trail)
	if d.Block != nil {
		p.block(d.Block, where, indent)
	}
}

func (p *printer) block(b *Block, where place, indent string) {
	p.token(b.opening, where, indent)
	p.gap(b.opening.trail)
	p.directives(b.Directives, true, indent)
	where = ownLine
	if b.closing.placed {
		where = anyLine
	}
	p.token(b.closing, where, indent)
	p.gap(b.closing.trail)
	switch rest := b.Rest; {
	case rest == nil:
	case rest.Name.raw == "":
		p.directive(rest, anyLine, indent)
	default:
		p.directive(rest, sameLine, indent)
	}
}

// token writes t where it may stand, behind what stands in front of it.
func (p *printer) token(t Token, where place, indent string) {
	for _, comment := range t.above {
		if p.last.raw != "" || p.comment {
			p.write(p.eol + indent)
		}
		p.write("# " + comment)
		p.comment = true
	}
	gap, newline := t.lead, strings.Contains(t.lead, "\n")
	switch {
	case p.comment && !newline, where == ownLine && !newline && p.last.raw != "":
		gap = p.eol + indent
	case where == sameLine && newline, !t.placed && where != ownLine:
		gap = " "
	}
	p.gap(gap)
	if p.glued() {
		p.write(" ")
	}
	p.write(t.raw)
	p.last, p.end = t, len(p.out)
}

// gap writes space and comments.
func (p *printer) gap(s string) {
	if strings.HasPrefix(strings.TrimLeft(s, "\r"), "#") && p.glued() {
		p.write(" ")
	}
	p.write(s)
	if s != "" {
		p.comment = strings.Contains(s[strings.LastIndexByte(s, '\n')+1:], "#")
	}
}

// glued reports whether what is written next would go on with the last word,
// which a carriage return does not end. A string in quotes ends by itself.
func (p *printer) glued() bool {
	return p.last.raw != "" && !p.last.Quoted() && strings.Trim(string(p.out[p.end:]), "\r") == ""
}

// write appends s. A string in quotes that only the end of the file closed needs
// its quote now.
func (p *printer) write(s string) {
	if s != "" && p.last.unclosed {
		p.out = append(p.out[:p.end-len(p.last.raw)], quote(p.last.value)...)
		p.last.unclosed, p.end = false, len(p.out)
	}
	p.out = append(p.out, s...)
}
