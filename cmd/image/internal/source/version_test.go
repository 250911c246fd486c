// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	for _, c := range []struct{ name, text, want, err string }{
		{"one", "package operator\nconst A = 1\nvar Other = 2\n// Version of.\nvar Version = \"v1.2.3\"\n", "v1.2.3", ""},
		{"group", "package operator\nvar (\n\tA = 1\n\tVersion = `v1`\n)\n", "v1", ""},
		{"none", "package operator\nvar Version = version()\n", "", "has no variable Version"},
		{"not Go", "version: v1\n", "", "looking for the version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := Tree(t.TempDir())
			if err := os.MkdirAll(tree.Path("operator"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(tree.Path("operator", "operator.go"), []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := tree.Version()
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %q, %v, want %q, %q", got, err, c.want, c.err)
			}
		})
	}
}

// TestThis reads the repository that this is in: its version is where Version
// looks for it.
func TestThis(t *testing.T) {
	tree, err := Find(".")
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := filepath.Abs("../../../.."); string(tree) != want {
		t.Errorf("the tree is %s, want %s: not a nested module", tree, want)
	}
	if version, err := tree.Version(); err != nil || !strings.HasPrefix(version, "v") {
		t.Errorf("the version is %q, %v", version, err)
	}
}

func TestFindOutside(t *testing.T) {
	if tree, err := Find(t.TempDir()); err == nil {
		t.Errorf("found %s in a folder of nothing", tree)
	}
}
