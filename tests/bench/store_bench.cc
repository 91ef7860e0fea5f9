// What publishing costs in each kind of store: small segments one by one, as a daemon publishes
// them, small ones together, and large ones; and reading back.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "archive/store.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/s3_server/process.h"
#include "tests/s3_server/server.h"
#include "tests/support/files.h"
#include "tests/support/must.h"
#include "tests/support/pattern_source.h"
#include "tests/support/pfs_server_process.h"

namespace trunkline::bench {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the support library's words
using Clock = std::chrono::steady_clock;

constexpr uint64_t kSmallBytes = 64 << 10;
constexpr uint64_t kLargeBytes = 32 << 20;
constexpr size_t kTogether = 8;

double SecondsSince(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

class StoreBench {
 public:
  StoreBench(std::string name, const std::string& url)
      : name_(std::move(name)), store_(Must(OpenStore(url))) {
    if (!Must(store_->List("")).empty()) throw std::runtime_error(url + " is not empty");
    Must(PutObject(store_.get(), "identity", "bench"));
  }

  void Run() {
    const int small = static_cast<int>(std::max<int64_t>(20, static_cast<int64_t>(200 * Scale())));
    const int large = static_cast<int>(std::max<int64_t>(1, static_cast<int64_t>(8 * Scale())));
    std::vector<double> millis;
    const Clock::time_point begun = Clock::now();
    for (int i = 0; i < small; ++i) millis.push_back(1000 * Put(1, kSmallBytes));
    const double alone = SecondsSince(begun);
    double together = 0;
    for (int i = 0; i < small; i += kTogether) together += Put(kTogether, kSmallBytes);
    const auto batched = static_cast<double>((small + kTogether - 1) / kTogether * kTogether);
    double writing = 0;
    for (int i = 0; i < large; ++i) writing += Put(1, kLargeBytes);
    const double reading = Read(last_, kLargeBytes);
    std::sort(millis.begin(), millis.end());
    constexpr double kMebi = 1 << 20;
    std::printf(
        "%-10s 64 KiB alone: p50 %.1f ms, p99 %.1f ms, %.0f a second; %zu together: %.0f a "
        "second; 32 MiB: written at %.0f MiB/s, read at %.0f MiB/s\n",
        name_.c_str(), millis[millis.size() / 2], millis[millis.size() * 99 / 100], small / alone,
        kTogether, batched / together, large * static_cast<double>(kLargeBytes) / kMebi / writing,
        static_cast<double>(kLargeBytes) / kMebi / reading);
    std::fflush(stdout);
  }

 private:
  // The seconds that `count` segments take that are published together.
  double Put(size_t count, uint64_t bytes) {
    std::vector<PatternSource> contents;
    for (size_t i = 0; i < count; ++i) contents.emplace_back(bytes, next_ + i);
    std::vector<NewObject> objects;
    for (const PatternSource& content : contents) {
      char prefix[32];
      std::snprintf(prefix, sizeof(prefix), "changes/%016lX-", static_cast<unsigned long>(next_++));
      objects.push_back({std::string(prefix) + "end.seg", &content, last_, prefix});
      last_ = objects.back().name;
    }
    const Clock::time_point begun = Clock::now();
    Must(store_->Put(objects));
    return SecondsSince(begun);
  }

  // The seconds that reading an object takes, in pieces as a rebuild reads blocks.
  double Read(const std::string& name, uint64_t bytes) const {
    std::string piece(256 << 10, '\0');
    const Clock::time_point begun = Clock::now();
    const std::unique_ptr<ByteSource> source = Must(store_->Open(name));
    for (uint64_t offset = 0; offset < bytes; offset += piece.size()) {
      Must(source->Read(offset, piece.data(), piece.size()));
    }
    return SecondsSince(begun);
  }

  const std::string name_;
  const std::unique_ptr<Store> store_;
  std::string last_ = "identity";
  uint64_t next_ = 1;
};

}  // namespace

void StoreBenchmark() {
  PrintHeading("publishing into each kind of store");
  {
    const TempFolder folder;
    StoreBench("directory", folder / "archive").Run();
  }
  {
    const PfsServerProcess server;
    StoreBench("pfs", server.url()).Run();
  }
  {
    const S3TestServer server;
    StoreBench("s3", S3Url(server.endpoint(), "archive")).Run();
  }
  // Addresses of empty archives, with spaces between.
  const char* further = std::getenv("TRUNKLINE_BENCH_STORES");
  std::istringstream urls(further == nullptr ? "" : further);
  for (std::string url; urls >> url;) StoreBench(url.substr(0, url.find(':')), url).Run();
}

}  // namespace trunkline::bench
