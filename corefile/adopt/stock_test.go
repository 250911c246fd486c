// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files")

// TestStock adopts the Corefiles that others ship. The golden files have the
// settings and the notices.
func TestStock(t *testing.T) {
	for name, text := range stock(t) {
		t.Run(name, func(t *testing.T) {
			r, err := Corefile(text, nil)
			if err != nil {
				t.Fatal(err)
			}
			obey(t, text, r)
			golden(t, name, r)
		})
	}
}

func stock(t testing.TB) map[string]string {
	files, err := filepath.Glob("../testdata/stock/*.Corefile")
	if err != nil || len(files) == 0 {
		t.Fatal("no Corefiles: ", err)
	}
	texts := make(map[string]string)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(f), ".Corefile")] = string(text)
	}
	return texts
}

// golden compares r with a file.
func golden(t *testing.T, name string, r Result) {
	t.Helper()
	text, err := yaml.Marshal(r.Spec)
	if err != nil {
		t.Fatal(err)
	}
	got := bytes.NewBuffer(text)
	got.WriteString("---\n")
	for _, n := range r.Notices {
		got.WriteString(n.String() + "\n")
	}
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("-want +got (run with -update if it is meant):\n%s", diff)
	}
}
