// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command image writes an archive with an image that holds one static program,
// under its own name in the root, and nothing else.
//
//	image NAME PROGRAM ARCHIVE
package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: image NAME PROGRAM ARCHIVE")
	}
	if err := write(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func write(image, program, archive string) error {
	tag, err := name.NewTag(image)
	if err != nil {
		return err
	}
	content, err := layer(program)
	if err != nil {
		return fmt.Errorf("making a layer of %s: %w", program, err)
	}
	made, err := mutate.AppendLayers(empty.Image, content)
	if err != nil {
		return err
	}
	file, err := made.ConfigFile()
	if err != nil {
		return err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config = v1.Config{Entrypoint: []string{"/" + filepath.Base(program)}, User: "65535:65535"}
	if made, err = mutate.ConfigFile(made, file); err != nil {
		return err
	}
	return tarball.WriteToFile(archive, tag, made)
}

// layer holds the program alone.
func layer(program string) (v1.Layer, error) {
	text, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var files bytes.Buffer
	out := tar.NewWriter(&files)
	if err := out.WriteHeader(&tar.Header{Name: filepath.Base(program), Mode: 0o555, Size: int64(len(text))}); err != nil {
		return nil, err
	}
	if _, err := out.Write(text); err != nil {
		return nil, err
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files.Bytes())), nil
	})
}
