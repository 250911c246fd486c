// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build race

package answer_test

func init() { raceEnabled = true }
