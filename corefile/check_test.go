// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// known are the plugins of the server.
var known = strings.Fields(`bind cache chaos clusterdns bufsize errors forward health hosts kubernetes loadbalance log loop prometheus
	ready reload rewrite template view whoami`)

// TestCheck runs testdata/check/*.txtar: a Corefile, and what Check says of it.
// The server serves cluster.local, and its Service has the address 10.96.0.10.
func TestCheck(t *testing.T) {
	rules := Rules{Directives: known, ClusterDomains: []string{"cluster.local"}, ServiceIPs: []netip.Addr{netip.MustParseAddr("10.96.0.10")}}
	scripts(t, "check", func(_ string, f *File) []Diagnostic { return Check(f, rules) })
}

// scripts runs the files of a folder of testdata through a function of their
// title and their Corefile.
func scripts(t *testing.T, folder string, run func(title string, f *File) []Diagnostic) {
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatal("no scripts: ", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Files) != 2 || a.Files[0].Name != "Corefile" || a.Files[1].Name != "want" {
				t.Fatal("there must be a Corefile and then want")
			}
			f, err := Parse(string(a.Files[0].Data))
			var syntax *SyntaxError
			var found []Diagnostic
			if errors.As(err, &syntax) {
				found = append(found, syntax.Diagnostic)
			} else {
				found = run(string(a.Comment), f)
			}
			got := ""
			for _, d := range found {
				got += d.String() + "\n"
			}
			if diff := cmp.Diff(string(a.Files[1].Data), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestStock checks the Corefiles of others: they are good, but for what their
// age explains.
func TestStock(t *testing.T) {
	want := map[string]string{
		"aks-2019.Corefile": "10:5: error: unknown-directive: there is no plugin proxy; use forward, which has other options\n",
	}
	for name, text := range stock(t) {
		t.Run(name, func(t *testing.T) {
			f := parse(t, text)
			if got := Format(f); got != text {
				t.Errorf("got %q, want %q", got, text)
			}
			got := ""
			for _, d := range Check(f, Rules{Directives: known}) {
				got += d.String() + "\n"
			}
			if got != want[name] {
				t.Errorf("got  %q\nwant %q", got, want[name])
			}
		})
	}
}

// TestCheckExplosion has snippets that double with every import.
func TestCheckExplosion(t *testing.T) {
	text := "(s0) {\n whoami\n}\n"
	for i := range 40 {
		text += fmt.Sprintf("(s%d) {\n import s%d\n import s%d\n}\n", i+1, i, i)
	}
	Check(parse(t, text+". {\n import s40\n}\n"), Rules{})
}
