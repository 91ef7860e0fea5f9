#include "replay/destination.h"

#include <filesystem>

namespace trunkline {
namespace {

namespace fs = std::filesystem;

constexpr char kHint[] = "a destination is csv:DIR, sql:FILE, pgdata:DIR or postgresql://...";

bool IsServer(const std::string& address) {
  return address.starts_with("postgresql://") || address.starts_with("postgres://");
}

Result<void> CheckOptions(const std::string& address, const DestinationOptions& options) {
  if (IsServer(address)) return {};
  if (!options.database_file.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--database-file is for postgresql:// alone");
  }
  if (!options.create_database) return {};
  if (!address.starts_with("pgdata:")) {
    return Fail(ErrorKind::kInvalidArgument,
                "--create-database is for postgresql:// and pgdata: alone");
  }
  if (!options.create_database->empty()) return {};
  return Fail(ErrorKind::kInvalidArgument,
              "--create-database needs a name with pgdata:", "leave it out for the source's name");
}

bool IsWithin(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

Result<std::unique_ptr<Destination>> OpenDestination(const std::string& address,
                                                     const DestinationOptions& options) {
  TRY(CheckOptions(address, options));
  if (IsServer(address)) return NewPostgresDestination(address, options);
  if (address.starts_with("csv:")) return NewCsvDestination(DestinationPath(address), options);
  if (address.starts_with("sql:")) return NewSqlDestination(DestinationPath(address), options);
  if (address.starts_with("pgdata:")) {
    return NewPgdataDestination(DestinationPath(address), options);
  }
  if (address.find(':') == std::string::npos) {
    return Fail(ErrorKind::kInvalidArgument, "the destination does not say of which kind it is",
                kHint);
  }
  // The address is not shown: it may hold a password.
  return Fail(
      ErrorKind::kInvalidArgument,
      "\"" + address.substr(0, address.find(':') + 1) + "\" is no destination that is known",
      kHint);
}

std::string DestinationPath(const std::string& address) {
  return IsServer(address) ? std::string() : address.substr(address.find(':') + 1);
}

Result<void> CheckApart(const std::string& destination_path, const std::string& archive) {
  constexpr std::string_view kFile = "file://";
  const std::string folder = archive.starts_with(kFile) ? archive.substr(kFile.size()) : archive;
  const bool is_path = !destination_path.empty() && destination_path != "-";
  if (!is_path || folder.find("://") != std::string::npos) return {};
  std::error_code error;
  const fs::path theirs = fs::weakly_canonical(folder, error);
  if (error) return {};
  const fs::path ours = fs::weakly_canonical(destination_path, error);
  if (error) return {};
  if (!IsWithin(ours, theirs) && !IsWithin(theirs, ours)) return {};
  return Fail(ErrorKind::kInvalidArgument,
              "the destination " + destination_path + " and the archive lie one within the other",
              "choose a destination beside the archive");
}

std::string RebuiltSummary(const DatabaseState& state, const std::string& where) {
  uint64_t rows = 0;
  for (const auto& table : state.tables) rows += table->row_count();
  const size_t tables = state.tables.size();
  return "rebuilt " + std::to_string(tables) + (tables == 1 ? " table" : " tables") + " with " +
         std::to_string(rows) + (rows == 1 ? " row " : " rows ") + where;
}

}  // namespace trunkline
