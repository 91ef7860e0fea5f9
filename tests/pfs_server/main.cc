// pfs_test_server: the server on its own, for programs under test and for trying things out.
#include <signal.h>
#include <sys/prctl.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/pfs_server/server.h"

namespace trunkline::test {
namespace {

constexpr char kUsage[] =
    "usage: pfs_test_server [OPTION...]\n"
    "  --listen HOST:PORT        127.0.0.1:30650; port 0 is a free one\n"
    "  --finishing-ms N          from FINISHING to FINISHED (0)\n"
    "  --quota-bytes N           of all that is ever written\n"
    "  --token T                 that callers need; $PFS_TEST_SERVER_TOKEN says it, too\n"
    "  --reader-token T          that is good for reading only\n"
    "  --certificate FILE --private-key FILE\n"
    "  --fault 'METHOD HITS entry|before|after CODE|delay MS|finish-error WORDS'\n"
    "  --with-parent             ends when the process that started it ends\n"
    "Writes \"listening on HOST:PORT\" to standard error, and runs until SIGINT or SIGTERM.\n";

struct Options {
  std::string listen = "127.0.0.1:30650";
  PfsServerOptions server = {};
  std::vector<Fault> faults = {};
};

[[noreturn]] void Quit(const std::string& message, int code) {
  std::fprintf(stderr, "pfs_test_server: %s\n", message.c_str());
  std::exit(code);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Quit("cannot read " + path, 1);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void Take(std::string_view option, const std::string& value, Options* options) {
  PfsServerOptions& server = options->server;
  if (option == "--listen") {
    options->listen = value;
  } else if (option == "--finishing-ms") {
    server.repos.finishing_time = std::chrono::milliseconds(std::atoll(value.c_str()));
  } else if (option == "--quota-bytes") {
    server.repos.quota_bytes = std::strtoull(value.c_str(), nullptr, 10);
  } else if (option == "--token") {
    server.token = value;
  } else if (option == "--reader-token") {
    server.reader_token = value;
  } else if (option == "--certificate") {
    server.certificate = ReadFile(value);
  } else if (option == "--private-key") {
    server.private_key = ReadFile(value);
  } else if (option == "--fault") {
    Result<Fault> fault = ParseFault(value);
    if (!fault) Quit(fault.error().ToString(), 2);
    options->faults.push_back(std::move(*fault));
  } else {
    Quit("what is " + std::string(option) + "?\n" + kUsage, 2);
  }
}

Options Parse(int argc, char** argv) {
  Options options;
  if (const char* token = std::getenv("PFS_TEST_SERVER_TOKEN")) options.server.token = token;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--help") {
      std::fputs(kUsage, stdout);
      std::exit(0);
    }
    if (option == "--with-parent") {
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      continue;
    }
    if (i + 1 == argc) Quit(std::string(option) + " lacks its value\n" + kUsage, 2);
    Take(option, argv[++i], &options);
  }
  return options;
}

}  // namespace
}  // namespace trunkline::test

int main(int argc, char** argv) {
  using namespace trunkline::test;  // NOLINT(google-build-using-namespace): this program's own
  Options options = Parse(argc, argv);
  // The server's threads inherit that these are waited for here.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  PfsServer server(options.server);
  for (Fault& fault : options.faults) server.faults().Set(std::move(fault));
  const auto started = server.Start(options.listen);
  if (!started) Quit(started.error().ToString(), 1);
  const std::string host = options.listen.substr(0, options.listen.rfind(':'));
  std::fprintf(stderr, "listening on %s:%d\n", host.c_str(), server.port());
  int signal = 0;
  sigwait(&signals, &signal);
  server.Stop();
  return 0;
}
