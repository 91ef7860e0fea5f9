#include "tests/bench/measure.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace trunkline::bench {
namespace {

double FromEnvironment(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  const double value = text == nullptr ? 0 : std::atof(text);
  return value > 0 ? value : otherwise;
}

}  // namespace

double Scale() { return FromEnvironment("TRUNKLINE_BENCH_SCALE", 1); }
int Repetitions() { return static_cast<int>(FromEnvironment("TRUNKLINE_BENCH_REPETITIONS", 3)); }
int64_t Scaled(int64_t rows) {
  return std::max<int64_t>(100, static_cast<int64_t>(static_cast<double>(rows) * Scale()));
}

Sample Summarise(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {.median = values[values.size() / 2], .least = values.front(), .most = values.back()};
}

void CompareSeconds(const std::string& name, const std::string& reference,
                    const std::function<double(int)>& ours,
                    const std::function<double(int)>& theirs) {
  std::vector<double> our_seconds;
  std::vector<double> their_seconds;
  for (int i = 0; i < Repetitions(); ++i) {
    their_seconds.push_back(theirs(i));
    our_seconds.push_back(ours(i));
  }
  const Sample we = Summarise(our_seconds);
  const Sample they = Summarise(their_seconds);
  std::printf("%s: trunkline %.2f s (%.2f-%.2f), %s %.2f s (%.2f-%.2f), ratio %.2f\n", name.c_str(),
              we.median, we.least, we.most, reference.c_str(), they.median, they.least, they.most,
              we.median / they.median);
  std::fflush(stdout);
}

void PrintHeading(const std::string& text) {
  std::printf("\n== %s\n", text.c_str());
  std::fflush(stdout);
}

}  // namespace trunkline::bench
