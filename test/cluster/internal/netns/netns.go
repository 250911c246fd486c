// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package netns runs functions in another network namespace.
package netns

import (
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netns"
)

// Path is the file by which `ip netns` keeps a namespace.
func Path(name string) string { return filepath.Join("/run/netns", name) }

// Do runs do in the namespace that a file stands for, and returns what do
// returns. Only the calling goroutine moves there: processes that do starts go
// along, goroutines do not.
func Do(file string, do func() error) error {
	target, err := netns.GetFromPath(file)
	if err != nil {
		return fmt.Errorf("opening the network namespace %s: %w", file, err)
	}
	defer target.Close()
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("keeping the network namespace: %w", err)
	}
	defer home.Close()
	if err := netns.Set(target); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("entering the network namespace %s: %w", file, err)
	}
	result := do()
	if err := netns.Set(home); err != nil {
		// The thread stays locked, so that nobody else gets it.
		return fmt.Errorf("leaving the network namespace %s: %w", file, err)
	}
	runtime.UnlockOSThread()
	return result
}
