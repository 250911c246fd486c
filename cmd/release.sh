#!/bin/sh
# Copyright The clusterdns Authors
# SPDX-License-Identifier: Apache-2.0
#
# Makes what a release has, in dist. The same commit and Go give the same bytes.
set -eu
cd "$(dirname "$0")/.."

if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
	echo "files are changed that are not committed: commit them, or put them away" >&2
	exit 1
fi
PATH=$PATH:$PWD/bin # kubectl is there if the machine has none
commit_time=$(git log -1 --format=%ct)
rm -rf dist
mkdir dist

bin/image --out=dist
for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64; do
	os=${platform%/*} arch=${platform#*/} suffix=
	[ "$os" != windows ] || suffix=.exe
	echo "building clusterdns for $platform"
	CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -buildvcs=false -ldflags '-s -w' -o "dist/clusterdns-$os-$arch$suffix" ./cmd/clusterdns
done

kubectl kustomize manifests >dist/install.yaml
# helm package writes the time of now into the archive.
archive() { # name folder file...
	name=$1 folder=$2
	shift 2
	tar -C "$folder" --sort=name --mtime="@$commit_time" --owner=0 --group=0 --numeric-owner -cf - "$@" | gzip -9n >"dist/$name"
}
version=$(sed -n 's/^version: *//p' manifests/helm/clusterdns/Chart.yaml)
archive "clusterdns-$version.tgz" manifests/helm clusterdns
bin/helm lint --strict "dist/clusterdns-$version.tgz" >/dev/null
archive manifests.tar.gz . manifests
(cd dist && sha256sum -- * >SHA256SUMS)
ls -l dist
