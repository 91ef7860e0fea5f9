#!/usr/bin/env bash
# Carries out many schedules of faults, several at a time, and prints the seeds that found something.
#
#   tests/crash/run_long.sh [SCHEDULES [FIRST_SEED]]      500 from a random one
#
# TRUNKLINE_CRASH_JOBS (two a core) schedules run at once; they mostly wait. Sources and archives are
# in TMPDIR, else in memory where there is enough. The report, and for each finding the archive and
# the daemons' logs, go to the folder build/crash. Exit code 1 where something was found.
set -euo pipefail
cd "$(dirname "$0")/../.."
schedules=${1:-500}
first=${2:-$((RANDOM * 32768 + RANDOM))}
jobs=${TRUNKLINE_CRASH_JOBS:-$((2 * $(nproc)))}
folder=$PWD/build/crash

if [[ -z ${TMPDIR:-} ]] && free=$(df --output=avail /dev/shm 2>/dev/null | tail -n 1) &&
  ((free > jobs * 1024 * 1024)); then
  export TMPDIR=/dev/shm
fi

cmake --preset release >/dev/null
cmake --build --preset release --target trunkline_crash >/dev/null
mkdir -p "$folder"
report=$folder/report.$first
echo "$schedules schedules from seed $first, $jobs at a time; report in $report"
build/bin/trunkline_crash --seed "$first" --schedules "$schedules" --jobs "$jobs" --keep "$folder" |
  tee "$report"
