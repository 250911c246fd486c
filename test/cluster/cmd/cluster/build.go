// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/clusterdns/clusterdns/test/cluster"
	"github.com/clusterdns/clusterdns/test/cluster/internal/build"
)

const buildHelp = `Builds kube, the file that is etcd, kube-apiserver, kube-controller-manager,
kube-scheduler, kubelet and kube-proxy by the name it is called with, and those
names. Builds kubectl if the machine has none, and with --nodes what nodes need:
containerd, and an image for it. What is up to date is not built again.`

func runBuild(ctx context.Context, std stdio, args []string) error {
	set := flags(std, "build", buildHelp)
	out := set.String("out", "", "`folder` for the programs (default bin in the clusterdns source)")
	kubectl := set.Bool("kubectl", false, "build kubectl even if the machine has one")
	nodes := set.Bool("nodes", false, "build containerd, too")
	if err := parse(std, set, args); err != nil {
		return err
	}
	if assets := os.Getenv(cluster.AssetsEnv); assets != "" {
		fmt.Fprintf(std.err, "nothing to build: %s is set, the programs in %s are used\n", cluster.AssetsEnv, assets)
		return nil
	}
	module, err := build.FindModule(".")
	if err != nil {
		return err
	}
	if *out == "" {
		*out = moduleBin(module)
	}
	folder, err := filepath.Abs(*out)
	if err != nil {
		return err
	}
	return build.Run(ctx, build.Options{
		Module:   module,
		Out:      folder,
		Kubectl:  *kubectl,
		Nodes:    *nodes,
		Log:      std.err,
		Terminal: terminal(std.err),
	})
}

func moduleBin(module string) string { return filepath.Join(module, "..", "..", "bin") }

// terminal reports whether a line written to out can be rewritten.
func terminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// defaultBin is where the programs are unless the user says so: beside this
// one, or where `cluster build` puts them.
func defaultBin() string {
	if self, err := os.Executable(); err == nil {
		folder := filepath.Dir(self)
		if _, err := os.Stat(filepath.Join(folder, "kube-apiserver")); err == nil {
			return folder
		}
	}
	module, err := build.FindModule(".")
	if err != nil {
		return ""
	}
	return moduleBin(module)
}
