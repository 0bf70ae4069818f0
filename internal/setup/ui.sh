#!/bin/bash
# Builds the officer's screen into internal/web/ui/dist, which the daemon embeds.
# Does nothing when the screen is newer than its sources.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
ui=$root/internal/web/ui
built=$ui/dist/index.html
cd "$ui"

fail() { echo "screen: $*" >&2; exit 1; }

changed=$(find src public index.html vite.config.js package.json package-lock.json .npmrc -newer "$built" -print -quit 2>/dev/null || true)
if [ -f "$built" ] && [ -z "$changed" ]; then
  echo "screen: up to date"
  exit 0
fi

command -v node >/dev/null || fail "node is missing: install Node 18 or newer (Debian: apt-get install nodejs npm)"
command -v npm >/dev/null || fail "npm is missing: install it (Debian: apt-get install npm)"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 18 || (a === 18 && b >= 13) ? 0 : 1)' ||
  fail "node $(node --version) is too old: Node 18.13 or newer is needed"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# node_modules/.package-lock.json is what npm installed last.
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "screen: fetching the build tools (npm ci)"
  npm ci --no-audit --no-fund >"$log" 2>&1 || { tail -20 "$log" >&2; fail "npm ci failed"; }
  touch node_modules/.package-lock.json
fi
echo "screen: building"
node node_modules/vite/bin/vite.js build >"$log" 2>&1 || { tail -30 "$log" >&2; fail "the build failed"; }
: >dist/.gitkeep # the build empties dist; git keeps the folder for go:embed
touch "$built"
echo "screen: built in internal/web/ui/dist"
