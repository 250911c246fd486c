// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"fmt"
	"testing"

	"github.com/coredns/coredns/plugin"
)

func TestLocate(t *testing.T) {
	tests := map[string]struct {
		text string
		pos  string
		msg  string
	}{
		"plain":      {"Corefile:5 - Error during parsing: Unexpected EOF", "Corefile:5", "Unexpected EOF"},
		"prefix":     {"plugin/forward: a/b.conf:12 - Error during parsing: unknown property 'x'", "a/b.conf:12", "plugin/forward: unknown property 'x'"},
		"twice":      {"plugin/a: plugin/a: Corefile:2 - Error during parsing: x", "Corefile:2", "plugin/a: x"},
		"syntax":     {"Corefile:2 - Syntax error: Unexpected token 'a', expecting '}'", "Corefile:2", "syntax error: Unexpected token 'a', expecting '}'"},
		"none":       {"plugin/health: unable to parse", "", "plugin/health: unable to parse"},
		"no line":    {"plugin/a: Corefile:-1 - Error during parsing: x", "", "plugin/a: x"},
		"many lines": {"Corefile:3 - Error during parsing: a\n | b\n | ^", "Corefile:3", "a | b | ^"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			pos, msg, ok := locate(tt.text)
			if got := pos.String(); got != tt.pos || ok != (tt.pos != "") {
				t.Errorf("position: want %q, got %q (%v)", tt.pos, got, ok)
			}
			if msg != tt.msg {
				t.Errorf("message: want %q, got %q", tt.msg, msg)
			}
		})
	}
}

func TestBlame(t *testing.T) {
	uses := stanzas(lex("Corefile", []byte("\nforward a x\nforward b y {\n max_fails z\n}\n")))
	tests := map[string]struct {
		err    error
		cursor Pos
		want   string
	}{
		"positioned":         {errors.New("Corefile:9 - Error during parsing: x"), Pos{"Corefile", 4}, "Corefile:9: x"},
		"first use":          {errors.New("x"), Pos{"Corefile", 2}, "Corefile:2: x"},
		"second use":         {errors.New("x"), Pos{"Corefile", 3}, "Corefile:3: x"},
		"property":           {errors.New("x"), Pos{"Corefile", 4}, `Corefile:3: x (at line 4, "max_fails z")`},
		"behind the block":   {errors.New("x"), Pos{"Corefile", 5}, "Corefile:3: x"},
		"inserted by a copy": {errors.New("x"), Pos{"Corefile", inserted}, "Corefile:2: x"},
		"once":               {fmt.Errorf("plugin/x: %w", plugin.ErrOnce), Pos{"Corefile", 3}, "Corefile:3: plugin/x: this plugin can only be used once per Server Block; first used at line 2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := blame(tt.err, uses, tt.cursor).String(); got != tt.want {
				t.Errorf("want %q, got %q", tt.want, got)
			}
		})
	}
}
