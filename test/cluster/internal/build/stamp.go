// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// stamp stands for everything that a program is made from. It lies beside the
// program, so that an unchanged one is not even looked at by go build.
type stamp string

func (o Options) stamp(ctx context.Context, t target, flags []string) (stamp, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, t.name, t.pkg, strings.Join(flags, " "))
	machine, err := o.output(ctx, "env", "GOVERSION", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOFLAGS", "GOEXPERIMENT")
	if err != nil {
		return "", err
	}
	fmt.Fprintln(hash, machine)
	files := []string{filepath.Join(o.Module, "go.mod"), filepath.Join(o.Module, "go.sum")}
	for _, source := range t.sources {
		found, err := filepath.Glob(filepath.Join(o.Module, source))
		if err != nil {
			return "", err
		}
		files = append(files, found...) // Glob sorts
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n", filepath.Base(file), len(text))
		hash.Write(text)
	}
	return stamp(hex.EncodeToString(hash.Sum(nil))), nil
}

func stampFile(program string) string {
	return filepath.Join(filepath.Dir(program), "."+filepath.Base(program)+".stamp")
}

// matches reports whether the program is there and made from the same.
func (s stamp) matches(program string) bool {
	if _, err := os.Stat(program); err != nil {
		return false
	}
	text, err := os.ReadFile(stampFile(program))
	return err == nil && strings.TrimSpace(string(text)) == string(s)
}

func (s stamp) write(program string) error {
	return os.WriteFile(stampFile(program), []byte(s+"\n"), 0o644)
}
