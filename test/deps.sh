#!/bin/sh
# Copyright The clusterdns Authors
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages that the tests need, or says what to install.
# With the argument "nodes", those that real nodes need; with "images", those
# that the images of pods are made of.
set -eu

missing=
what="the tests need"
need() { # program package
	command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
case ${1:-} in
nodes)
	what="real nodes need"
	need ip iproute2
	need runc runc
	need nft nftables
	need iptables iptables
	need conntrack conntrack
	need mount mount
	need dig bind9-dnsutils
	[ -x /usr/lib/cni/bridge ] || missing="$missing containernetworking-plugins"
	;;
images)
	what="the images of pods need"
	need busybox busybox-static
	need musl-gcc musl-tools
	need mmdebstrap mmdebstrap
	;;
*)
	need dig bind9-dnsutils
	need nslookup bind9-dnsutils
	# The race detector needs a C compiler and the headers of the C library.
	if ! command -v gcc >/dev/null 2>&1 || [ ! -e /usr/include/stdlib.h ]; then
		missing="$missing gcc libc6-dev"
	fi
	;;
esac
missing=$(echo "$missing" | tr ' ' '\n' | sort -u | tr '\n' ' ')
[ -n "$(echo $missing)" ] || exit 0

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" -eq 0 ]; then
	echo "installing$missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q >/dev/null
	# shellcheck disable=SC2086 # a list
	apt-get install -y -q --no-install-recommends $missing >/dev/null
	exit 0
fi
echo "$what these Debian packages, or what they are called here:$missing" >&2
echo "install them, or run make as root on Debian" >&2
case "${1:-} $missing" in
nodes* | images*) exit 1 ;;
*dnsutils*) exit 1 ;; # without a compiler only the race detector is missing, and make test says so
esac
