// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build suite

package main

// The tests that are built from this module. The tag keeps them out of
// go vet ./... and go test ./...: they take minutes.
import _ "k8s.io/kubernetes/test/e2e"
