// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
	"github.com/clusterdns/clusterdns/test/specs"
)

// coredns returns the program, which make builds.
func coredns(t testing.TB) Program {
	t.Helper()
	path, err := filepath.Abs("../../../bin/coredns")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v: run make build", err)
	}
	return Program{Path: path}
}

// TestRendered renders random settings: what CoreDNS says about each is that it is good.
func TestRendered(t *testing.T) {
	program := coredns(t)
	n := uint64(100)
	if testing.Short() {
		n = 10
	}
	for seed := range n {
		spec := specs.Random(rand.New(rand.NewPCG(seed, 5)))
		file, problems := render.Corefile(spec, render.Facts{Services: specs.Services})
		text := corefile.Format(file)
		found, good, err := program.Check(t.Context(), text, nil)
		if len(problems) > 0 || err != nil || !good {
			t.Errorf("seed %d: problems %v, findings %v, error %v in\n%s", seed, problems, found, err, text)
		}
		for _, d := range corefile.Check(file, corefile.Rules{ClusterDomains: []string{render.ClusterDomain(spec, render.Facts{})}}) {
			if d.Severity == corefile.Error {
				t.Errorf("seed %d: %s in\n%s", seed, d, text)
			}
		}
	}
}

func TestFindings(t *testing.T) {
	program := coredns(t)
	for _, tt := range []struct{ name, text, want string }{
		{"unknown", ".:53 {\n    forwrad . 192.0.2.1\n}\n", "line 2: "},
		{"argument", ".:53 {\n    forward . 192.0.2.1\n    bufsize never\n}\n", "line 3: "},
		{"overlap", "a.example:53 {\n    whoami\n}\na.example:53 {\n    whoami\n}\n", "line 4: "},
		{"several", ".:53 {\n    cache 30 {\n        denial\n    }\n    bufsize x\n}\n", "line 5: "},
		{"empty", "# nothing\n", "whoami"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, good, err := program.Check(t.Context(), tt.text, nil)
			if err != nil || good || !strings.Contains(join(found), tt.want) {
				t.Errorf("found %q, good %v, error %v, want %q", join(found), good, err, tt.want)
			}
		})
	}
}

func join(found []Finding) string {
	var lines []string
	for _, f := range found {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// TestFiles checks what the named files hold.
func TestFiles(t *testing.T) {
	const text = ".:53 {\n    forward . tls://192.0.2.1 {\n        tls /etc/coredns/ca.a.crt\n        tls_servername a.example\n    }\n}\n"
	for _, tt := range []struct {
		name  string
		files map[string][]byte
		good  bool
	}{
		{"unknown", nil, true},
		{"no certificate", map[string][]byte{"/etc/coredns/ca.a.crt": []byte("none")}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, good, err := coredns(t).Check(t.Context(), text, tt.files)
			if err != nil || good != tt.good {
				t.Errorf("found %v, good %v, error %v", found, good, err)
			}
		})
	}
}

// TestProgram finds out nothing from programs that do not answer.
func TestProgram(t *testing.T) {
	script := func(text string) string {
		path := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct {
		name string
		Program
	}{
		{"none", Program{Path: "/no/such/program"}},
		{"slow", Program{Path: script("/bin/sleep 60 & wait"), Timeout: 100 * time.Millisecond}},
		{"killed", Program{Path: script("kill -9 $$")}},
		{"silent", Program{Path: script("exit 3")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, good, err := tt.Check(t.Context(), ". {\n whoami\n}\n", nil)
			if good || !errors.Is(err, ErrProgram) {
				t.Errorf("good %v, error %v", good, err)
			}
		})
	}
}
