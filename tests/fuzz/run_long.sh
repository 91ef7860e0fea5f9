#!/bin/sh
# Builds all fuzz targets and runs each for a while: tests/fuzz/run_long.sh SECONDS [BUILD_FOLDER]
# The corpus stays in the build folder and grows from run to run.
set -eu
source_folder=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${1:?"usage: run_long.sh SECONDS [BUILD_FOLDER]"}
build=${2:-$source_folder/build-fuzz}

cd "$source_folder"
targets=$(find tests/fuzz -name '*_fuzzer.cc' -exec basename {} _fuzzer.cc \; | sort)
cmake --preset fuzz -B "$build"
for name in $targets; do
  cmake --build "$build" --target "${name}_fuzzer"
  if [ -e "tests/fuzz/${name}_seeds.cc" ]; then
    cmake --build "$build" --target "${name}_seeds"
  fi
done
for name in $targets; do
  "$source_folder/tests/fuzz/run_one.sh" "$build/bin" "$name" "$seconds" "$build/tests/fuzz/$name"
done
