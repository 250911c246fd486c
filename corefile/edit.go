// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// NewFile returns a Corefile without nodes.
func NewFile() *File { return &File{end: Token{lead: "\n", placed: true}} }

// NewServerBlock returns a server block without directives.
func NewServerBlock(zones ...string) (*ServerBlock, error) {
	b := &ServerBlock{Block: *newBlock()}
	return b, b.SetZones(zones...)
}

// NewSnippet returns a snippet without directives.
func NewSnippet(snippet string) (*ServerBlock, error) {
	key, err := name("(" + snippet + ")")
	if err != nil {
		return nil, fmt.Errorf("naming a snippet: %w", err)
	}
	return &ServerBlock{Keys: []Token{key}, Block: *newBlock()}, nil
}

// NewDirective returns a directive without a block. An argument is put in quotes
// if it has to be; see [Word] for what cannot be written.
func NewDirective(directive string, args ...string) (*Directive, error) {
	if directive == "import" && len(args) != 1 {
		return nil, errOneImport
	}
	t, err := name(directive)
	if err != nil {
		return nil, fmt.Errorf("naming a directive: %w", err)
	}
	words, err := words(args, nil)
	if err != nil {
		return nil, fmt.Errorf("arguments of %s: %w", directive, err)
	}
	return &Directive{Name: t, Args: words}, nil
}

func newBlock() *Block { return &Block{opening: opening, closing: closing} }

var errOneImport = errors.New("an import takes one argument")

// SetZones puts zones in the place of the keys of b. Keys that stay are left as
// they are written, but for commas.
func (b *ServerBlock) SetZones(zones ...string) error {
	keys := make([]Token, len(zones))
	for i, zone := range zones {
		if zone == "import" || strings.HasPrefix(zone, "(") || strings.HasSuffix(zone, ",") {
			return fmt.Errorf("zone: %q would be read as something else", zone)
		}
		if i < len(b.Keys) && b.Keys[i].value == zone {
			keys[i] = b.Keys[i]
			keys[i].trail = ""
			continue
		}
		key, err := name(zone)
		if err != nil {
			return fmt.Errorf("zone: %w", err)
		}
		keys[i] = key
	}
	if len(keys) == 0 {
		return errors.New("a server block needs a zone")
	}
	b.Keys = replaced(b.Keys, keys)
	return nil
}

// replaced returns news with what stands around olds.
func replaced(olds, news []Token) []Token {
	if len(olds) == 0 || len(news) == 0 {
		return news
	}
	last := len(news) - 1
	news[0].lead, news[0].placed, news[0].above = olds[0].lead, olds[0].placed, olds[0].above
	news[last].trail = olds[len(olds)-1].trail
	return news
}

// Rename gives d another name. An import stays one.
func (d *Directive) Rename(directive string) error {
	if d.Import() || directive == "import" || d.Name.raw == "" {
		return fmt.Errorf("%q cannot become %q: they are different in kind", d.Name.value, directive)
	}
	t, err := name(directive)
	if err != nil {
		return fmt.Errorf("naming a directive: %w", err)
	}
	d.Name = replaced([]Token{d.Name}, []Token{t})[0]
	return nil
}

// SetArgs puts values in the place of the arguments of d. Arguments that stay
// are left as they are written, and so is the comment behind the last.
func (d *Directive) SetArgs(values ...string) error {
	if d.Import() && len(values) != 1 {
		return errOneImport
	}
	args, err := words(values, d.Args)
	if err != nil {
		return fmt.Errorf("arguments of %s: %w", d.Name.value, err)
	}
	d.Args = args
	return nil
}

// Add returns a directive that it appends to the block of d, or to a new one.
func (d *Directive) Add(directive string, args ...string) (*Directive, error) {
	if d.Block != nil {
		return d.Block.Add(directive, args...)
	}
	b := newBlock()
	inner, err := b.Add(directive, args...)
	if err != nil {
		return nil, err
	}
	// The brace has to be on the line of the arguments, in front of a comment.
	b.opening.trail, d.Name.trail = d.Name.trail, ""
	d.Block = b
	return inner, nil
}

// Add returns a directive that it appends to b.
func (b *Block) Add(directive string, args ...string) (*Directive, error) {
	d, err := NewDirective(directive, args...)
	if err != nil {
		return nil, err
	}
	return d, b.Insert(len(b.Directives), d)
}

