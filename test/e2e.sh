#!/usr/bin/env bash
# Copyright The clusterdns Authors
# SPDX-License-Identifier: Apache-2.0
#
# Tests the DNS of a cluster from its Pods: e2e.sh [all].
#
# The cluster is one of our own with two real nodes, which takes root on Linux,
# or that of $E2E_KUBECONFIG, whose nodes have the images of bin/images. With
# "all" there are more kinds of networks and Kubernetes' own tests, too.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${E2E_KUBECONFIG:-}" ] && { [ "$(uname)" != Linux ] || [ "$(id -u)" -ne 0 ]; }; then
	echo "E2E SKIPPED: real nodes need root on Linux; run it as root, or name a cluster with E2E_KUBECONFIG"
	exit 0
fi

# step runs a command and says how long it took.
step() { # name command...
	local name=$1 begin=$SECONDS
	shift
	"$@"
	echo "e2e: $name took $((SECONDS - begin)) s"
}

# tests runs tests, and shows how they go; of one that fails, all.
tests() { # flags of go test...
	local log=bin/e2e.log
	if ! go test -v -tags e2e -count=1 -timeout 60m "$@" ./test/e2e 2>&1 | tee "$log" |
		grep --line-buffered -E '^(e2e:|ok|FAIL|PASS|panic|[[:space:]]*--- (PASS|FAIL|SKIP))'; then
		echo "--- all of it, from $log:"
		tail -n 400 "$log"
		return 1
	fi
}

images() {
	CGO_ENABLED=0 go -C cmd/image build -trimpath -o ../../bin/image .
	bin/image --platform="linux/$(go env GOARCH)"
	make --no-print-directory e2e-images
}

mkdir -p bin
[ -n "${E2E_KUBECONFIG:-}" ] || step "building the nodes' programs" make --no-print-directory node-programs
step "building images" images
some='TestScripts/^(clusterip|headless|network|nodeport|host-network)$'
if [ "${1:-}" = all ]; then
	step "Kubernetes' own tests" make --no-print-directory conformance
	step "the clusters' own tests" make --no-print-directory test-nodes
	E2E_CLUSTERFLAGS="--proxy-mode=iptables" step "bridge and iptables" tests -run TestScripts
	E2E_CLUSTERFLAGS="--cni=ptp" step "ptp and nftables" tests -run TestScripts
	if [ -z "${E2E_KUBECONFIG:-}" ]; then
		step "building images of other DNS" make --no-print-directory e2e-images IMAGES='stock-coredns kubedns dnsmasq sidecar'
		E2E_FROM=all step "other DNS" tests
	fi
elif [ -z "${E2E_KUBECONFIG:-}" ]; then
	E2E_CLUSTERFLAGS="--cni=ptp --proxy-mode=iptables" step "ptp and iptables, some of it" tests -run "$some"
	step "building an image of stock CoreDNS" make --no-print-directory e2e-images IMAGES=stock-coredns
	E2E_FROM=kubeadm step "migrations" tests -run '^TestMigrate'
fi
tests
