// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// An Archive is a file that is the tar of an OCI image layout, with one image.
type Archive struct {
	File       string
	Repository string // with the registry, as docker.io/clusterdns/coredns
	Tag        string
	Created    time.Time
	Index      v1.ImageIndex
}

// Write makes the file. It is there as a whole, or as it was before.
func (a Archive) Write(ctx context.Context) error {
	dir, err := os.MkdirTemp(filepath.Dir(a.File), "."+filepath.Base(a.File)+".*")
	if err != nil {
		return fmt.Errorf("making a folder for %s: %w", a.File, err)
	}
	defer os.RemoveAll(dir)
	tree := filepath.Join(dir, "layout")
	if err := a.writeLayout(tree); err != nil {
		return fmt.Errorf("writing the layout of %s: %w", a.File, err)
	}
	whole := filepath.Join(dir, "archive")
	if err := pack(ctx, whole, tree, a.Created); err != nil {
		return fmt.Errorf("packing %s: %w", a.File, err)
	}
	return os.Rename(whole, a.File)
}

func (a Archive) writeLayout(dir string) error {
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	return path.AppendIndex(a.Index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": a.Tag,                      // skopeo, and what else follows the specification
		"io.containerd.image.name":          a.Repository + ":" + a.Tag, // containerd
	}))
}

// pack writes the tar of a folder.
func pack(ctx context.Context, file, dir string, modified time.Time) error {
	files, err := walk(dir)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := writeTar(ctx, out, modified, files); err != nil {
		return err
	}
	return out.Close()
}

func walk(dir string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files = append(files, File{Name: filepath.ToSlash(name), Mode: 0o644, Path: path})
		return err
	})
	return files, err
}
