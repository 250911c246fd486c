// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/plugin"
)

// positioned matches the errors that caddyfile makes: FILE:LINE and a marker.
var positioned = regexp.MustCompile(`^(.*):(-?\d+) - (?:Error during parsing|(Syntax error)): (.*)$`)

// locate takes the position out of an error of CoreDNS, "plugin/forward:
// Corefile:5 - Error during parsing: unknown property 'x'", and returns what
// is left of it.
func locate(text string) (Pos, string, bool) {
	text = oneLine(text)
	m := positioned.FindStringSubmatch(text)
	if m == nil {
		return Pos{}, once(text), false
	}
	prefix, file := "", m[1]
	if i := strings.LastIndex(file, ": "); i >= 0 {
		prefix, file = file[:i+2], file[i+2:]
	}
	message := m[4]
	if m[3] != "" {
		message = "syntax error: " + message
	}
	message = once(prefix + message)
	line, err := strconv.Atoi(m[2])
	if err != nil || line <= inserted {
		return Pos{}, message, false
	}
	return Pos{file, line}, message, true
}

// once drops the second of two equal prefixes: some plugins wrap their errors
// twice, "plugin/bufsize: plugin/bufsize: ...".
func once(text string) string {
	for {
		prefix, rest, found := strings.Cut(text, ": ")
		if !found || !strings.HasPrefix(prefix, "plugin/") || !strings.HasPrefix(rest, prefix+": ") {
			return text
		}
		text = rest
	}
}

// blame returns the diagnostic for an error of a directive. An error without
// a position gets the line of its directive; cursor, where the setup stopped
// reading, tells which use of it.
func blame(err error, uses [][]caddyfile.Token, cursor Pos) Diagnostic {
	at, msg, ok := locate(err.Error())
	if ok {
		return errorAt(at, "%s", msg)
	}
	onLine := func(t caddyfile.Token) bool { return t.File == cursor.File && t.Line == cursor.Line }
	use := uses[0]
	if i := slices.IndexFunc(uses, func(u []caddyfile.Token) bool { return slices.ContainsFunc(u, onLine) }); i > 0 {
		use = uses[i]
	}
	at = Pos{use[0].File, use[0].Line}
	if errors.Is(err, plugin.ErrOnce) {
		first := Pos{uses[0][0].File, uses[0][0].Line}
		return errorAt(at, "%s; first used at %s", msg, first.from(at))
	}
	var words []string
	for _, t := range use {
		if onLine(t) && t.Text != "{" {
			words = append(words, t.Text)
		}
	}
	if line := strings.Join(words, " "); cursor != at && cursor.Line > inserted && line != "" && line != "}" {
		msg += fmt.Sprintf(" (at %s, %q)", cursor.from(at), line)
	}
	return errorAt(at, "%s", msg)
}
