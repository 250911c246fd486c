// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package process

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// tie does nothing: only Linux can tie a child's life to its parent's.
func tie(*syscall.SysProcAttr) {}

// Find is the record of the process that has this pid now.
func Find(pid int) (Record, error) {
	out, err := exec.Command("ps", "-o", "stat=,lstart=,comm=", "-p", strconv.Itoa(pid)).Output()
	fields := strings.Fields(string(out))
	if err != nil || len(fields) < 7 || strings.HasPrefix(fields[0], "Z") {
		return Record{}, ErrGone
	}
	return Record{
		PID:     pid,
		Started: strings.Join(fields[1:6], " "),
		Exe:     strings.Join(fields[6:], " "),
	}, nil
}
