#!/bin/sh
# Copyright The clusterdns Authors
# SPDX-License-Identifier: Apache-2.0
#
# Builds a static program and shows how far it is: test/build.sh OUT PACKAGE.
set -eu

out=$1 package=$2
start=$(date +%s)

# Packages that are in the build cache are not printed, so the total is a bound.
total=$(CGO_ENABLED=0 go list -deps "$package" | wc -l)
echo "building $out (about 5 minutes the first time on 2 cores, seconds later)"
mkdir -p "$(dirname "$out")"

progress() {
	n=0
	last=$start
	while IFS= read -r line; do
		case $line in
		*[\ :]*) echo "$line" >&2 ;; # a message, not the name of a package
		*)
			n=$((n + 1))
			now=$(date +%s)
			if [ -t 1 ]; then
				printf '\r  %d of at most %d packages, %d s ' "$n" "$total" $((now - start))
			elif [ $((now - last)) -ge 15 ]; then
				last=$now
				echo "  $n of at most $total packages, $((now - start)) s"
			fi
			;;
		esac
	done
	[ ! -t 1 ] || [ "$n" -eq 0 ] || echo
}

# The status of go build, not of the reader of its messages.
status=$(mktemp)
trap 'rm -f "$status"' EXIT
{
	CGO_ENABLED=0 go build -v -trimpath -ldflags '-s -w' -o "$out" "$package" 2>&1 || echo failed >"$status"
} | progress
[ ! -s "$status" ] || exit 1
echo "built $out in $(($(date +%s) - start)) s"
