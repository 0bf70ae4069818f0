#!/bin/bash
# Runs every fuzz target of the module for FUZZTIME (default 30s), one after the other.
set -euo pipefail
cd "$(dirname "$0")/../.."
. internal/setup/env.sh
time=${FUZZTIME:-30s}
n=0
while IFS=: read -r file target; do
  pkg=./$(dirname "$file")
  echo "fuzz: $pkg $target for $time"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x "$pkg"
  n=$((n + 1))
done < <(grep -rhoH --include='*_test.go' -E '^func Fuzz[A-Za-z0-9_]+' capture cmd hw internal match queue reader sync | sed -E 's/^(.*):func (Fuzz[A-Za-z0-9_]+)$/\1:\2/')
[ "$n" -gt 0 ] || { echo "fuzz: no target found" >&2; exit 1; }
echo "fuzz: $n targets, no finding"
