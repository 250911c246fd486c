#!/bin/sh
# Copyright The clusterdns Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs a cluster in the foreground: cluster.sh NODES [FLAGS of `cluster run`].
# Without root, or on another system than Linux, there are no nodes.
set -eu
cd "$(dirname "$0")/.."

nodes=$1
shift
if [ "$nodes" -gt 0 ] && [ "$(uname)" != Linux ]; then
	echo "NODES SKIPPED: they need Linux, and this is $(uname). Pods are objects only." >&2
	nodes=0
elif [ "$nodes" -gt 0 ] && [ "$(id -u)" -ne 0 ]; then
	echo "NODES SKIPPED: containers need root; \`sudo make cluster\` has some. Pods are objects only." >&2
	nodes=0
fi
if [ "$nodes" -gt 0 ]; then
	test/deps.sh nodes
	bin/cluster build --nodes
	set -- --nodes="$nodes" "$@"
fi
exec bin/cluster run --dir .cache/cluster "$@"
