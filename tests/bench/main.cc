// trunkline_bench [capture|history|latency|maintenance|rebuild|store]: the comparisons that
// docs/benchmarks.md reports.
#include <cstdio>
#include <exception>
#include <string_view>

#include "tests/bench/bench.h"
#include "tests/bench/measure.h"

int main(int argc, char** argv) {
  const std::string_view only = argc > 1 ? argv[1] : "";
  std::printf("scale %g, median of %d\n", trunkline::bench::Scale(),
              trunkline::bench::Repetitions());
  try {
    if (only.empty() || only == "capture") trunkline::bench::CaptureBenchmarks();
    if (only.empty() || only == "history") trunkline::bench::HistoryBenchmark();
    if (only.empty() || only == "latency") trunkline::bench::LatencyBenchmark();
    if (only.empty() || only == "maintenance") trunkline::bench::MaintenanceBenchmark();
    if (only.empty() || only == "rebuild") trunkline::bench::RebuildBenchmarks();
    if (only.empty() || only == "store") trunkline::bench::StoreBenchmark();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "trunkline_bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
