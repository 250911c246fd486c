// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A Cgroup limits the memory of the programs in it, as a container does.
type Cgroup struct {
	dir          string
	procs        string
	peakFile     string
	eventsFile   string
	eventsPrefix string
}

// NewCgroup makes a group with a memory limit. It needs the right to, which
// root has; the error says what is missing.
func NewCgroup(name string, limit int64) (*Cgroup, error) {
	var failures []error
	for _, try := range []struct {
		parent, limit, peak, events, prefix string
		swap                                string
	}{
		{"/sys/fs/cgroup", "memory.max", "memory.peak", "memory.events", "oom_kill ", "memory.swap.max"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control", "oom_kill ", ""},
	} {
		c := &Cgroup{dir: filepath.Join(try.parent, name), peakFile: try.peak, eventsFile: try.events, eventsPrefix: try.prefix}
		c.procs = filepath.Join(c.dir, "cgroup.procs")
		if _, err := os.Stat(filepath.Join(try.parent, "cgroup.procs")); err != nil {
			failures = append(failures, err)
			continue
		}
		if err := os.Mkdir(c.dir, 0o755); err != nil && !os.IsExist(err) {
			failures = append(failures, err)
			continue
		}
		err := os.WriteFile(filepath.Join(c.dir, try.limit), []byte(strconv.FormatInt(limit, 10)), 0)
		if err != nil {
			failures = append(failures, err)
			_ = os.Remove(c.dir)
			continue
		}
		if try.swap != "" {
			_ = os.WriteFile(filepath.Join(c.dir, try.swap), []byte("0"), 0) // there may be no swap
		}
		return c, nil
	}
	return nil, fmt.Errorf("making a cgroup with a memory limit: %w", errors.Join(failures...))
}

// Command makes cmd begin in the group: a shell enters it and becomes the program.
func (c *Cgroup) Command(cmd *exec.Cmd) {
	cmd.Args = append([]string{"sh", "-c", `echo $$ > "$0" && exec "$@"`, c.procs, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
}

// Peak returns the most that the group has used.
func (c *Cgroup) Peak() float64 {
	text, err := os.ReadFile(filepath.Join(c.dir, c.peakFile))
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	return n
}

// Kills returns how often the kernel killed in the group.
func (c *Cgroup) Kills() int {
	text, err := os.ReadFile(filepath.Join(c.dir, c.eventsFile))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if after, ok := strings.CutPrefix(line, c.eventsPrefix); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(after))
			return n
		}
	}
	return 0
}

// Remove deletes the group once its last process is gone.
func (c *Cgroup) Remove() {
	for range 50 {
		if os.Remove(c.dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
