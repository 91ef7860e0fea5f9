#!/bin/sh
# Runs one fuzz target: run_one.sh BIN_FOLDER NAME SECONDS WORK_FOLDER
# Inputs found go to WORK_FOLDER/corpus and serve the next run; an input that fails goes to
# WORK_FOLDER and fails this script.
set -eu
bin=$1 name=$2 seconds=$3 work=$4

mkdir -p "$work/corpus" "$work/seeds"
if [ -x "$bin/${name}_seeds" ]; then
  "$bin/${name}_seeds" "$work/seeds"
fi
exec "$bin/${name}_fuzzer" "$work/corpus" "$work/seeds" -artifact_prefix="$work/" \
  -max_total_time="$seconds" -rss_limit_mb=512 -malloc_limit_mb=256 -timeout=10 \
  -max_len=65536 -print_final_stats=1
