// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/clusterdns/clusterdns/cmd/image/internal/sbom"
	"github.com/clusterdns/clusterdns/cmd/image/internal/source"
	"github.com/clusterdns/clusterdns/cmd/image/oci"
)

// A binary is a program that is built for one platform.
type binary struct {
	path string
	sbom []byte
}

type key struct{ program, platform string }

type binaries map[key]binary

// files are what an image has of a program.
func (b binary) files(c content) []oci.File {
	return []oci.File{
		{Name: c.program, Mode: 0o755, Path: b.path, Capabilities: c.capabilities},
		{Name: "usr/share/sbom/" + c.program + ".spdx.json", Mode: 0o644, Data: b.sbom},
	}
}

// build builds all programs for all platforms, and writes their SBOMs.
func (j *job) build(ctx context.Context) (binaries, error) {
	built := binaries{}
	for _, platform := range j.platforms {
		for _, program := range programs {
			b, err := j.buildOne(ctx, program, platform)
			if err != nil {
				return nil, err
			}
			built[key{program, platform.String()}] = b
		}
	}
	return built, nil
}

func (j *job) buildOne(ctx context.Context, program string, platform v1.Platform) (binary, error) {
	dashed := strings.ReplaceAll(platform.String(), "/", "-")
	b := binary{path: j.tree.Path(".cache", "image", dashed, program)}
	p := startProgress(j.errs, program+" for "+platform.String())
	err := source.Build{
		Tree: j.tree, Package: "./cmd/" + program, OS: platform.OS, Arch: platform.Architecture,
		Version: j.version, Out: b.path, Log: p,
	}.Run(ctx)
	p.stop(err)
	if err != nil {
		return binary{}, err
	}
	if b.sbom, err = j.describe(b.path, program, platform.String()); err != nil {
		return binary{}, err
	}
	// The modules of a program are not the same on all platforms.
	return b, replace(filepath.Join(j.folder, program+"-"+dashed+".spdx.json"), b.sbom)
}

// describe returns the SBOM of a program.
func (j *job) describe(path, program, platform string) ([]byte, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the modules of %s: %w", path, err)
	}
	sum, err := sha256File(path)
	if err != nil {
		return nil, err
	}
	return sbom.Program{
		Name: program, Version: j.version, Platform: platform, SHA256: sum,
		Source: repository, Created: j.created, Build: info,
	}.JSON()
}

func sha256File(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// replace writes a file as a whole or not at all.
func replace(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // fails once it is renamed
	defer file.Close()
	if _, err := file.Write(text); err != nil {
		return err
	}
	if err := file.Chmod(0o644); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
