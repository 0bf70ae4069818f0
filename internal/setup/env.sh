# Sourced by the Makefile's recipes and by anyone who calls `go` by hand:
#   . internal/setup/env.sh
# It names the C++ compiler wrapper and makes the library stub that go-face's
# link line asks for (-lcblas; Debian's libblas holds those symbols).
root=$(cd "$(dirname "${BASH_SOURCE:-$0}")/../.." && pwd)
mkdir -p "$root/build/lib"
[ -f "$root/build/lib/libcblas.so" ] || echo 'INPUT(-lblas)' >"$root/build/lib/libcblas.so"
export CXX="$root/internal/setup/cxx"
export CGO_LDFLAGS="-L$root/build/lib -Wl,--as-needed"
export GOFLAGS="-buildvcs=false -trimpath" # one set of flags for builds and tests, so that the slow bindings compile once
