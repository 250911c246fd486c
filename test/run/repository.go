// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// findRepository returns the root of the repository that we are in.
func findRepository() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module github.com/clusterdns/clusterdns\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not in the clusterdns repository: run `make run` there", start)
		}
	}
}

// needPrograms returns an error that says how to build what is missing.
func needPrograms(repo string, existing bool) error {
	type program struct{ name, target string }
	needed := []program{{"coredns", "build"}}
	if !existing {
		needed = append(needed, program{"clusterdns", "build"}, program{"cluster", "programs"})
		if os.Getenv("KUBEBUILDER_ASSETS") == "" { // which replaces the others
			needed = append(needed, program{"etcd", "programs"}, program{"kube-apiserver", "programs"}, program{"kube-controller-manager", "programs"}, program{"kube-scheduler", "programs"})
		}
	}
	var missing []error
	for _, p := range needed {
		if !exists(filepath.Join(repo, "bin", p.name)) {
			missing = append(missing, fmt.Errorf("bin/%s is missing: `make %s` builds it, and so does `make run`", p.name, p.target))
		}
	}
	return errors.Join(missing...)
}
