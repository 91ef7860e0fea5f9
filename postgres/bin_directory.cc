// Where the installed Postgres is.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>

#include "postgres/server.h"

namespace trunkline::postgres {
namespace {

namespace fs = std::filesystem;

bool HoldsServer(const fs::path& directory) {
  return access((directory / "initdb").c_str(), X_OK) == 0 &&
         access((directory / "postgres").c_str(), X_OK) == 0;
}

std::string FromPgConfig() {
  struct Close {
    void operator()(FILE* file) const { pclose(file); }
  };
  const std::unique_ptr<FILE, Close> pipe(popen("pg_config --bindir 2>/dev/null", "re"));
  std::array<char, 4096> line{};
  if (!pipe || fgets(line.data(), line.size(), pipe.get()) == nullptr) return {};
  std::string directory = line.data();
  while (!directory.empty() && directory.back() == '\n') directory.pop_back();
  return directory;
}

// Debian keeps each major version in a folder of its own, named by its number.
std::string HighestDebianVersion() {
  std::string best;
  int best_version = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version <= best_version || !HoldsServer(entry.path() / "bin")) continue;
    best_version = version;
    best = entry.path() / "bin";
  }
  return best;
}

std::string FromPath() {
  const char* path = getenv("PATH");
  std::istringstream entries(path == nullptr ? "" : path);
  for (std::string entry; std::getline(entries, entry, ':');) {
    if (!entry.empty() && HoldsServer(entry)) return entry;
  }
  return {};
}

}  // namespace

Result<std::string> FindBinDirectory() {
  const char* configured = getenv("TRUNKLINE_PG_BINDIR");
  if (configured != nullptr && *configured != '\0') {
    if (HoldsServer(configured)) return std::string(configured);
    return Fail(ErrorKind::kNotFound,
                std::string("no initdb and postgres in TRUNKLINE_PG_BINDIR=") + configured,
                "set it to the folder of a Postgres server's programs, or unset it");
  }
  for (const auto& find : {FromPgConfig, HighestDebianVersion, FromPath}) {
    std::string directory = find();
    if (!directory.empty() && HoldsServer(directory)) return directory;
  }
  return Fail(ErrorKind::kNotFound, "no Postgres server is installed here",
              "install the package postgresql, or set TRUNKLINE_PG_BINDIR to the folder of initdb "
              "and postgres");
}

}  // namespace trunkline::postgres
