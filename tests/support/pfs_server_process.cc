#include "tests/support/pfs_server_process.h"

#include <stdexcept>
#include <string_view>
#include <utility>

namespace trunkline::test {
namespace {

std::vector<std::string> Command(std::vector<std::string> options) {
  options.insert(options.begin(),
                 {Binary("pfs_test_server"), "--listen", "127.0.0.1:0", "--with-parent"});
  return options;
}

}  // namespace

PfsServerProcess::PfsServerProcess(std::vector<std::string> options)
    : program_(Command(std::move(options))) {
  constexpr std::string_view kListening = "listening on ";
  const auto has_spoken = [&] { return program_.ErrorSoFar().ends_with('\n'); };
  static_cast<void>(Eventually(seconds(60), [&] { return has_spoken() || !program_.running(); }));
  const std::string said = program_.ErrorSoFar();
  if (!said.starts_with(kListening) || !has_spoken()) {
    throw std::runtime_error("pfs_test_server does not start: " + said);
  }
  endpoint_ = said.substr(kListening.size(), said.size() - kListening.size() - 1);
}

}  // namespace trunkline::test
