// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build race

package clusterdns

func init() { raceEnabled = true }
