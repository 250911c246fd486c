// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a line of a Corefile or of a file that it imports.
// Line 0 stands for the whole file.
type Pos struct {
	File string
	Line int
}

// String returns FILE:LINE, or FILE for a whole file.
func (p Pos) String() string {
	if p.Line <= 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// from names p in a message about other.
func (p Pos) from(other Pos) string {
	if p.File == other.File {
		return fmt.Sprintf("line %d", p.Line)
	}
	return p.String()
}

// Diagnostic is one thing to say about a Corefile.
type Diagnostic struct {
	Pos
	// Note tells a remark from an error: a Corefile with notes only is good.
	Note    bool
	Message string
}

// String returns the diagnostic as one line, FILE:LINE: message.
func (d Diagnostic) String() string {
	if d.Note {
		return d.Pos.String() + ": note: " + d.Message
	}
	return d.Pos.String() + ": " + d.Message
}

// Good reports whether CoreDNS would load a Corefile with these diagnostics.
func Good(ds []Diagnostic) bool {
	return !slices.ContainsFunc(ds, func(d Diagnostic) bool { return !d.Note })
}

func errorAt(p Pos, format string, args ...any) Diagnostic {
	return Diagnostic{Pos: p, Message: oneLine(fmt.Sprintf(format, args...))}
}

func noteAt(p Pos, format string, args ...any) Diagnostic {
	return Diagnostic{Pos: p, Note: true, Message: oneLine(fmt.Sprintf(format, args...))}
}

// oneLine keeps a diagnostic greppable: some compilers of expressions answer
// with the source and a caret below it.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// sorted returns ds by file and line, each once: a snippet with an error in
// it says the same for every block that imports it.
func sorted(ds []Diagnostic) []Diagnostic {
	out := slices.Clone(ds)
	slices.SortFunc(out, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(out)
}

// rank puts an error before the notes of its line.
func rank(d Diagnostic) int {
	if d.Note {
		return 1
	}
	return 0
}
