// trunkline digest: a digest of each table's rows at a target, to compare with those of the source.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "archive/quoted_names.h"
#include "base/log.h"
#include "replay/command.h"
#include "replay/digest.h"
#include "replay/progress.h"
#include "replay/state.h"
#include "replay/text_table.h"

namespace trunkline {
namespace {

using Json = nlohmann::ordered_json;

struct DigestOptions {
  std::string archive;
  std::string at = "latest";
  std::string tables;
  bool json = false;
  MemoryOptions memory;
};

Result<DatabaseState> StateAt(const Store& store, const Catalog& catalog,
                              const ResolvedTarget& target, const DigestOptions& options) {
  Progress progress("Reading");
  StateOptions state_options;
  std::istringstream names(options.tables);
  for (std::string name; std::getline(names, name, ',');) state_options.tables.push_back(name);
  state_options.leave_doubtful_out = true;
  state_options.memory = options.memory;
  state_options.progress = [&](uint64_t done, uint64_t total) { progress.Update(done, total); };
  return BuildState(store, catalog, target, state_options);
}

std::string FullName(const Relation& relation) {
  return QuoteQualified(relation.schema, relation.name);
}

// As psql -At -F ' ' prints trunkline.digests().
std::string ToText(const DatabaseState& state, const std::vector<TableDigest>& digests) {
  std::string text;
  for (size_t i = 0; i < digests.size(); ++i) {
    text += digests[i].ToString() + " " + std::to_string(digests[i].rows) + " " +
            FullName(state.tables[i]->relation()) + "\n";
  }
  return text;
}

Json ToJson(const Relation& relation) {
  Json columns = Json::array();
  for (const RelationColumn& column : relation.columns) columns.push_back(column.name);
  return {{"oid", relation.oid},
          {"schema", relation.schema},
          {"name", relation.name},
          {"columns", std::move(columns)}};
}

std::string ToJsonText(const DatabaseState& state, const std::vector<TableDigest>& digests,
                       const std::string& url) {
  Json tables = Json::array();
  for (size_t i = 0; i < digests.size(); ++i) {
    Json table = ToJson(state.tables[i]->relation());
    table["rows"] = digests[i].rows;
    table["digest"] = digests[i].ToString();
    tables.push_back(std::move(table));
  }
  Json in_doubt = Json::array();
  for (const DoubtfulTable& doubtful : state.doubtful) {
    Json table = ToJson(doubtful.relation);
    table["why"] = doubtful.doubt.message;
    in_doubt.push_back(std::move(table));
  }
  const Json json = {{"archive", url},
                     {"lsn", state.target.limit.ToString()},
                     {"tables", std::move(tables)},
                     {"in_doubt", std::move(in_doubt)},
                     {"warnings", state.warnings}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<void> RunDigest(const DigestOptions& options) {
  ASSIGN_OR_RETURN(const Target target, ParseTarget(options.at));
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store));
  ASSIGN_OR_RETURN(const ResolvedTarget resolved, ResolveTarget(*store, catalog, target));
  ASSIGN_OR_RETURN(const DatabaseState state, StateAt(*store, catalog, resolved, options));
  ASSIGN_OR_RETURN(const std::vector<TableDigest> digests, DigestTables(state));
  const std::string text =
      options.json ? ToJsonText(state, digests, store->url()) : ToText(state, digests);
  std::fwrite(text.data(), 1, text.size(), stdout);
  for (const std::string& warning : state.warnings) spdlog::warn("{}", warning);
  std::fprintf(stderr, "%s\n", resolved.ToString().c_str());
  if (state.doubtful.empty()) return {};
  for (const DoubtfulTable& table : state.doubtful) spdlog::warn("{}", table.doubt.message);
  return Fail(ErrorKind::kGap,
              "no digest of " + FormatCount(state.doubtful.size(), "table") +
                  " whose rows the archive cannot tell at the target",
              state.doubtful.front().doubt.hint);
}

}  // namespace

void AddDigestCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<DigestOptions>();
  CLI::App* command = app->add_subcommand(
      "digest", "Print a digest of each table's rows, equal to that of the source's");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_option("--at", options->at, "The target (default: latest)");
  command->add_option("--tables", options->tables,
                      "Just these: table or schema.table, with commas between");
  command->add_flag("--json", options->json, "Print JSON");
  AddMemoryOptions(command, &options->memory);
  command->footer(
      "The source's: select * from trunkline.digests('trunkline'), which sql/digest.sql makes.");
  command->callback([=] { context->run = [=] { return RunDigest(*options); }; });
}

}  // namespace trunkline
