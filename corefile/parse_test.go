// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"strings"
	"testing"
)

// TestLossless has what Format must give back: one oddity in each.
func TestLossless(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"empty", ""},
		{"comment only", "# nothing\n"},
		{"one line", ". { whoami\n}"},
		{"no final newline", ".:53 {\n    errors\n}"},
		{"no braces", "example.org\nwhoami\nforward . 192.0.2.1\n"},
		{"no braces, but the last", ".:53\nwhoami\n}\nexample.org {\n}\n"},
		{"keys only", "example.org, example.com"},
		{"several keys", "example.org, example.com:5353\n\tdns://example.net { # all of them\n\twhoami\n}\n"},
		{"keys over lines", "example.org, # first\n  example.com,\n\nexample.net\n{\n}\n"},
		{"crlf", ".:53 {\r\n\terrors # log\r\n\r\n\tcache 30\r\n}\r\n"},
		{"byte order mark", "\uFEFF# comment\n.:53 {\n}\n"},
		{"comments everywhere", "# a\n\n# b\n. { # c\n# d\n\terrors # e\n\n\t# f\n\tcache 30 { # g\n\t\t# h\n\t} # i\n\t# j\n} # k\n# l\n"},
		{"comment without end", ".:53 {\n}\n# end"},
		{"quotes", ". {\n  nsid \"\"\n  chaos \"a \\\"b\\\" \\c\" # d\n  template ANY ANY { answer \"multi\nline { # }\"\n }\n}\n"},
		{"glued quotes", ". {\n chaos \"a\"\"b\"c #d\n}\n"},
		{"quote in a word", ". {\n chaos a\"b \"c\n}\"\n}\n"},
		{"hash in a word", ". {\n forward . 192.0.2.1#53 192.0.2.2\n}\n"},
		{"backslash at the end of a line", ". {\n forward . \\\n 192.0.2.1\n}\n"},
		{"backquotes", ". {\n log . `a b`\n}\n"},
		{"environment", "{$ZONE}:{%PORT%} {\n forward . {$UP}\n}\n"},
		{"snippets", "(common) {\n errors\n deep { a { b c } }\n}\n. {\n import common\n import /etc/coredns/*.override\n}\nimport *.server\n"},
		{"snippet of server blocks", "(all) {\n example.org,\n example.com {\n  whoami\n }\n}\nimport all\n"},
		{"snippet in a line", "(a) { b }\n(c)\n{ d { e } f }"},
		{"nested", ". {\n a {\n  b {\n   c {\n   }\n  }\n }\n}\n"},
		{"brace on its own line", ".\n{\n cache\n {\n  success 5\n }\n}\n"},
		{"behind a block", ". {\n a { b } c d { e } f\n g {\n }\n {\n h\n }\n}\n"},
		{"block without a name", ". {\n a {\n  {\n   b\n  }\n }\n}\n"},
		{"no zone", "{\n whoami\n}\n"},
		{"stray brace", ". {\n}\n}\n"},
		{"missing last brace", ". {\n a {\n }\n# end\n"},
		{"quotes without end", ". {\n a\n}\n\"b c\\"},
		{"quotes of nothing", ". {\n a\n}\n# c\n \""},
		{"quotes of nothing behind quotes", "\"a\"\""},
		{"quotes of nothing in an open block", "a\nb\n\n \""},
		{"unicode", "bücher.example {\n  chaos ‘ ’ \u00a0x\u0085\n}\n"},
		{"not utf-8", ". {\n chaos \xff\xfe \"\xc3\"\n}\n"},
		{"carriage returns", ". {\r a\rb \r\n\r c\r \n}\r"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := Format(f); got != tt.text {
				t.Errorf("got  %q\nwant %q", got, tt.text)
			}
		})
	}
}

func TestParse(t *testing.T) {
	f := parse(t, "\n# zones\nexample.org,\n  Example.com { # why\n\tforward . 192.0.2.1 \"a b\" { # up\n\t\tmax_fails 3\n\t}\n\t# last\n}\n")
	b := f.ServerBlocks()[0]
	if got, want := strings.Join(b.Zones(), " "), "example.org Example.com"; got != want {
		t.Errorf("zones: got %q, want %q", got, want)
	}
	d := b.Find("forward")[0]
	if got, want := strings.Join(d.Values(), "|"), ". | 192.0.2.1|a b"; got != strings.ReplaceAll(want, " | ", "|") {
		t.Errorf("arguments: got %q, want %q", got, want)
	}
	if got, want := d.Block.Directives[0].Name.Value(), "max_fails"; got != want {
		t.Errorf("option: got %q, want %q", got, want)
	}
	if got, want := d.Pos(), (Position{Offset: 45, Line: 5, Column: 2}); got != want {
		t.Errorf("position: got %+v, want %+v", got, want)
	}
	if got, want := Format(f)[d.Pos().Offset:d.End()], "forward . 192.0.2.1 \"a b\" { # up\n\t\tmax_fails 3\n\t}"; got != want {
		t.Errorf("text: got %q, want %q", got, want)
	}
	for _, c := range []struct{ got, want string }{
		{strings.Join(b.Keys[0].Above(), "|"), "zones"},
		{b.Opening().Behind(), "why"},
		{d.Block.Opening().Behind(), "up"},
		{strings.Join(b.Closing().Above(), "|"), "last"},
	} {
		if c.got != c.want {
			t.Errorf("comment: got %q, want %q", c.got, c.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"block without end", "\n.:53 {\n  errors\n", "line 2, column 6: the block that begins here does not end"},
		{"nested block without end", ".:53 {\n  cache {\n", "line 2, column 9: the block that begins here does not end"},
		{"comma", "example.org, {\n}\n", "line 1, column 14: a zone is missing behind the comma"},
		{"comma at the end", "example.org,", "line 1, column 1: a zone is missing behind the comma"},
		{"brace behind a directive", ". {\n  errors }\n", "line 2, column 10: } stands behind a directive"},
		{"block without plugin", ". {\n  {\n }\n}\n", "line 2, column 3: a block begins here, but no plugin"},
		{"snippet twice", "(a) {\n}\n(a) {\n}\n", "line 3, column 1: snippet (a) is defined on line 1 already"},
		{"snippet at the end", "\"\" (a)", "line 1, column 1: snippet (a) has no block"},
		{"snippet without block", "(a)\nwhoami\n", "line 1, column 1: snippet (a) has no block"},
		{"import of two", "import a b\n", "line 1, column 1: import takes one argument; write"},
		{"import and a brace", "import a }\n", "line 1, column 1: import takes one argument"},
		{"import between zones", "a,\nimport b\n{\n}\n", "line 2, column 1: an import stands within a list of zones"},
		{"too deep", ". {\n a " + strings.Repeat("{ ", 20000) + strings.Repeat("} ", 20000) + "\n}\n", "nest deeper than 10000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func parse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse(text)
	if err != nil {
		t.Fatalf("parsing %q: %v", text, err)
	}
	return f
}
