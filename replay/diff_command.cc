// trunkline diff: what differs between two targets.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "archive/stream_definition.h"
#include "base/log.h"
#include "replay/command.h"
#include "replay/diff.h"
#include "replay/diff_format.h"
#include "replay/output_file.h"
#include "replay/progress.h"

namespace trunkline {
namespace {

struct DiffCommandOptions {
  std::string archive;
  std::string from;
  std::string to = "latest";
  std::string tables;
  std::string format = "text";
  bool summary = false;
  MemoryOptions memory;
};

Result<ResolvedTarget> ResolveFor(const Store& store, const Catalog& catalog,
                                  const std::string& text, const std::string& option) {
  Result<ResolvedTarget> resolved = [&]() -> Result<ResolvedTarget> {
    ASSIGN_OR_RETURN(const Target target, ParseTarget(text));
    return ResolveTarget(store, catalog, target);
  }();
  if (!resolved) return Fail(std::move(resolved).error().WithContext(option));
  return resolved;
}

Result<DatabaseDiff> CompareStates(const Store& store, const Catalog& catalog,
                                   const ResolvedTarget& from, const ResolvedTarget& to,
                                   const DiffCommandOptions& options) {
  Progress progress("Reading");
  DiffOptions diff;
  std::istringstream names(options.tables);
  for (std::string name; std::getline(names, name, ',');) diff.tables.push_back(name);
  diff.memory = options.memory;
  diff.progress = [&](uint64_t done, uint64_t total) { progress.Update(done, total); };
  return DatabaseDiff::Make(store, catalog, from, to, diff);
}

// What makes old values look otherwise than they were.
void WarnOfUntold(const TableDiff& table) {
  if (!table.mapping() || table.mapping()->doubt.empty()) return;
  spdlog::warn(
      "table {}: its {}; rows are compared by their text, and hold NULL in a column that "
      "they did not have",
      NameOf(table.relation()), table.mapping()->doubt);
}

Result<void> RunDiff(const DiffCommandOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<DiffFormat> format,
                   NewDiffFormat(options.format, options.summary));
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store));
  ASSIGN_OR_RETURN(const ResolvedTarget from, ResolveFor(*store, catalog, options.from, "--from"));
  ASSIGN_OR_RETURN(const ResolvedTarget to, ResolveFor(*store, catalog, options.to, "--to"));
  ASSIGN_OR_RETURN(const DatabaseDiff diff, CompareStates(*store, catalog, from, to, options));
  std::set<std::string> warnings(diff.before().warnings.begin(), diff.before().warnings.end());
  warnings.insert(diff.after().warnings.begin(), diff.after().warnings.end());
  for (const std::string& warning : warnings) spdlog::warn("{}", warning);
  std::fprintf(stderr, "from %s\nto   %s\n", from.ToString().c_str(), to.ToString().c_str());

  ASSIGN_OR_RETURN(OutputFile output, OutputFile::Open({}));
  const WriteText write = [&](std::string_view text) { return output.Write(text); };
  TRY(format->Begin(write));
  TRY(diff.ForEachTable([&](const TableDiff& table) {
    WarnOfUntold(table);
    return format->Add(table, write);
  }));
  TRY(format->End(write));
  return output.Finish();
}

}  // namespace

void AddDiffCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<DiffCommandOptions>();
  CLI::App* command = app->add_subcommand("diff", "Compare the tables at two targets, row by row");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_option("--from", options->from, "The target to compare with; may be the later one")
      ->required();
  command->add_option("--to", options->to, "The other target (default: latest)");
  command->add_option("--tables", options->tables,
                      "Just these: table or schema.table at either target, with commas between");
  command
      ->add_option("--format", options->format,
                   "text (default), jsonl, or sql: commands that lead from the one to the other")
      ->check(CLI::IsMember({"text", "jsonl", "sql"}));
  command->add_flag("--summary", options->summary, "Print the numbers of rows alone");
  AddMemoryOptions(command, &options->memory);
  command->callback([=] { context->run = [=] { return RunDiff(*options); }; });
}

}  // namespace trunkline
