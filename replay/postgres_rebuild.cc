#include "replay/postgres_rebuild.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/log.h"
#include "postgres/connection.h"
#include "replay/ddl.h"
#include "replay/ddl_text.h"
#include "replay/load_settings.h"
#include "replay/pgdata_load.h"
#include "replay/row_loader.h"
#include "replay/statement_runner.h"

namespace trunkline {
namespace {

using postgres::Connection;

constexpr char kApplicationName[] = "trunkline";

class Rebuild {
 public:
  Rebuild(const std::string& conninfo, const DatabaseState& state, const RebuildOptions& options)
      : conninfo_(conninfo), state_(state), options_(options), runner_(options.one_transaction) {}

  Result<RebuildReport> Run() {
    TRY(Connect());
    TRY(Plan());
    if (options_.one_transaction) TRY(connections_[0].Exec("BEGIN"));
    TRY(options_.replace ? DropTables() : RefuseTables());
    TRY(runner_.RunAll(&connections_[0], plan_.before_data));
    RowLoader loader(state_, plan_.tables, LoaderMode(), options_.progress);
    if (options_.server != nullptr) TRY(WriteFiles(&loader));
    TRY(loader.Load(connections_));
    for (Stage& stage : plan_.after_data) {
      LargestFirst(&stage);
      SpareWorkers(&stage);
      if (stage.validates && files_) TRY(files_->MarkValid(&connections_[0], stage));
      TRY(runner_.RunStage(connections_, stage));
    }
    if (options_.one_transaction) TRY(connections_[0].Exec("COMMIT"));
    if (options_.analyze) TRY(Analyze());
    return RebuildReport{runner_.TakeLacking(), std::move(plan_.notes)};
  }

 private:
  Result<void> Connect() {
    const int count = options_.one_transaction ? 1 : std::max(options_.jobs, 1);
    for (int i = 0; i < count; ++i) {
      ASSIGN_OR_RETURN(Connection connection,
                       Connection::Open(conninfo_, postgres::Mode::kNormal, kApplicationName));
      // Loading is done again from the archive if the server crashes, so that it need not wait for
      // its disk. What it reads it has just written: looking through an index alone, for a foreign
      // key's check, is then less work than looking at the rows, against what the costs are by
      // default.
      TRY(connection.Exec(
          "SET synchronous_commit = off; SET seq_page_cost = 2; SET random_page_cost = 2; " +
          LoadSettings(false)));
      connections_.push_back(std::move(connection));
    }
    return {};
  }

  // Indexes are the first stage of what comes after the data.
  Result<void> WriteFiles(RowLoader* loader) {
    ASSIGN_OR_RETURN(files_, PgdataLoad::Plan(&connections_[0], state_, plan_.tables,
                                              &plan_.after_data.front()));
    if (files_->empty()) return {};
    connections_.clear();
    TRY(options_.server->Stop(false));
    TRY(files_->Write(options_.data_directory, [&](int64_t rows) { loader->Count(rows); }));
    TRY(options_.server->Restart({}));
    TRY(Connect());
    TRY(files_->GiveBack(&connections_[0]));
    loader->LeaveOut(files_->loaded());
    return {};
  }

  // The catalogs were gathered from when the server was made.
  Result<void> Analyze() {
    std::string names;
    for (const QualifiedName& name : plan_.created) {
      names += (names.empty() ? "" : ", ") + Qualified(name);
    }
    if (!names.empty()) TRY(connections_[0].Exec("ANALYZE " + names));
    return {};
  }

  RowLoader::Mode LoaderMode() const {
    return options_.one_transaction ? RowLoader::Mode::kOneTransaction : RowLoader::Mode::kParallel;
  }

  Result<void> Plan() {
    std::vector<const Relation*> relations;
    for (const auto& table : state_.tables) relations.push_back(&table->relation());
    ASSIGN_OR_RETURN(plan_,
                     PlanDdl(state_.definition, relations,
                             {.unlogged = options_.unlogged, .as_of = state_.target.instant}));
    return {};
  }

  Result<void> RefuseTables() {
    for (const QualifiedName& name : plan_.created) {
      const std::string found =
          "SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
          "ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";
      const std::vector<std::string> parameters = {name.first, name.second};
      ASSIGN_OR_RETURN(const postgres::Rows rows, connections_[0].Exec(found, parameters));
      if (rows.size() == 0) continue;
      return Fail(ErrorKind::kAlreadyExists,
                  "the destination has a table " + Display(name) + " already",
                  "--force drops and rebuilds it, --create-database makes a new database");
    }
    return {};
  }

  // In one command, so that foreign keys between them do not matter; without CASCADE, so that
  // nothing goes that was not named.
  Result<void> DropTables() {
    std::string names;
    for (const QualifiedName& name : plan_.created) {
      names += (names.empty() ? "" : ", ") + Qualified(name);
    }
    if (!names.empty()) TRY(connections_[0].Exec("DROP TABLE IF EXISTS " + names));
    return {};
  }

  void LargestFirst(Stage* stage) const {
    if (!stage->parallel) return;
    const auto rows = [&](const Statement& statement) {
      return statement.table ? state_.tables[*statement.table]->row_count() : 0;
    };
    std::stable_sort(stage->statements.begin(), stage->statements.end(),
                     [&](const Statement& a, const Statement& b) { return rows(a) > rows(b); });
  }

  // What comes in its order is hardly sorted: the server's other processes do more for the indexes
  // that are made of the same table meanwhile, and take longer.
  void SpareWorkers(Stage* stage) const {
    if (!stage->parallel || connections_.size() < 2) return;
    std::map<size_t, int> of_table;
    for (const Statement& statement : stage->statements) {
      if (statement.table) ++of_table[*statement.table];
    }
    for (Statement& statement : stage->statements) {
      if (!statement.indexes_primary_key || !statement.table) continue;
      if (of_table[*statement.table] < 2) continue;
      statement.sql = "SET LOCAL max_parallel_maintenance_workers = 0; " + statement.sql;
    }
  }

  const std::string& conninfo_;
  const DatabaseState& state_;
  const RebuildOptions& options_;
  StatementRunner runner_;
  std::vector<Connection> connections_;
  DdlPlan plan_;
  std::optional<PgdataLoad> files_;
};

}  // namespace

void RebuildReport::Warn() const {
  for (const std::string& note : notes) spdlog::warn("{}", note);
  for (const std::string& part : lacking) spdlog::warn("rebuilt without {}", part);
}

Result<RebuildReport> RebuildInto(const std::string& conninfo, const DatabaseState& state,
                                  const RebuildOptions& options) {
  return Rebuild(conninfo, state, options).Run();
}

}  // namespace trunkline
