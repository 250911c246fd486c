#!/bin/sh
# Copyright The clusterdns Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests of the root module with the race detector, if there is a C
# compiler; else without, and says so.
set -eu

if command -v "$(go env CC)" >/dev/null 2>&1; then
	CGO_ENABLED=1 go test -race -timeout 30m ./...
else
	echo "RACE TESTS SKIPPED: there is no C compiler ($(go env CC)); the tests run without the race detector"
	go test -timeout 30m ./...
fi
