#!/bin/bash
# Installs the Debian packages that building, the demo and the tests need.
# Says what it does; does nothing when all are there.
set -euo pipefail
packages=(
  g++ pkg-config ca-certificates
  libopencv-dev                                  # gocv: camera
  libopenjp2-7-dev                               # match/face/jpeg2000: portraits
  libdlib-dev libblas-dev libopenblas-dev liblapack-dev libjpeg62-turbo-dev # go-face
  libusb-1.0-0-dev                               # gousb
  libpcsclite-dev pcscd vsmartcard-vpcd          # scard, card service, virtual reader
  iproute2 util-linux                            # private namespaces of the emulated reader
  postgresql                                     # the shared vault, in tests and `make soak`
  python3-faiss                                  # `enrold bench gallery --faiss`: what the gallery is compared with
  swtpm softhsm2 opensc                          # keys: a TPM and a PKCS#11 token in software, and a tool to look at it
  strace btrfs-progs e2fsprogs                   # faults of the disk, power cuts of a disk in a file
  chromium fonts-dejavu-core                     # the screen's test
)
have_node() { command -v node >/dev/null && command -v npm >/dev/null && [ "$(node -p 'parseInt(process.versions.node)')" -ge 18 ]; }
have_node || packages+=(nodejs npm)

missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all ${#packages[@]} installed"
  exit 0
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "packages: missing: ${missing[*]}" >&2; echo "packages: not root and no sudo: run 'apt-get install ${missing[*]}' as root" >&2; exit 1; }
  sudo=(sudo)
fi
command -v apt-get >/dev/null || { echo "packages: apt-get not found: this set-up is for Debian 12; install by hand: ${missing[*]}" >&2; exit 1; }
echo "packages: installing ${missing[*]} (OpenCV takes some minutes and 1 GB)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "${sudo[@]}" apt-get update >"$log" 2>&1; then tail -20 "$log" >&2; echo "packages: apt-get update failed" >&2; exit 1; fi
if ! "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
  tail -20 "$log" >&2
  echo "packages: apt-get install failed" >&2
  exit 1
fi
echo "packages: installed"
