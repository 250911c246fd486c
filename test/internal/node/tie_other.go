// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package node

import "syscall"

// tied only keeps the signals of a terminal away: only Linux can tie a child's
// life to its parent's.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
