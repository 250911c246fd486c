// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package source is the repository that the images are made of.
package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Module is the path of the module of the repository.
const Module = "github.com/clusterdns/clusterdns"

// A Tree is the folder of the repository.
type Tree string

// Find returns the tree that the folder is in.
func Find(folder string) (Tree, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	for dir := folder; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && slices.Contains(strings.Split(string(text), "\n"), "module "+Module) {
			return Tree(dir), nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not in the repository of %s: change to a folder of it", folder, Module)
		}
	}
}

// Path returns that of a file in the tree.
func (t Tree) Path(elements ...string) string {
	return filepath.Join(append([]string{string(t)}, elements...)...)
}

// Revision returns the commit that is checked out, with -dirty behind it if
// files of it are changed.
func (t Tree) Revision(ctx context.Context) (string, error) {
	commit, err := t.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return "", err
	}
	changes, err := t.git(ctx, "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return "", err
	}
	if changes != "" {
		commit += "-dirty"
	}
	return commit, nil
}

// Committed returns when the commit was made.
func (t Tree) Committed(ctx context.Context, revision string) (time.Time, error) {
	commit := strings.TrimSuffix(revision, "-dirty")
	text, err := t.git(ctx, "show", "--no-patch", "--format=%cI", "--end-of-options", commit)
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, text)
}

func (t Tree) git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", string(t)}, args...)...).Output()
	var failed *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.As(err, &failed):
		return "", fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(failed.Stderr)))
	case err != nil:
		return "", err
	}
	return strings.TrimSpace(string(out)), nil
}
