#!/usr/bin/env bash
# The tests that need a server, on one major version of Postgres after another: the integration suite,
# SQL, pipelines, and crash schedules for a while.
#
#   tests/majors/run.sh [MAJOR…]     14 15 16 17 18 unless said
#
# Takes what `cmake --build --preset release` has built. What each version's tests print is in
# build/majors/MAJOR.log. Ends with a table, and fails where a test does.
set -euo pipefail
cd "$(dirname "$0")/../.."

majors=("$@")
((${#majors[@]} > 0)) || majors=(14 15 16 17 18)
crash_seconds=20
[[ -x build/bin/trunkline_crash ]] || {
  echo "build it first: cmake --preset release && cmake --build --preset release" >&2
  exit 1
}
tests/majors/fetch.sh "${majors[@]}"

# Of single tests, of which a program runs many.
count() { grep -cE "$1" "build/majors/$major.log" || true; }

failed=0
table=$(printf '%-9s %6s %7s %8s %8s' Postgres passed failed skipped seconds)
for major in "${majors[@]}"; do
  log=build/majors/$major.log
  TRUNKLINE_PG_BINDIR=$(realpath "build/majors/$major/bin")
  export TRUNKLINE_PG_BINDIR
  echo "=== $("$TRUNKLINE_PG_BINDIR/postgres" --version)"
  SECONDS=0
  ctest --test-dir build --verbose --no-tests=error --parallel "$(nproc)" \
    --tests-regex '^(integration|sql)\.|^pipelines$' 2>&1 |
    tee "$log" | grep --line-buffered -E '^ *[0-9]+/[0-9]+ Test |^[0-9]+% tests passed' || failed=1
  build/bin/trunkline_crash --seconds "$crash_seconds" 2>&1 |
    tee -a "$log" | sed '/nothing found/d' || failed=1
  sed -nE 's/^[0-9]+: (\[  SKIPPED \] [^ ]+) \(.*/\1/p' "$log"
  table+=$(printf '\n%-9s %6d %7d %8d %8d' "$major" "$(count '^[0-9]+: (\[       OK \]|ok   )')" \
    "$(count '^[0-9]+: (\[  FAILED  \] .*\(|FAIL )')" "$(count '^[0-9]+: \[  SKIPPED \] .*\(')" "$SECONDS")
done
printf '\n%s\n' "$table"
exit "$failed"
