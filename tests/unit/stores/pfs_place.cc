#include "tests/unit/stores/pfs_place.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>

#include "archive/pfs_store.h"
#include "tests/support/must.h"
#include "tests/support/pfs_server_process.h"

namespace trunkline::test {
namespace {

// pfs://HOST:PORT or pfs+tls://HOST:PORT
std::string Server() {
  const char* pachd = std::getenv("PACHD_ADDRESS");
  if (pachd == nullptr || *pachd == '\0') {
    // Another process, so that neither its memory nor its threads are the tests'.
    static const PfsServerProcess server;
    return "pfs://" + server.endpoint();
  }
  const std::string address = pachd;
  if (address.starts_with("grpcs://")) return "pfs+tls://" + address.substr(8);
  return "pfs://" + (address.starts_with("grpc://") ? address.substr(7) : address);
}

}  // namespace

PfsAddress NewPfsAddress() {
  static const auto started = std::chrono::system_clock::now().time_since_epoch().count();
  static std::atomic<int> count = 0;
  return Must(ParsePfsAddress(Server() + "/trunkline-test-" + std::to_string(getpid()) + "-" +
                              std::to_string(started) + "-" + std::to_string(++count) + "@master"));
}

PfsPlace::PfsPlace()
    : address_(NewPfsAddress()), admin_(address_, Must(FindPfsCredentials(address_))) {}

PfsPlace::~PfsPlace() { admin_.DeleteRepo(); }

std::unique_ptr<Store> PfsPlace::Connect() {
  return NewPfsStore(address_, Must(FindPfsCredentials(address_)));
}

}  // namespace trunkline::test
