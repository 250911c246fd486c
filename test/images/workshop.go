// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/clusterdns/clusterdns/cmd/image/oci"
)

// format changes when the same parts make another archive.
const format = "1"

// born is how old all images are: an archive depends on what is in it only.
var born = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A workshop is where images are made.
type workshop struct {
	root        string // folder of the repository
	cache       string // folder of what is made on the way
	out         string // folder of the archives
	report, log io.Writer
}

// A part makes one layer of an image.
type part func(context.Context, *workshop) (layer, error)

// A layer is what a part makes.
type layer struct {
	key  string // the same key, the same layer
	make func(context.Context) (v1.Layer, error)
}

func (i image) reference() (repository, tag string) {
	if i.full == "" {
		return registry + "/" + i.name, "1"
	}
	at := strings.LastIndexByte(i.full, ':')
	return i.full[:at], i.full[at+1:]
}

// make writes the archive of the image unless the one that is there is made of
// the same.
func (w *workshop) make(ctx context.Context, i image) error {
	file := filepath.Join(w.out, i.name+".tar")
	layers, err := w.layers(ctx, i)
	if err != nil {
		return err
	}
	stamp, err := i.stamp(layers)
	if err != nil {
		return err
	}
	repository, tag := i.reference()
	if w.stamped(file, stamp) {
		fmt.Fprintf(w.log, "%s is up to date\n", file)
	} else if err := w.write(ctx, i, layers, file, stamp); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.report, "%s %s:%s\n", file, repository, tag)
	return err
}

func (w *workshop) layers(ctx context.Context, i image) ([]layer, error) {
	var layers []layer
	for _, p := range i.parts {
		l, err := p(ctx, w)
		if err != nil {
			return nil, err
		}
		layers = append(layers, l)
	}
	return layers, nil
}

func (w *workshop) write(ctx context.Context, i image, layers []layer, file, stamp string) error {
	start := time.Now()
	img := oci.Image{
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
		Created:  born, Config: i.config,
	}
	for _, l := range layers {
		made, err := l.make(ctx)
		if err != nil {
			return err
		}
		img.Layers = append(img.Layers, made)
	}
	fmt.Fprintf(w.log, "writing %s\n", file)
	index, err := oci.Index(nil, img)
	if err != nil {
		return err
	}
	repository, tag := i.reference()
	if err := (oci.Archive{File: file, Repository: repository, Tag: tag, Created: born, Index: index}).Write(ctx); err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.log, "wrote %s, %.1f MB, in %.0f s\n", file, float64(info.Size())/1e6, time.Since(start).Seconds())
	return os.WriteFile(stampFile(file), []byte(stamp), 0o644)
}

// stamp stands for all that an archive is made of.
func (i image) stamp(layers []layer) (string, error) {
	config, err := json.Marshal(i.config)
	if err != nil {
		return "", err
	}
	repository, tag := i.reference()
	hash := sha256.New()
	fmt.Fprintf(hash, "%s %s %s:%s %s\n", format, runtime.GOARCH, repository, tag, config)
	for _, l := range layers {
		fmt.Fprintln(hash, l.key)
	}
	return fmt.Sprintf("%x\n", hash.Sum(nil)), nil
}

func stampFile(file string) string {
	return filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".stamp")
}

func (w *workshop) stamped(file, stamp string) bool {
	if _, err := os.Stat(file); err != nil {
		return false
	}
	text, err := os.ReadFile(stampFile(file))
	return err == nil && string(text) == stamp
}
