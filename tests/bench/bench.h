// The benchmarks, each printing both sides of its comparisons.
#pragma once

namespace trunkline::bench {

void CaptureBenchmarks();
void HistoryBenchmark();
void LatencyBenchmark();
void MaintenanceBenchmark();
void RebuildBenchmarks();
void StoreBenchmark();

}  // namespace trunkline::bench
