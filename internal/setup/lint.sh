#!/bin/bash
# Runs golangci-lint, which it installs into .tools at a fixed version.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
tool=$root/.tools/golangci-lint
if [ ! -x "$tool" ]; then
  echo "lint: installing golangci-lint v2.15.0 into .tools"
  GOBIN=$root/.tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
fi
cd "$root"
. internal/setup/env.sh
exec "$tool" run ./...
