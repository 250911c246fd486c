// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/clusterdns/clusterdns/corefile"
)

// extra is Corefile text of the user, parsed.
type extra struct {
	before, after []*corefile.Directive
	blocks        []corefile.Node
}

// parseExtra parses the text. What does not parse is left out: it could end the
// block that it is in.
func (r *renderer) parseExtra() (x extra) {
	e := r.spec.Extra
	if e == nil {
		return x
	}
	x.before = r.directives("extra.before", e.Before)
	x.after = r.directives("extra.after", e.After)
	if strings.TrimSpace(e.Blocks) != "" {
		f, err := corefile.Parse("\n\n" + strings.TrimLeft(e.Blocks, "\r\n"))
		if err != nil {
			r.syntax("extra.blocks", err, blank(e.Blocks))
			return x
		}
		x.blocks = f.Nodes
	}
	return x
}

// directives parses text that is to stand within a server block.
func (r *renderer) directives(field, text string) []*corefile.Directive {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	f, err := parseBlock(text)
	if err != nil {
		r.syntax(field, err, 1)
		return nil
	}
	b, ok := f.Nodes[0].(*corefile.ServerBlock)
	if !ok || len(f.Nodes) != 1 || b.Rest != nil || b.Closing().Raw() == "" || !placeable(b.Directives) {
		r.problem(field, "this is not a list of directives: braces do not match", "open and close each block within the field")
		return nil
	}
	return b.Directives
}

// parseBlock parses directives as those of a block, with the indentation that
// they have there if that changes nothing else.
func parseBlock(text string) (*corefile.File, error) {
	f, err := corefile.Parse(". {\n" + text + "\n}\n")
	if err != nil {
		return nil, err
	}
	indented, err := corefile.Parse(". {\n" + indent(text) + "\n}\n")
	if err == nil && corefile.Equal(f, indented) {
		return indented, nil
	}
	return f, nil
}

// indent puts four spaces in front of the leftmost lines of text, and moves the
// others along.
func indent(text string) string {
	lines := strings.Split(strings.Trim(text, "\r\n"), "\n")
	least := len(text)
	for _, line := range lines {
		if words := strings.TrimLeft(line, " \t"); strings.TrimSpace(words) != "" {
			least = min(least, len(line)-len(words))
		}
	}
	for i, line := range lines {
		lines[i] = "    " + line[min(least, len(line)):]
		if strings.TrimSpace(line) == "" {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}

// blank returns how many lines fewer there are in front of text than when it was parsed.
func blank(text string) int {
	return 2 - strings.Count(text[:len(text)-len(strings.TrimLeft(text, "\r\n"))], "\n")
}

// placeable reports whether all directives have names, without which they would
// become the block of what stands in front.
func placeable(ds []*corefile.Directive) bool {
	return !slices.ContainsFunc(ds, func(d *corefile.Directive) bool { return d.Name.Raw() == "" })
}

// syntax reports an error, with the line in the field.
func (r *renderer) syntax(field string, err error, above int) {
	var s *corefile.SyntaxError
	if errors.As(err, &s) {
		r.problem(fmt.Sprintf("%s, line %d", field, s.Line-above), s.Message, s.Remedy)
		return
	}
	r.problem(field, err.Error(), "change it")
}

// verbatim writes directives as they are.
func (w *writer) verbatim(ds []*corefile.Directive) {
	for _, d := range ds {
		if err := w.block.Insert(len(w.block.Directives), d); err != nil {
			w.problem("extra", err.Error(), "change it")
		}
	}
}

// unless calls write if extra does not have the directive.
func (w *writer) unless(directive string, write func()) {
	if !w.replaced(directive) {
		write()
	}
}

func (w *writer) replaced(directive string) bool {
	named := func(d *corefile.Directive) bool { return d.Name.Value() == directive }
	return slices.ContainsFunc(w.extra.before, named) || slices.ContainsFunc(w.extra.after, named)
}

// conflict reports a directive of extra that takes the place of a field that is set.
func (w *writer) conflict(directive, field string, set bool) {
	if set && w.replaced(directive) {
		w.problem(field, "extra has the directive "+directive+", which takes the place of this field", "remove one of them")
	}
}
