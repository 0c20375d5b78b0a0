# What ./deploy/demo, ./tests/run and .ci/run agree on: where the checkout is, how a build is
# configured, and how many compilers may run at once. Sourced, with set -euo pipefail in force.
# shellcheck shell=bash

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# The demo's and the tests' build folders compile the same sources with the same flags: told to
# ignore which folder it is in, ccache compiles each once.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1

# One compiler per core, but no more than memory allows: a source that includes gRPC takes 1 GiB.
build_jobs() {
  local cores by_memory
  cores="$(nproc)"
  by_memory="$(awk '/^MemAvailable/ { print int($2 / 1024 / 1024) }' /proc/meminfo)"
  ((by_memory >= 1)) || by_memory=1
  echo "$((cores < by_memory ? cores : by_memory))"
}

# configure PRESET FOLDER CMAKE-OPTION...: prepares build/FOLDER; speaks only if it fails.
configure() {
  local preset="$1" folder="$root/build/$2"
  shift 2
  mkdir -p "$folder"
  (cd "$root" && cmake --preset "$preset" -B "$folder" "$@") >"$folder/configure.log" 2>&1 && return
  cat "$folder/configure.log" >&2
  echo "configuring build/${folder##*/} failed; see above" >&2
  return 1
}

# build FOLDER TARGET...: builds the targets named, or everything.
build() {
  local folder="$root/build/$1"
  shift
  cmake --build "$folder" -j "$(build_jobs)" --target "${@:-all}"
}
