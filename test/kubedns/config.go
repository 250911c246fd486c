// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package kubedns has what the containers of a kube-dns do beside answering:
// kube-dns itself is not published as a Go module, and tests of migrations need
// one. See test/e2e/testdata/from/README.md for what differs.
package kubedns

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// A Config is what the ConfigMap kube-dns says. What is not said is nil.
type Config struct {
	// StubDomains are the servers of domains: addresses with or without a port, or
	// names of hosts.
	StubDomains map[string][]string
	// Upstreams are addresses with or without a port, three at most.
	Upstreams []string
}

// Read reads the folder that the ConfigMap is mounted at. A key that is wrong is an
// error for all of it: kube-dns then goes on with what it had.
func Read(folder string) (Config, error) {
	var c Config
	if err := read(filepath.Join(folder, "stubDomains"), &c.StubDomains); err != nil {
		return Config{}, err
	}
	if err := read(filepath.Join(folder, "upstreamNameservers"), &c.Upstreams); err != nil {
		return Config{}, err
	}
	if len(c.Upstreams) > 3 {
		return Config{}, fmt.Errorf("upstreamNameservers: %d servers, and kube-dns takes three", len(c.Upstreams))
	}
	for _, u := range c.Upstreams {
		if !address(u) {
			return Config{}, fmt.Errorf("upstreamNameservers: %q is no address", u)
		}
	}
	return c, nil
}

// read reads a key, which need not be there.
func read(file string, into any) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && strings.TrimSpace(string(text)) == "" {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return nil
}

// address reports whether s is one, with or without a port.
func address(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	_, err := netip.ParseAddrPort(s)
	return err == nil
}
