// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

// The plugin of this project, right before k8s_external.
import _ "github.com/clusterdns/clusterdns/plugin"
