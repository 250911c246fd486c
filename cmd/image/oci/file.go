// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"time"
)

// A File of an image belongs to root and is as old as the image.
type File struct {
	Name string // its path in the image, without the slash in front
	Mode int64  // its permissions
	Data []byte // its content, unless there is a Path

	// Path of a file of this machine that has the content.
	Path string

	// Link makes the file a symbolic link to this path of the image. It has no
	// content.
	Link string

	// Capabilities that its program gets, for a file that is one. The kernel
	// refuses to start it in a container that has dropped one of them.
	Capabilities Capabilities
}

// content returns what the file holds, and how long that is.
func (f File) content() (io.ReadCloser, int64, error) {
	if f.Link != "" {
		return io.NopCloser(bytes.NewReader(nil)), 0, nil
	}
	if f.Path == "" {
		return io.NopCloser(bytes.NewReader(f.Data)), int64(len(f.Data)), nil
	}
	opened, err := os.Open(f.Path)
	if err != nil {
		return nil, 0, err
	}
	info, err := opened.Stat()
	if err != nil {
		opened.Close()
		return nil, 0, err
	}
	return opened, info.Size(), nil
}

func (f File) header(size int64, modified time.Time) *tar.Header {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Mode: f.Mode, Size: size, ModTime: modified}
	if f.Link != "" {
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.Link, 0o777
	}
	if f.Capabilities != 0 {
		h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": f.Capabilities.xattr()}
	}
	return h
}

func (f File) write(to *tar.Writer, modified time.Time, through func(io.Reader) io.Reader) error {
	content, size, err := f.content()
	if err != nil {
		return err
	}
	defer content.Close()
	if err := to.WriteHeader(f.header(size, modified)); err != nil {
		return fmt.Errorf("writing the header of %s: %w", f.Name, err)
	}
	if _, err := io.Copy(to, through(content)); err != nil {
		return fmt.Errorf("writing %s: %w", f.Name, err)
	}
	return nil
}
