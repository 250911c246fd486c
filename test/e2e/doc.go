// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the DNS of a cluster from its Pods, on real nodes. Its tests
// have the build tag e2e; make e2e runs them.
package e2e
