#!/bin/bash
# Builds versitygw (Apache-2.0), an S3 server over a folder, into .tools at a
# fixed version: the payload store's test runs against it. Does nothing when it
# is there.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
version=v1.8.0
tool=$root/.tools/versitygw-$version
if [ -x "$tool" ]; then
  echo "s3server: $tool is there"
  exit 0
fi
echo "s3server: building versitygw $version into .tools (two minutes)"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
GOFLAGS=-trimpath CGO_ENABLED=0 GOBIN=$tmp go install "github.com/versity/versitygw/cmd/versitygw@$version"
mkdir -p "$root/.tools"
mv "$tmp/versitygw" "$tool"
echo "s3server: built"
