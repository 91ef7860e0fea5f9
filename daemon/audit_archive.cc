#include "daemon/audit_archive.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "archive/scratch_folder.h"
#include "postgres/subprocess.h"

namespace trunkline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::chrono::milliseconds kChildPoll{50};

// trunkline's exit code where tables are in doubt, among others; it has printed the digests of the
// rest then.
constexpr int kDamagedOrGap = 3;

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string LastLine(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

DigestedTable DigestedTableOf(const Json& json) {
  DigestedTable table;
  table.oid = json.at("oid").get<uint32_t>();
  table.schema = json.at("schema").get<std::string>();
  table.name = json.at("name").get<std::string>();
  table.columns = json.at("columns").get<std::vector<std::string>>();
  return table;
}

// Its exit code.
Result<int> AwaitChild(pid_t child, const std::stop_token& stop) {
  for (;;) {
    if (const std::optional<int> code = postgres::ExitCodeIfEnded(child)) return *code;
    if (stop.stop_requested()) {
      ::kill(child, SIGKILL);
      postgres::WaitForExit(child);
      return Fail(ErrorKind::kCancelled, "stopped");
    }
    std::this_thread::sleep_for(kChildPoll);
  }
}

}  // namespace

Result<std::string> FindTrunkline() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  std::string program = (self.parent_path() / "trunkline").native();
  if (!error && ::access(program.c_str(), X_OK) == 0) return program;
  return Fail(ErrorKind::kNotFound, "--audit-every needs the program trunkline at " + program,
              "install it beside trunklined");
}

Result<std::vector<DigestedTable>> DigestArchive(const ArchiveDigestOptions& options, Lsn lsn,
                                                 const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const ScratchFolder folder, ScratchFolder::Make(options.scratch));
  const std::string output = folder.path() + "/digests";
  const std::string messages = folder.path() + "/messages";
  ASSIGN_OR_RETURN(const pid_t child,
                   postgres::Spawn({.arguments = {options.program, "digest", options.archive,
                                                  "--at", "lsn:" + lsn.ToString(), "--json",
                                                  "--memory", std::to_string(options.memory_bytes),
                                                  "--temp-dir", folder.path()},
                                    .user = {},
                                    .directory = ".",
                                    .output = output,
                                    .messages = messages,
                                    .dies_with_thread = true,
                                    .yields = true}));
  ASSIGN_OR_RETURN(const int code, AwaitChild(child, stop));
  const std::string json = ReadWhole(output);
  if (code == 0 || (code == kDamagedOrGap && !json.empty())) return ParseArchiveDigests(json);
  const std::string why = LastLine(ReadWhole(messages));
  return Fail(ErrorKind::kFailed, "trunkline digest ended with " + std::to_string(code) +
                                      (why.empty() ? "" : ": " + why));
}

Result<std::vector<DigestedTable>> ParseArchiveDigests(const std::string& json) {
  std::vector<DigestedTable> tables;
  try {
    const Json digests = Json::parse(json);
    for (const Json& item : digests.at("tables")) {
      DigestedTable table = DigestedTableOf(item);
      table.rows = item.at("rows").get<uint64_t>();
      table.digest = item.at("digest").get<std::string>();
      tables.push_back(std::move(table));
    }
    for (const Json& item : digests.at("in_doubt")) {
      tables.push_back(DigestedTableOf(item));
      tables.back().left_out = "is in doubt in the archive";
    }
  } catch (const std::exception&) {
    return Fail(ErrorKind::kCorrupt, "trunkline digest printed something else than digests",
                "install trunkline and trunklined of the same version");
  }
  return tables;
}

}  // namespace trunkline
