// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// suite is the Debian that the system is of.
const suite = "bookworm"

// debian makes a layer that is the smallest Debian with these packages: a true
// system, with the resolver of glibc and its settings as people have them.
func debian(packages ...string) part {
	return func(_ context.Context, w *workshop) (layer, error) {
		args := []string{
			"--variant=minbase", "--quiet", "--include=" + strings.Join(packages, ","),
			"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
			suite,
		}
		key := fmt.Sprintf("debian %x", sha256.Sum256([]byte(strings.Join(args, " "))))
		file := filepath.Join(w.cache, strings.ReplaceAll(key, " ", "-")[:20]+".tar")
		return layer{key: key, make: func(ctx context.Context) (v1.Layer, error) {
			if err := w.bootstrap(ctx, file, args); err != nil {
				return nil, err
			}
			return tarball.LayerFromFile(file, tarball.WithMediaType(types.OCILayer),
				tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithCompressedCaching)
		}}, nil
	}
}

// bootstrap installs a Debian into a tar, unless it is there.
func (w *workshop) bootstrap(ctx context.Context, file string, args []string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	fmt.Fprintf(w.log, "installing Debian %s into %s: half a minute, and 50 MB to load\n", suite, file)
	fresh := strings.TrimSuffix(file, ".tar") + ".new.tar" // the ending says what to make
	defer os.Remove(fresh)                                 // fails once it is renamed
	cmd := exec.CommandContext(ctx, "mmdebstrap", append(args, fresh)...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", born.Unix()))
	if err := w.command(ctx, cmd, remedy); err != nil {
		return err
	}
	return os.Rename(fresh, file)
}
