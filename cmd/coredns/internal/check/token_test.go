// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
	"github.com/google/go-cmp/cmp"
)

// join returns groups of tokens as text, one group a line.
func join(groups [][]caddyfile.Token) []string {
	var out []string
	for _, g := range groups {
		out = append(out, words(g))
	}
	return out
}

func words(tokens []caddyfile.Token) string {
	var texts []string
	for _, t := range tokens {
		texts = append(texts, t.Text)
	}
	return strings.Join(texts, " ")
}

func TestStanzas(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"one":               {"errors\n", []string{"errors"}},
		"two":               {"forward a 1.1.1.1\nforward b 9.9.9.9\n", []string{"forward a 1.1.1.1", "forward b 9.9.9.9"}},
		"block":             {"forward a x {\n max_fails 1\n}\nforward b y\n", []string{"forward a x { max_fails 1 }", "forward b y"}},
		"nested":            {"a {\n b {\n c\n }\n}\na\n", []string{"a { b { c } }", "a"}},
		"quoted line break": {"log . \"a\nb\"\nlog\n", []string{"log . a\nb", "log"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := join(stanzas(lex("Corefile", []byte(tt.text))))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("stanzas (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLines(t *testing.T) {
	got := join(lines(lex("Corefile", []byte("a b {\n c d\n e\n}\n"))))
	want := []string{"a b {", "c d", "e", "}"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestExpand(t *testing.T) {
	t.Setenv("ZONE", "example.org")
	t.Setenv("PORT", "1053")
	tests := map[string]struct {
		names []string
		want  string
	}{
		"example.net":            {nil, "example.net"},
		"{$ZONE}":                {[]string{"ZONE"}, "example.org"},
		"{$ZONE}:{$PORT}":        {[]string{"ZONE", "PORT"}, "example.org:1053"},
		"{%ZONE%}":               {[]string{"ZONE"}, "example.org"},
		"a.{$CLUSTERDNS_UNSET}b": {[]string{"CLUSTERDNS_UNSET"}, "a.b"},
		"{$}":                    {nil, "{$}"},
		"{$ZONE":                 {nil, "{$ZONE"},
		"{common}":               {nil, "{common}"},
	}
	for in, tt := range tests {
		t.Run(in, func(t *testing.T) {
			if diff := cmp.Diff(tt.names, references(in)); diff != "" {
				t.Errorf("references (-want +got):\n%s", diff)
			}
			if got := expand(in); got != tt.want {
				t.Errorf("expand: want %q, got %q", tt.want, got)
			}
		})
	}
}
