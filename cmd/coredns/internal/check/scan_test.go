// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
	"github.com/google/go-cmp/cmp"
)

func TestScan(t *testing.T) {
	t.Setenv("ZONE", "example.org")
	tests := map[string]struct {
		text string
		want []string
	}{
		"empty":       {"# nothing\n", nil},
		"one":         {"\n.:53 {\n errors\n}\n", []string{".:53@Corefile:2"}},
		"two keys":    {"a b {\n}\n", []string{"a@Corefile:1 b@Corefile:1"}},
		"comma":       {"a,\nb,\nc {\n}\n", []string{"a@Corefile:1 b@Corefile:2 c@Corefile:3"}},
		"two blocks":  {"a {\n forward . x {\n }\n}\nb {\n}\n", []string{"a@Corefile:1", "b@Corefile:5"}},
		"no braces":   {"a\nerrors\nlog {\n}\n", []string{"a@Corefile:1"}},
		"keys only":   {"a b", []string{"a@Corefile:1 b@Corefile:1"}},
		"environment": {"{$ZONE} {\n}\n", []string{"example.org@Corefile:1"}},
		"open":        {"a {\n forward . x {\n }\nb {\n}\n", []string{"a@Corefile:1 open"}},
		"snippet":     {"(s) {\n errors\n}\na {\n import s\n}\n", []string{"a@Corefile:4"}},
		"snippet of blocks": {
			"(s) {\n b {\n }\n}\na {\n}\nimport s\nc {\n}\n",
			[]string{"a@Corefile:5", "b@Corefile:2", "c@Corefile:8"},
		},
		"import":         {"import part.conf\na {\n}\n", []string{"p@part.conf:2", "q@part.conf:4", "a@Corefile:2"}},
		"import nothing": {"import *.none\na {\n}\n", []string{"a@Corefile:2"}},
		"import itself":  {"import loop.conf\n", nil},
		"import missing": {"import gone.conf\na {\n}\n", []string{"a@Corefile:2"}},
	}
	dir := t.TempDir()
	write(t, dir, "part.conf", "# two blocks\np {\n}\nq {\n}\n")
	write(t, dir, "loop.conf", "import loop.conf\n")
	t.Chdir(dir)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			heads, _ := scan(corefile(tt.text))
			for _, h := range heads {
				got = append(got, describe(h))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("scan (-want +got):\n%s", diff)
			}
		})
	}
}

func corefile(text string) Corefile {
	return Corefile{Name: "Corefile", Path: "Corefile", Text: []byte(text)}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func describe(h head) string {
	var parts []string
	for _, k := range h.keys {
		parts = append(parts, fmt.Sprintf("%s@%v", k.text, k.pos))
	}
	if h.open {
		parts = append(parts, "open")
	}
	return strings.Join(parts, " ")
}

// FuzzScan holds scan against the parser whose blocks it finds positions for.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		".:53 {\n errors\n}\n",
		"a, b,\nc {\n log {\n }\n}\nd\nwhoami\n",
		"(s) {\n errors\n}\na {\n import s\n}\n",
		"\"a b\" {\n}\n",
		"a {\n forward . \"x\n y\" {\n }\n",
		"import s\na{\n}\n",
		"{ { \n} 0",
		"()",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "import") && strings.ContainsAny(text, "/*?[.") {
			t.Skip("reads files")
		}
		parsed, err := caddyfile.Parse("Corefile", bytes.NewReader([]byte(text)), nil)
		heads, _ := scan(corefile(text))
		if err != nil {
			return
		}
		var want, got []string
		for _, p := range parsed {
			want = append(want, fmt.Sprintf("%q", p.Keys))
		}
		for _, h := range heads {
			var keys []string
			for _, k := range h.keys {
				keys = append(keys, k.text)
			}
			got = append(got, fmt.Sprintf("%q", keys))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("keys of %q (-caddyfile +scan):\n%s", text, diff)
		}
	})
}
