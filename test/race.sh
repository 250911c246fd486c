#!/bin/sh
# Copyright The clusterdns Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests of the root module with the race detector, if there is a C
# compiler; else without, and says so.
#
# test/differential runs without it, by "make unit": each start of the stock
# kubernetes plugin replaces the logger of klog while others log, which the
# detector rightly reports.
#
# test/operator and test/helm run by themselves: their roll-outs have deadlines,
# and each starts several servers.
set -eu

packages=$(go list ./... | grep -v -e /test/differential -e /test/operator -e /test/helm)
if command -v "$(go env CC)" >/dev/null 2>&1; then
	# shellcheck disable=SC2086 # a list
	CGO_ENABLED=1 go test -race -timeout 30m $packages
	CGO_ENABLED=1 go test -race -timeout 30m -p 1 ./test/operator ./test/helm
else
	echo "RACE TESTS SKIPPED: there is no C compiler ($(go env CC)); the tests run without the race detector"
	# shellcheck disable=SC2086 # a list
	CGO_ENABLED=0 go test -timeout 30m $packages
	CGO_ENABLED=0 go test -timeout 30m -p 1 ./test/operator ./test/helm
fi
