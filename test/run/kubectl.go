// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// kubectl runs kubectl for one cluster.
type kubectl struct {
	path  string
	flags []string // that choose the cluster
	env   []string
	cache string // folder; empty is its own
}

// run returns the standard output of a command.
func (k kubectl) run(ctx context.Context, args ...string) ([]byte, error) {
	if k.path == "" {
		return nil, errors.New("there is no kubectl: `make programs` builds bin/kubectl")
	}
	all := append(append([]string{}, k.flags...), args...)
	if k.cache != "" {
		all = append(all, "--cache-dir="+k.cache)
	}
	cmd := exec.CommandContext(ctx, k.path, all...)
	cmd.Env = k.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// get reads a path of the API into the value that v points to.
func (k kubectl) get(ctx context.Context, v any, path string) error {
	out, err := k.run(ctx, "get", "--raw", path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, v); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// line returns a command for a user to paste.
func (k kubectl) line(args ...string) string {
	path := k.path
	if inPath, err := exec.LookPath("kubectl"); err == nil && inPath == path {
		path = "kubectl"
	}
	words := []string{shellQuote(path)}
	for _, word := range append(append([]string{}, k.flags...), args...) {
		words = append(words, shellQuote(word))
	}
	return strings.Join(words, " ")
}

// shellQuote makes one word of text for a POSIX shell.
func shellQuote(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_/.:=@%+,-", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
