// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A proc is a process of this machine, as proc(5) tells of it.
type proc struct {
	pid, parent int
	name        string
	begin       string // a pid can come again, a pid and this cannot
	zombie      bool
}

func (p proc) String() string { return fmt.Sprintf("%s (pid %d)", p.name, p.pid) }

func (p proc) alive() bool {
	now, err := findProc(p.pid)
	return err == nil && now.begin == p.begin && !now.zombie
}

func findProc(pid int) (proc, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return proc{}, err
	}
	// The second field is the name in parentheses and may hold anything.
	open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	fields := strings.Fields(string(text[end+1:]))
	parent, err := strconv.Atoi(fields[1])
	return proc{pid, parent, string(text[open+1 : end]), fields[19], fields[0] == "Z"}, err
}

// descendants returns the children of pid, theirs, and so on.
func descendants(t *testing.T, pid int) []proc {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(folders) == 0 {
		t.Skip("this machine has no /proc to look into")
	}
	var all []proc
	for _, folder := range folders {
		n, _ := strconv.Atoi(filepath.Base(folder))
		if p, err := findProc(n); err == nil { // else it has ended
			all = append(all, p)
		}
	}
	family := map[int]bool{pid: true}
	var found []proc
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if family[p.parent] && !family[p.pid] {
				family[p.pid], grown = true, true
				found = append(found, p)
			}
		}
	}
	return found
}

// child returns the descendant of that name.
func (p *process) child(t *testing.T, name string) proc {
	t.Helper()
	all := descendants(t, p.cmd.Process.Pid)
	i := slices.IndexFunc(all, func(c proc) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("no %s among %v", name, all)
	}
	return all[i]
}
