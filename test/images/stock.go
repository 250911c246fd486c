// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/clusterdns/clusterdns/cmd/image/oci"
)

const coreDNSModule = "github.com/coredns/coredns"

// stockCoreDNS is CoreDNS as its authors release it, of the version of our go.mod:
// the one that make bench compares with.
func stockCoreDNS(ctx context.Context, w *workshop) (layer, error) {
	var version bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", coreDNSModule)
	cmd.Dir, cmd.Stdout = w.root, &version
	if err := w.command(ctx, cmd, withGo); err != nil {
		return layer{}, err
	}
	path := filepath.Join(w.root, "bin", "coredns-stock")
	if err := w.buildStock(ctx, path, strings.TrimSpace(version.String())); err != nil {
		return layer{}, err
	}
	return files(oci.File{Name: "coredns", Mode: 0o755, Path: path, Capabilities: oci.NetBindService})
}

// buildStock builds it, unless it is there.
func (w *workshop) buildStock(ctx context.Context, path, version string) error {
	if info, err := buildinfo.ReadFile(path); err == nil && info.Main.Path == coreDNSModule && info.Main.Version == version {
		return nil
	}
	fmt.Fprintf(w.log, "building stock CoreDNS %s: about 5 minutes the first time\n", version)
	dir, err := os.MkdirTemp(w.cache, "stock-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "-ldflags=-s -w", coreDNSModule+"@"+version)
	cmd.Dir = dir // outside of our module, else its versions could count
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+dir, "GOFLAGS=", "GOWORK=off")
	if err := w.command(ctx, cmd, withGo); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, "coredns"), path)
}
