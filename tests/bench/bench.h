// The benchmarks, each printing both sides of its comparisons.
#pragma once

namespace trunkline::bench {

void CaptureBenchmarks();
void LatencyBenchmark();
void RebuildBenchmarks();
void StoreBenchmarks();

}  // namespace trunkline::bench