// Insert puts d in front of the directive with index i.
func (b *Block) Insert(i int, d *Directive) error {
	if d.Name.raw == "" || i < len(b.Directives) && b.Directives[i].Name.raw == "" {
		return errors.New("a block without a name cannot stand behind a directive: it would become its block")
	}
	b.Directives = slices.Insert(b.Directives, i, d)
	return nil
}

// Remove takes the directive with index i out of b, with the comment behind it
// and the comments right above it.
func (b *Block) Remove(i int) {
	next := &b.closing
	if i+1 < len(b.Directives) {
		next = b.Directives[i+1].first()
	}
	leave(b.Directives[i].first().lead, next, next == &b.closing)
	b.Directives = slices.Delete(b.Directives, i, i+1)
}

// Replace puts d in the place of the directive with index i. The comments above
// stay.
func (b *Block) Replace(i int, d *Directive) error {
	old := b.Directives[i]
	if d.Name.raw == "" || old.Name.raw == "" {
		return errors.New("a block without a name cannot be replaced or replace another")
	}
	d.Name.lead, d.Name.placed, d.Name.above = old.Name.lead, old.Name.placed, old.Name.above
	b.Directives[i] = d
	return nil
}

// Insert puts a server block, a snippet or an import in front of the node with
// index i.
func (f *File) Insert(i int, n Node) error {
	switch n := n.(type) {
	case *ServerBlock:
		if name, ok := n.Snippet(); ok && f.snippet(name) != nil {
			return fmt.Errorf("snippet (%s) is defined already", name)
		}
	case *Directive:
		if !n.Import() {
			return fmt.Errorf("%s cannot stand outside of a server block", n.Name.value)
		}
	default:
		return errors.New("a file cannot stand in a file")
	}
	if i == 0 && len(f.Nodes) > 0 {
		if t := f.Nodes[0].first(); t.placed {
			t.lead = f.lineEnd() + f.lineEnd() + t.lead
		}
	}
	f.Nodes = slices.Insert(f.Nodes, i, n)
	return nil
}

// Remove takes the node with index i out of f, with the comment behind it and
// the comments right above it.
func (f *File) Remove(i int) {
	next := &f.end
	if i+1 < len(f.Nodes) {
		next = f.Nodes[i+1].first()
	}
	lead := f.Nodes[i].first().lead
	if i == 0 && next.placed {
		next.lead = strings.TrimLeft(next.lead, "\r\n")
		if detached(lead) != "" {
			next.lead = f.lineEnd() + next.lead
		}
	}
	leave(lead, next, next == &f.end)
	f.Nodes = slices.Delete(f.Nodes, i, i+1)
}

// leave hands the comments in the lead of a removed token to the next one,
// without those that are right above the token. A blank line that was around it
// is not left twice.
func leave(lead string, next *Token, last bool) {
	lead = detached(lead)
	switch {
	case !next.placed:
		next.above = append(comments(lead), next.above...)
	case strings.TrimSpace(lead) != "" || !last && strings.Count(next.lead, "\n") < 2:
		next.lead = lead + next.lead
	}
}

// detached returns the lines of a lead up to the last one that is blank.
func detached(lead string) string {
	lines := strings.SplitAfter(lead, "\n")
	for i := len(lines) - 2; i > 0; i-- {
		if strings.TrimSpace(lines[i]) == "" {
			return strings.Join(lines[:i], "")
		}
	}
	return ""
}

// Comment puts comments on lines of their own right above b, below those that
// are there.
func (b *ServerBlock) Comment(lines ...string) error { return b.first().comment(lines) }

// Comment puts comments on lines of their own right above d, below those that
// are there.
func (d *Directive) Comment(lines ...string) error { return d.first().comment(lines) }

func (t *Token) comment(lines []string) error {
	for _, line := range lines {
		if strings.ContainsFunc(line, unicode.IsControl) {
			return fmt.Errorf("comment %q has more than one line", line)
		}
	}
	if !t.placed {
		t.above = append(t.above, lines...)
		return nil
	}
	indent, _ := indentOf(*t)
	end := "\n"
	if strings.Contains(t.lead, "\r\n") {
		end = "\r\n"
	}
	for _, line := range lines {
		t.lead += "# " + line + end + indent
	}
	return nil
}
