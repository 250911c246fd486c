// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/whoami"
	"github.com/google/go-cmp/cmp"
)

// directives are those of the plugins above and some that misbehave.
var directives = []string{"bind", "errors", "boom", "hang", "start", "whoami"}

// started is set by a startup callback: a check must not reach one.
var started = false

func init() {
	misbehave := map[string]caddy.SetupFunc{
		"boom": func(c *caddy.Controller) error {
			var none map[string]int
			none[c.Key]++ //nolint:staticcheck // SA5000: a setup with this very mistake
			return nil
		},
		"hang": func(*caddy.Controller) error { select {} },
		"start": func(c *caddy.Controller) error {
			start := func() error { started = true; return errors.New("started") }
			c.OnFirstStartup(start)
			c.OnStartup(start)
			return nil
		},
	}
	for name, setup := range misbehave {
		caddy.RegisterPlugin(name, caddy.Plugin{ServerType: "dns", Action: setup})
	}
	if err := dnsserver.SetDirectives(directives); err != nil {
		panic(err)
	}
}

func checked(text string, timeout time.Duration) []string {
	var got []string
	for _, d := range (Checker{Directives: directives, InTree: []string{"etcd"}, Timeout: timeout}).Check(corefile(text)) {
		got = append(got, d.String())
	}
	return got
}

func TestCheck(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"good": {".:53 {\n errors\n whoami\n}\n", nil},
		"panic": {
			".:53 {\n whoami\n boom\n}\n",
			[]string{"Corefile:3: plugin/boom: setup panicked: assignment to entry in nil map"},
		},
		"panic in every block": {
			"a {\n boom\n}\nb {\n boom\n errors x\n}\n",
			[]string{
				"Corefile:2: plugin/boom: setup panicked: assignment to entry in nil map",
				"Corefile:5: plugin/boom: setup panicked: assignment to entry in nil map",
				"Corefile:6: plugin/errors: invalid log file: x",
			},
		},
		"nothing starts": {".:53 {\n start\n}\n", nil},
		"three of a zone": {
			"a {\n}\nb {\n}\na {\n}\nb c {\n}\na {\n}\n",
			[]string{
				"Corefile:5: cannot serve dns://a.:53 - it is already defined; the other server block is at line 1",
				"Corefile:7: cannot serve dns://b.:53 - it is already defined; the other server block is at line 3",
				"Corefile:9: cannot serve dns://a.:53 - it is already defined; the other server block is at line 1",
			},
		},
		"key of many": {
			"a {\n}\nb,\nc,\na {\n}\n",
			[]string{"Corefile:5: cannot serve dns://a.:53 - it is already defined; the other server block is at line 1"},
		},
		"twice in one block": {
			"a,\na {\n}\n",
			[]string{"Corefile:1: cannot serve dns://a.:53 - it is already defined"},
		},
		"interfaces": {
			"a {\n bind eth0\n}\na {\n bind eth1\n}\na {\n bind eth0\n}\n",
			[]string{
				"Corefile:2: note: plugin/bind: interface eth0 is not looked up here",
				"Corefile:5: note: plugin/bind: interface eth1 is not looked up here",
				"Corefile:7: cannot serve dns://a.:53 on eth0 - it is already defined; the other server block is at line 1",
				"Corefile:8: note: plugin/bind: interface eth0 is not looked up here",
			},
		},
		"zone that looks like a snippet": {".:53 {\n}\n(s)", nil},
		"zone that looks like an import": {".:53 {\n} import", nil},
		"only that":                      {"(s)", nil},
		"odd keys": {
			"\"a b\" {\n}\n\"c#d\" {\n}\n\"e\\\"f\" {\n}\n", nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, checked(tt.text, time.Minute)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
		})
	}
	if started {
		t.Error("a startup callback ran")
	}
}

func TestHang(t *testing.T) {
	got := checked(".:53 {\n whoami\n hang\n}\n", time.Second)
	want := []string{"Corefile:3: plugin/hang: setup took longer than 1s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
}

func TestDisplay(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	tests := map[string]struct {
		f          Corefile
		file, want string
	}{
		"main file":              {Corefile{Name: "Corefile", Path: "Corefile"}, "", "Corefile"},
		"stdin":                  {Corefile{Name: "stdin", Path: "/dev/stdin"}, "/dev/stdin", "stdin"},
		"imported":               {Corefile{Name: "c/Corefile", Path: "c/Corefile"}, filepath.Join(dir, "c", "x"), filepath.Join("c", "x")},
		"imported from absolute": {Corefile{Name: dir + "/C", Path: dir + "/C"}, dir + "/x", dir + "/x"},
		"imported from above":    {Corefile{Name: "C", Path: "C"}, "/elsewhere/x", "/elsewhere/x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.f.display(tt.file); got != tt.want {
				t.Errorf("want %q, got %q", tt.want, got)
			}
		})
	}
}
