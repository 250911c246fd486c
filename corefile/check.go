// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Rules are what [Check] knows of the server that is to load a Corefile.
type Rules struct {
	// Directives are its plugins. If there are none, any name will do.
	Directives []string
	// ClusterDomains are the domains of the cluster whose names it serves.
	ClusterDomains []string
	// ServiceIPs are the addresses of the Service in front of it.
	ServiceIPs []netip.Addr
}

// A Severity says how bad a [Diagnostic] is.
type Severity string

const (
	// Error: CoreDNS does not start, or serves something else.
	Error Severity = "Error"
	// Warning: CoreDNS starts, and what it does is hardly meant.
	Warning Severity = "Warning"
)

// A Code names a kind of [Diagnostic]. It does not change between releases.
type Code string

// The codes of [Check]. [Affected] has version- with a [Kind].
const (
	Syntax            Code = "syntax" // of a [SyntaxError]
	NoServerBlock     Code = "no-server-block"
	NoZone            Code = "no-zone"
	MissingBrace      Code = "missing-brace"
	StrayBrace        Code = "stray-brace"
	BraceOnOwnLine    Code = "brace-on-own-line"
	TextBehindBlock   Code = "text-behind-block"
	HashInWord        Code = "hash-in-word"
	UnclosedQuote     Code = "unclosed-quote"
	LineContinuation  Code = "line-continuation"
	BadImport         Code = "bad-import"
	UndefinedSnippet  Code = "undefined-snippet"
	ImportCycle       Code = "import-cycle"
	UnknownDirective  Code = "unknown-directive"
	DuplicatePlugin   Code = "duplicate-plugin"
	IgnoredPlugin     Code = "ignored-plugin"
	BadZone           Code = "bad-zone"
	ZoneConflict      Code = "zone-conflict"
	ForwardToSelf     Code = "forward-to-self"
	HiddenClusterZone Code = "hidden-cluster-zone"
)

// A Diagnostic is something wrong with a Corefile.
type Diagnostic struct {
	Line, Column int
	Severity     Severity
	Code         Code
	Message      string
	// Remedy says what to do.
	Remedy string
}

// String returns the diagnostic as line:column: severity: code: message; remedy.
func (d Diagnostic) String() string {
	return fmt.Sprintf("%d:%d: %s: %s: %s; %s", d.Line, d.Column, strings.ToLower(string(d.Severity)), d.Code, d.Message, d.Remedy)
}

// Check returns what is wrong with f, in the order of the text that was parsed.
// It looks into snippets, but not into imported files, and leaves the arguments
// of plugins to the plugins.
func Check(f *File, rules Rules) []Diagnostic {
	c := &checker{rules: rules}
	c.syntax(f)
	scope := c.snippets(f)
	servers := scope.servers(f)
	c.present(f, servers)
	for i := range servers {
		servers[i].listening = servers[i].listens()
	}
	for _, s := range servers {
		c.known(s)
		c.repeated(s)
		c.loops(s)
		c.hidden(s)
	}
	c.conflicts(servers)
	return c.sorted()
}

type checker struct {
	rules Rules
	found []Diagnostic
}

// sorted returns what was reported, once: a snippet may be in several blocks.
func (c *checker) sorted() []Diagnostic {
	slices.SortFunc(c.found, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(c.found)
}

func (c *checker) report(at Position, severity Severity, code Code, message, remedy string) {
	c.found = append(c.found, Diagnostic{at.Line, at.Column, severity, code, message, remedy})
}

// present reports a Corefile that says nothing. One that has an import may.
func (c *checker) present(f *File, servers []server) {
	imports := slices.ContainsFunc(f.Nodes, func(n Node) bool { d, ok := n.(*Directive); return ok && d.Import() })
	if len(servers) == 0 && !imports {
		at := Position{Line: 1, Column: 1}
		c.report(at, Error, NoServerBlock,
			"there is no server block, and CoreDNS would serve whoami",
			"add one that forwards to /etc/resolv.conf")
	}
}

// syntax reports what CoreDNS reads otherwise than it looks.
func (c *checker) syntax(f *File) {
	Walk(f, func(n Node) bool {
		switch n := n.(type) {
		case *ServerBlock:
			c.braces(n)
			c.tokens(n.Keys)
		case *Directive:
			c.lines(n)
			c.tokens(append([]Token{n.Name}, n.Args...))
		}
		return true
	})
	if f.end.raw != "" {
		c.unclosed(f.end)
	}
}

func (c *checker) braces(b *ServerBlock) {
	if len(b.Zones()) == 0 {
		c.report(b.Pos(), Error, NoZone,
			"this server block has no zone, and CoreDNS drops it",
			"write a zone in front of it")
	}
	switch opened, closed := b.opening.raw != "", b.closing.raw != ""; {
	case opened && !closed:
		c.report(b.opening.pos, Warning, MissingBrace,
			"the block that begins here does not end",
			"add } at its end")
	case !opened && closed:
		c.report(b.closing.pos, Warning, MissingBrace,
			"this brace closes a block that no brace opens",
			"add { behind the zones, or remove it")
	}
	for _, k := range b.Keys {
		if strings.HasSuffix(k.value, "{") || strings.HasPrefix(k.value, "}") {
			c.report(k.pos, Error, StrayBrace,
				fmt.Sprintf("%q is read as a zone", k.value),
				"put a space in front of {, and remove a } too many")
		}
	}
}

func (c *checker) lines(d *Directive) {
	if n := len(d.Args); n > 0 && d.Args[n-1].raw == `\` {
		c.report(d.Args[n-1].pos, Warning, LineContinuation,
			"a backslash does not continue a line",
			"write all on one line")
	}
	b := d.Block
	if b == nil {
		return
	}
	if d.Name.raw != "" && strings.Contains(b.opening.lead, "\n") {
		c.report(b.opening.pos, Warning, BraceOnOwnLine,
			"plugins do not find a block that begins on a line of its own",
			fmt.Sprintf("put { behind the arguments of %s", d.Name.value))
	}
	if b.Rest != nil {
		c.report(b.Rest.Pos(), Warning, TextBehindBlock,
			"what follows a block belongs to the directive in front of it",
			"put it on a line of its own")
	}
}

func (c *checker) tokens(tokens []Token) {
	for _, t := range tokens {
		if !t.Quoted() && strings.Contains(t.raw, "#") {
			c.report(t.pos, Warning, HashInWord,
				fmt.Sprintf("%q is read as %q", t.raw, t.value),
				"put a space in front of #, or put the word in quotes")
		}
		if t.unclosed {
			c.unclosed(t)
		}
	}
}

func (c *checker) unclosed(t Token) {
	c.report(t.pos, Warning, UnclosedQuote,
		"the quotes that begin here do not end",
		"add a quote, or remove this one")
}
