#!/usr/bin/env bash
# Carries out many schedules of faults, several at a time, and prints the seeds that found something.
#
#   tests/crash/run_long.sh [SCHEDULES [FIRST_SEED]]      500 from a random one
#
# TRUNKLINE_CRASH_JOBS (one a core) schedules run at once. Reports, and for each finding the archive
# and the daemons' logs, go to the folder build/crash. Exit code 1 where something was found.
set -euo pipefail
cd "$(dirname "$0")/../.."
schedules=${1:-500}
first=${2:-$((RANDOM * 32768 + RANDOM))}
jobs=${TRUNKLINE_CRASH_JOBS:-$(nproc)}
folder=$PWD/build/crash

cmake --preset release >/dev/null
cmake --build --preset release --target trunkline_crash >/dev/null
mkdir -p "$folder"
report=$folder/report.$first
: >"$report"

# run_one SEED
run_one() {
  local output
  output=$(build/bin/trunkline_crash --seed "$1" --keep "$2" 2>&1) || true
  printf '%s\n' "$output" | tee -a "$3"
}
export -f run_one

echo "$schedules schedules from seed $first, $jobs at a time; report in $report"
seq "$first" $((first + schedules - 1)) |
  xargs --max-procs "$jobs" -I SEED bash -c 'run_one "$@"' run_one SEED "$folder" "$report"

clean=$(grep --count '^seed [0-9]*: nothing found' "$report" || true)
echo "seeds with findings:"
sed --quiet 's/^seed \([0-9]*\): FINDINGS.*/  \1/p' "$report"
echo "$schedules schedules, $clean of them without a finding"
((clean == schedules))
