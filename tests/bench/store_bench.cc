// What publishing to each kind of store costs: the archive's own writes, without a daemon.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include "archive/store.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/s3_server/process.h"
#include "tests/s3_server/server.h"
#include "tests/support/files.h"
#include "tests/support/must.h"

namespace trunkline::bench {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the support library's words
using Clock = std::chrono::steady_clock;

constexpr size_t kLargeBytes = 16 << 20;
constexpr size_t kSmallBytes = 64 << 10;

// Nothing that a store, file system or network could make smaller.
std::string Noise(size_t size) {
  std::string bytes(size, '\0');
  uint64_t state = 20161130;
  for (char& byte : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// As a daemon appends segments: each behind the one before, and alone with its beginning.
double AppendSeconds(Store* store, int64_t number, const ByteSource& content) {
  const auto name = [](int64_t i) { return "changes/" + std::to_string(10'000 + i) + "-"; };
  NewObject object{name(number) + "x", &content, "identity", name(number)};
  if (number > 0) object.predecessor = name(number - 1) + "x";
  const Clock::time_point begin = Clock::now();
  Must(store->Put({&object, 1}));
  return SecondsSince(begin);
}

void Measure(const char* kind, const std::string& url) {
  const std::unique_ptr<Store> store = Must(OpenStore(url));
  Must(PutObject(store.get(), "identity", "x"));
  const std::unique_ptr<ByteSource> small = NewMemorySource(Noise(kSmallBytes));
  std::vector<double> appends;
  for (int64_t i = 0; i < Scaled(200); ++i)
    appends.push_back(AppendSeconds(store.get(), i, *small));

  const std::unique_ptr<ByteSource> large = NewMemorySource(Noise(kLargeBytes));
  const int64_t objects = Scaled(20);
  Clock::time_point begin = Clock::now();
  for (int64_t i = 0; i < objects; ++i) {
    const NewObject object{"large/" + std::to_string(i), large.get()};
    Must(store->Put({&object, 1}));
  }
  const double mebibytes = static_cast<double>(objects) * kLargeBytes / (1 << 20);
  const double written = mebibytes / SecondsSince(begin);
  begin = Clock::now();
  for (int64_t i = 0; i < objects; ++i) {
    Must(GetObject(*store, "large/" + std::to_string(i), kLargeBytes));
  }
  const Sample latency = Summarise(std::move(appends));
  std::printf(
      "%s: append of 64 KiB %.1f ms (%.1f-%.1f), objects of 16 MiB written at %.0f MiB/s, read at "
      "%.0f MiB/s\n",
      kind, latency.median * 1e3, latency.least * 1e3, latency.most * 1e3, written,
      mebibytes / SecondsSince(begin));
  std::fflush(stdout);
}

}  // namespace

void StoreBenchmarks() {
  PrintHeading("publishing to each kind of store");
  const TempFolder folder;
  Measure("directory", folder / "archive");
  const S3TestServer server;
  Measure("S3 (test server on this machine)", S3Url(server.endpoint(), "archive"));
}

}  // namespace trunkline::bench
