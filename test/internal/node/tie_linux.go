// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import "syscall"

// tied has the kernel end a program when we die.
func tied() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
