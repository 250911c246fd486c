// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import "os/exec"

// noOrphan does nothing: only Linux can.
func noOrphan(*exec.Cmd) {}
