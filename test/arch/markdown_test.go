// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"fmt"
	"strings"
	"testing"
)

// A block is a fenced code block of a Markdown file.
type block struct {
	at       string // file:line
	heading  string // that it stands under
	language string
	text     string
}

// blocks returns the code blocks of a Markdown file.
func blocks(name, markdown string) []block {
	var found []block
	heading, fence := "", "" // fence is that of the block we are in
	for i, line := range strings.Split(markdown, "\n") {
		trimmed := strings.TrimSpace(line)
		mark := trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, "`~"))]
		switch {
		case fence != "" && strings.HasPrefix(mark, fence) && mark == trimmed:
			fence = ""
		case fence != "":
			found[len(found)-1].text += line + "\n"
		case len(mark) >= 3 && !strings.Contains(trimmed[len(mark):], "`"):
			fence = mark
			b := block{at: fmt.Sprintf("%s:%d", name, i+1), heading: heading}
			if words := strings.Fields(trimmed[len(mark):]); len(words) > 0 {
				b.language = words[0]
			}
			found = append(found, b)
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.Trim(line, "#"))
		}
	}
	return found
}

func TestBlocks(t *testing.T) {
	const markdown = "# One\n" +
		"text with ```code``` in it\n" +
		"~~~ corefile\n. {\n}\n~~~\n" +
		"## Two ##\n" +
		"````sh extra\n# no heading\n```\n````\n" +
		"- a list\n  ```\n  plain\n  ```\n"
	var got []string
	for _, b := range blocks("x.md", markdown) {
		got = append(got, fmt.Sprintf("%q", b))
	}
	expect(t, got,
		`{"x.md:3" "One" "corefile" ". {\n}\n"}`,
		"{\"x.md:8\" \"Two\" \"sh\" \"# no heading\\n```\\n\"}",
		`{"x.md:13" "Two" "" "  plain\n"}`,
	)
}
