// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// tie makes the kernel kill the program when the thread that started it ends.
func tie(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }

// Find is the record of the process that has this pid now.
func Find(pid int) (Record, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Record{}, ErrGone
	}
	// proc(5): the second field is the name in parentheses and may hold
	// anything, so count from the last parenthesis; field 3 follows it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return Record{}, ErrGone
	}
	// A zombie is gone unless others of its threads are still ending: those
	// hold its files and sockets.
	if state, threads := fields[0], fields[17]; state == "X" || state == "Z" && (threads == "0" || threads == "1") {
		return Record{}, ErrGone
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if errors.Is(err, fs.ErrPermission) {
		return Record{}, ErrGone // another user's, hence not ours
	}
	return Record{
		PID:     pid,
		Started: fields[19] + "@" + bootID(), // ticks since that boot
		Exe:     strings.TrimSuffix(exe, " (deleted)"),
	}, nil
}

func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}
