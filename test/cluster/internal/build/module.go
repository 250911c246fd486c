// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const modulePath = "github.com/clusterdns/clusterdns/test/cluster"

// FindModule looks for the folder of this module: dir, one above it, or
// test/cluster in one of those.
func FindModule(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := start; ; at = filepath.Dir(at) {
		for _, folder := range []string{at, filepath.Join(at, "test", "cluster")} {
			if isModule(folder) {
				return folder, nil
			}
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not inside the source of clusterdns: run this there", start)
		}
	}
}

func isModule(folder string) bool {
	text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(first) == "module "+modulePath
}
