// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"archive/tar"
	"cmp"
	"context"
	"io"
	"path"
	"slices"
	"time"
)

// writeTar writes the files and their folders, always the same bytes: in the
// order of the names, of root, and all of one age.
func writeTar(ctx context.Context, to io.Writer, modified time.Time, files []File) error {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	out := tar.NewWriter(to)
	for _, dir := range folders(files) {
		if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: modified}); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := f.write(out, modified, func(r io.Reader) io.Reader { return untilDone{ctx, r} }); err != nil {
			return err
		}
	}
	return out.Close()
}

// folders returns those that hold the files, parents first.
func folders(files []File) []string {
	seen := map[string]bool{".": true}
	var dirs []string
	for _, f := range files {
		for dir := path.Dir(f.Name); !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return dirs
}

// untilDone reads until the context ends: Ctrl-C need not wait for the end of a
// program of 70 MB.
type untilDone struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r untilDone) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
