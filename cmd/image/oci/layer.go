// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Layer returns a layer with the files and their folders. It depends on nothing
// but the arguments: neither the order of the files, nor who owns them on this
// machine, nor when it is made. It may be read until the context ends.
func Layer(ctx context.Context, created time.Time, files ...File) (v1.Layer, error) {
	open := func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(writeTar(ctx, w, created, files)) }()
		return r, nil
	}
	layer, err := tarball.LayerFromOpener(open,
		tarball.WithMediaType(types.OCILayer),
		tarball.WithCompressionLevel(gzip.DefaultCompression),
		tarball.WithCompressedCaching, // else it is compressed for the digest and again for the file
	)
	if err != nil {
		return nil, fmt.Errorf("making a layer: %w", err)
	}
	return layer, nil
}
