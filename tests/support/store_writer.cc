// store_writer: a process that writes to a store, to be stopped or killed by a test while it does.
// A program of its own, since not every store's library outlives a fork.
//
//   store_writer URL stopped PREDECESSOR NAME   puts NAME behind PREDECESSOR, alone with what its
//   name has
//                                               before '-'; stops itself half way. Exits with 0 if
//                                               another one was first
//   store_writer URL endless ROUND              puts objects of 4 MiB for ever
#include <signal.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "archive/store.h"
#include "tests/support/pattern_source.h"

namespace trunkline::test {
namespace {

// Stops its process half way.
class StoppingSource : public ByteSource {
 public:
  uint64_t size() const override { return 1; }
  Result<void> Read(uint64_t, char* buffer, size_t length) const override {
    raise(SIGSTOP);
    std::memset(buffer, 'x', length);
    return {};
  }
};

int PutStopped(Store* store, const std::string& predecessor, const std::string& name) {
  const StoppingSource content;
  const NewObject object{name, &content, predecessor, name.substr(0, name.find('-') + 1)};
  const Result<void> put = store->Put({&object, 1});
  return !put && put.error().kind == ErrorKind::kAlreadyExists ? 0 : 1;
}

int PutUntilKilled(Store* store, const std::string& round) {
  for (uint64_t i = 0;; ++i) {
    const PatternSource content(4 << 20, i);
    const NewObject object{"changes/" + round + "-" + std::to_string(i), &content};
    if (const Result<void> put = store->Put({&object, 1}); !put) {
      std::fprintf(stderr, "store_writer: %s\n", put.error().ToString().c_str());
      return 1;
    }
  }
}

}  // namespace
}  // namespace trunkline::test

int main(int argc, char** argv) {
  using namespace trunkline;  // NOLINT(google-build-using-namespace): this program's own
  const std::string_view deed = argc > 2 ? argv[2] : "";
  const auto store = OpenStore(argc > 1 ? argv[1] : "");
  if (store && deed == "stopped" && argc == 5) {
    return test::PutStopped(store->get(), argv[3], argv[4]);
  }
  if (store && deed == "endless" && argc == 4) return test::PutUntilKilled(store->get(), argv[3]);
  std::fprintf(stderr, "usage: store_writer URL stopped PREDECESSOR NAME | endless ROUND\n");
  return 2;
}
