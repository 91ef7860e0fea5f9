// sql:FILE, a script that psql loads into an empty database, and sql:- for standard output. One
// transaction: all of it is loaded or nothing.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "archive/atomic_file.h"
#include "base/log.h"
#include "postgres/connection.h"
#include "replay/copy_row.h"
#include "replay/ddl.h"
#include "replay/destination.h"
#include "replay/load_settings.h"
#include "replay/output_file.h"
#include "replay/postgres_database.h"
#include "replay/sql_text.h"

namespace trunkline {
namespace {

namespace fs = std::filesystem;

constexpr size_t kScriptBufferBytes = 1 << 20;

class Script {
 public:
  Script(const DatabaseState& state, const Destination::Progress& progress, OutputFile* file)
      : state_(state), progress_(progress), file_(file) {
    for (const auto& table : state.tables) total_ += table->row_count();
  }

  Result<void> Write() {
    TRY(Plan());
    Head();
    for (const Statement& statement : plan_.before_data) AppendStatement(statement, &text_);
    for (size_t i = 0; i < plan_.tables.size(); ++i) TRY(Data(plan_.tables[i], *state_.tables[i]));
    for (const Stage& stage : plan_.after_data) {
      for (const Statement& statement : stage.statements) AppendStatement(statement, &text_);
    }
    text_ += "\nCOMMIT;\n";
    return file_->Write(text_);
  }

 private:
  Result<void> Plan() {
    std::vector<const Relation*> relations;
    for (const auto& table : state_.tables) relations.push_back(&table->relation());
    ASSIGN_OR_RETURN(plan_,
                     PlanDdl(state_.definition, relations, {.as_of = state_.target.instant}));
    for (const std::string& note : plan_.notes) spdlog::warn("{}", note);
    return {};
  }

  void Head() {
    const DatabaseDefinition& source = state_.definition.database;
    AppendComment("Tables of the database " + source.name + ", rebuilt by trunkline as of", &text_);
    AppendComment(state_.target.ToString(), &text_);
    AppendComment("Loads into an empty database: psql -X -q -d NAME -f FILE", &text_);
    AppendComment("One like the source's is made by: " +
                      CreateDatabaseText("NAME", source, state_.definition.server_version),
                  &text_);
    for (const std::string& warning : state_.warnings) AppendComment("Note: " + warning, &text_);
    for (const std::string& note : plan_.notes) AppendComment("Note: " + note, &text_);
    text_ += "\n\\set ON_ERROR_STOP on\nBEGIN;\n" + postgres::PinnedForTransaction() +
             LoadSettings(true) + "SET LOCAL client_min_messages = 'warning';\n\n";
  }

  Result<void> Data(const LoadedTable& table, const TableState& rows) {
    // The transaction has made the table, so that its rows are visible to whoever sees it.
    text_ += "\n" + table.copy + (table.partitioned ? ";\n" : " WITH (FREEZE);\n");
    uint64_t told = 0;
    uint64_t count = 0;
    TRY(rows.ForEachRow(0, rows.row_count(), [&](Tuple row) -> Result<void> {
      AppendCopyRow(row, table.columns, &text_);
      ++count;
      if (text_.size() < kScriptBufferBytes) return {};
      Tell(count - told);
      told = count;
      return Flush();
    }));
    Tell(count - told);
    text_ += "\\.\n\n";
    return {};
  }

  Result<void> Flush() {
    TRY(file_->Write(text_));
    text_.clear();
    return {};
  }

  void Tell(uint64_t rows) {
    done_ += rows;
    if (progress_) progress_(done_, total_);
  }

  const DatabaseState& state_;
  const Destination::Progress& progress_;
  OutputFile* file_;
  DdlPlan plan_;
  std::string text_;
  uint64_t done_ = 0;
  uint64_t total_ = 0;
};

// A name that promises another format would be taken for it.
Result<void> CheckExtension(const std::string& file) {
  constexpr std::array kOthers = {".csv", ".dump", ".tar", ".gz", ".zst", ".xz", ".bz2", ".lz4"};
  const std::string extension = fs::path(file).extension().string();
  if (std::find(kOthers.begin(), kOthers.end(), extension) == kOthers.end()) return {};
  return Fail(ErrorKind::kInvalidArgument,
              "sql: writes plain SQL, which " + file + " is no name of",
              "write sql:FILE.sql; sql:- writes to standard output, for gzip and the like");
}

class SqlDestination final : public Destination {
 public:
  SqlDestination(std::string file, bool force) : file_(std::move(file)), force_(force) {}

  Result<void> Check() override {
    if (file_ == "-") return {};
    TRY(CheckExtension(file_));
    std::error_code error;
    const fs::file_status status = fs::status(file_, error);
    if (status.type() == fs::file_type::directory || file_.ends_with('/')) {
      return Fail(ErrorKind::kInvalidArgument, file_ + " is a directory", "write sql:FILE");
    }
    const bool is_device = fs::exists(status) && !fs::is_regular_file(status);
    if (is_device) return {};
    if (fs::exists(status) && !force_) {
      return Fail(ErrorKind::kAlreadyExists, file_ + " is there already",
                  "choose another name, or replace it with --force");
    }
    const fs::path above = fs::path(file_).parent_path();
    const std::string folder = above.empty() ? "." : above.string();
    if (access(folder.c_str(), W_OK | X_OK) != 0) {
      return Fail(FileError("cannot write into " + folder, errno));
    }
    return {};
  }

  Result<std::string> Write(const DatabaseState& state, const Progress& progress) override {
    ASSIGN_OR_RETURN(OutputFile output, OutputFile::Open(file_ == "-" ? "" : file_,
                                                         force_ ? OutputFile::Existing::kReplace
                                                                : OutputFile::Existing::kKeep));
    TRY(Script(state, progress, &output).Write());
    TRY(output.Finish());
    return RebuiltSummary(state, file_ == "-" ? "on standard output" : "in the script " + file_);
  }

 private:
  const std::string file_;
  const bool force_;
};

}  // namespace

Result<std::unique_ptr<Destination>> NewSqlDestination(const std::string& file,
                                                       const DestinationOptions& options) {
  if (file.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "sql: names no file",
                "write sql:FILE, or sql:- for standard output");
  }
  return std::unique_ptr<Destination>(std::make_unique<SqlDestination>(file, options.force));
}

}  // namespace trunkline
