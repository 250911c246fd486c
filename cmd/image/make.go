// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/clusterdns/clusterdns/cmd/image/internal/base"
	"github.com/clusterdns/clusterdns/cmd/image/oci"
)

func (j *job) run(ctx context.Context) error {
	if err := os.MkdirAll(j.folder, 0o755); err != nil {
		return err
	}
	built, err := j.build(ctx)
	if err != nil {
		return err
	}
	ground, err := oci.Layer(ctx, j.created, base.Files()...)
	if err != nil {
		return err
	}
	for _, p := range products {
		if err := j.write(ctx, p, ground, built); err != nil {
			return err
		}
	}
	return nil
}

// write makes the archive of one product.
func (j *job) write(ctx context.Context, p product, ground v1.Layer, built binaries) error {
	start := time.Now()
	file := filepath.Join(j.folder, p.name+".tar")
	fmt.Fprintf(j.errs, "writing %s\n", file)
	var images []oci.Image
	for _, platform := range j.platforms {
		layers := []v1.Layer{ground}
		for _, c := range p.programs {
			layer, err := oci.Layer(ctx, j.created, built[key{c.program, platform.String()}].files(c)...)
			if err != nil {
				return err
			}
			layers = append(layers, layer)
		}
		images = append(images, oci.Image{Platform: platform, Created: j.created, Config: j.config(p), Layers: layers})
	}
	index, err := oci.Index(j.labels(p), images...)
	if err != nil {
		return err
	}
	archive := oci.Archive{File: file, Repository: registry + "clusterdns/" + p.name, Tag: j.version, Created: j.created, Index: index}
	if err := archive.Write(ctx); err != nil {
		return err
	}
	return j.report(archive, time.Since(start))
}

// report names what was made, in the form by which a cluster can pin it.
func (j *job) report(a oci.Archive, took time.Duration) error {
	digest, err := a.Index.Digest()
	if err != nil {
		return err
	}
	info, err := os.Stat(a.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(j.errs, "wrote %s, %.1f MB, in %.0f s\n", a.File, float64(info.Size())/1e6, took.Seconds())
	_, err = fmt.Fprintf(j.out, "%s:%s@%s\n", a.Repository, a.Tag, digest)
	return err
}

func (j *job) config(p product) v1.Config {
	c := v1.Config{User: base.User, Entrypoint: []string{p.entrypoint}, WorkingDir: "/", Labels: j.labels(p)}
	for _, port := range p.ports {
		if c.ExposedPorts == nil {
			c.ExposedPorts = map[string]struct{}{}
		}
		c.ExposedPorts[port] = struct{}{}
	}
	return c
}

// labels are those of the OCI image specification.
func (j *job) labels(p product) map[string]string {
	const prefix = "org.opencontainers.image."
	return map[string]string{
		prefix + "title":       p.title,
		prefix + "description": p.description,
		prefix + "source":      repository,
		prefix + "revision":    j.revision,
		prefix + "version":     j.version,
		prefix + "licenses":    "Apache-2.0",
		prefix + "created":     j.created.Format(time.RFC3339),
	}
}
