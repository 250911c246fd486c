// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import "syscall"

// tied does nothing: only Linux can tie a child's life to its parent's.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
