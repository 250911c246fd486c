// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package node

import "errors"

func unmount(string) error { return errors.ErrUnsupported }
