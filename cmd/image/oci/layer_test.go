// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func TestLayer(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("ELF"), 0o700); err != nil {
		t.Fatal(err)
	}
	files := []File{
		{Name: "usr/share/b", Mode: 0o644, Data: []byte("b")},
		{Name: "program", Mode: 0o755, Path: program, Capabilities: NetBindService},
		{Name: "etc/a", Mode: 0o644, Data: []byte("a")},
		{Name: "etc/b", Link: "a"},
	}
	layer, err := Layer(t.Context(), noon, files...)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Layer(layer); err != nil {
		t.Error(err)
	}
	const cap20 = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	want := []string{
		`etc/ 755 0:0 12:00 "" ""`,
		`usr/ 755 0:0 12:00 "" ""`,
		`usr/share/ 755 0:0 12:00 "" ""`,
		`etc/a 644 0:0 12:00 "a" ""`,
		`etc/b -> a 777 0:0 12:00 "" ""`,
		fmt.Sprintf(`program 755 0:0 12:00 "ELF" %q`, cap20),
		`usr/share/b 644 0:0 12:00 "b" ""`,
	}
	if got := list(t, layer); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	slices.Reverse(files)
	again, err := Layer(t.Context(), noon, files...)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := digest(t, layer), digest(t, again); a != b {
		t.Errorf("the order of the files makes another layer: %s, %s", a, b)
	}
}

func digest(t *testing.T, layer v1.Layer) v1.Hash {
	t.Helper()
	d, err := layer.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func list(t *testing.T, layer v1.Layer) []string {
	t.Helper()
	content, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	var lines []string
	for in := tar.NewReader(content); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		name := h.Name
		if h.Linkname != "" {
			name += " -> " + h.Linkname
		}
		lines = append(lines, fmt.Sprintf("%s %o %d:%d %s %q %q", name, h.Mode, h.Uid, h.Gid,
			h.ModTime.UTC().Format("15:04"), text, h.PAXRecords["SCHILY.xattr.security.capability"]))
	}
}

func TestLayerErrors(t *testing.T) {
	missing := File{Name: "program", Path: filepath.Join(t.TempDir(), "program")}
	if _, err := Layer(t.Context(), noon, missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of a file that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Layer(ctx, noon, File{Name: "a", Data: []byte("a")}); !errors.Is(err, context.Canceled) {
		t.Errorf("after Ctrl-C: %v", err)
	}
}
