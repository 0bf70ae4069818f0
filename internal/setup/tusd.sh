#!/bin/bash
# Builds tusd, the reference server of resumable uploads (tus), into .tools: a
# test speaks to it. Says what it does; does nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=v2.8.0
tool=.tools/tusd-$version
if [ -x "$tool" ]; then
  echo "tusd: $version is there"
  exit 0
fi
echo "tusd: building $version into .tools (some minutes the first time)"
mkdir -p .tools
GOBIN="$PWD/.tools" CGO_ENABLED=0 go install "github.com/tus/tusd/v2/cmd/tusd@$version"
mv .tools/tusd "$tool"
ln -sfn "tusd-$version" .tools/tusd
echo "tusd: $tool"
