// Repetitions, medians, and a line for each comparison.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace trunkline::bench {

// Sizes come from the environment, so that a smoke run takes seconds: TRUNKLINE_BENCH_SCALE (1) is
// a factor on every number of rows, TRUNKLINE_BENCH_REPETITIONS (3) of every measurement.
double Scale();
int Repetitions();
int64_t Scaled(int64_t rows);

struct Sample {
  double median = 0;
  double least = 0;
  double most = 0;
};
Sample Summarise(std::vector<double> values);

// Measures both sides in turns, so that what else the machine does meets both alike; each call
// yields its seconds. Prints "NAME: ours 1.23 s (1.20-1.30), REFERENCE 1.50 s (...), ratio 0.82".
void CompareSeconds(const std::string& name, const std::string& reference,
                    const std::function<double(int repetition)>& ours,
                    const std::function<double(int repetition)>& theirs);

void PrintHeading(const std::string& text);

}  // namespace trunkline::bench
