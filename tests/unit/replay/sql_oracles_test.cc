// Random changes, taken on and back by a real Postgres: redo, undo and the difference of two states
// lead from the one to the other, whichever they are.
//
// TRUNKLINE_ORACLE_SEEDS is how many seeds to go through, TRUNKLINE_ORACLE_SEED the first of them.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <map>

#include "postgres/connection.h"
#include "postgres/server.h"
#include "replay/command.h"
#include "tests/unit/replay/random_table.h"

namespace trunkline::test {
namespace {

using SortedTables = std::map<std::string, std::vector<PlainRow>>;  // sorted rows, by table

template <typename T>
T MustYield(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
  return std::move(*result);
}

unsigned NumberOfEnvironment(const char* name, unsigned otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(value, nullptr, 10));
}

// What the program prints.
std::string OutputOf(std::vector<std::string> arguments) {
  CLI::App app;
  CommandContext context;
  AddLogCommand(&app, &context);
  AddDiffCommand(&app, &context);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(std::move(arguments));
  testing::internal::CaptureStdout();
  const Result<void> result = context.run();
  std::string output = testing::internal::GetCapturedStdout();
  if (!result) throw std::runtime_error(result.error().ToString());
  return output;
}

class SqlOraclesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = MustYield(postgres::Server::Start({.settings = {"fsync = off", "autovacuum = off"}}));
  }
  static void TearDownTestSuite() { server_.reset(); }

  SqlOraclesTest()
      : connection_(MustYield(postgres::Connection::Open(
            server_->conninfo("postgres"), postgres::Mode::kNormal, "sql_oracles_test"))) {}

  void Run(const std::string& sql) { MustYield(connection_.Exec(sql)); }

  // Tables with these rows, and none else.
  void Load(const SortedTables& contents) {
    for (const RandomTable& table : tables_) {
      const std::string name = "public." + table.relation().name;
      std::string sql = "drop table if exists " + name + "; create table " + name + " (";
      std::string key;
      for (const RelationColumn& column : table.relation().columns) {
        sql += column.name + " text, ";
        if (column.key) key += (key.empty() ? "" : ", ") + column.name;
      }
      const bool keyed = !key.empty() && table.relation().identity != ReplicaIdentity::kFull;
      sql += keyed ? "unique (" + key + ")" : "check (true)";
      Run(sql + ")");
      for (const PlainRow& row : contents.at(table.relation().name)) {
        std::string values;
        for (const auto& value : row) {
          values += values.empty() ? "" : ", ";
          values += value ? postgres::QuoteLiteral(*value) : "null";
        }
        Run("insert into " + name + " values (" + values + ")");
      }
    }
  }

  SortedTables Held() {
    SortedTables contents;
    for (const RandomTable& table : tables_) {
      const std::string& name = table.relation().name;
      const auto rows = MustYield(connection_.Exec("select * from public." + name));
      const int width = static_cast<int>(table.relation().columns.size());
      for (int i = 0; i < rows.size(); ++i) {
        PlainRow& row = contents[name].emplace_back();
        for (int c = 0; c < width; ++c) {
          row.push_back(rows.is_null(i, c) ? std::nullopt
                                           : std::optional(std::string(rows.at(i, c))));
        }
      }
      std::sort(contents[name].begin(), contents[name].end());
    }
    return contents;
  }

  SortedTables At(const std::string& target) {
    SortedTables contents;
    const DatabaseState state = MustYield(archive_->Rebuild(target));
    for (const RandomTable& table : tables_) {
      std::vector<PlainRow>& rows = contents[table.relation().name];
      rows = RowsOf(state, table.relation());
      std::sort(rows.begin(), rows.end());
    }
    return contents;
  }

  // 60 transactions, of xids 200, 208 and so on.
  void MakeArchive(std::mt19937* random) {
    archive_ = std::make_unique<ArchiveBuilder>();
    tables_ = RandomTables(random);
    std::vector<ArchiveBuilder::Contents> empty;
    for (const RandomTable& table : tables_) empty.push_back({table.relation(), {}});
    archive_->Snapshot(150, empty);
    for (uint64_t lsn = 200; lsn < 200 + 60 * 8; lsn += 8) {
      std::vector<ChangeSpec> changes;
      for (unsigned i = (*random)() % 9; i > 0; --i) {
        changes.push_back(tables_[(*random)() % tables_.size()].Step());
      }
      archive_->Commit(lsn, changes);
      if ((*random)() % 20 == 0) archive_->Publish(lsn + 8);
    }
    archive_->Publish(200 + 60 * 8 + 8);
  }

  void Compare(const std::string& what, const SortedTables& expected) {
    EXPECT_TRUE(Held() == expected) << what << ", seed " << seed_;
  }

  void Check(const std::string& from, const std::string& to) {
    const SortedTables before = At(from);
    const SortedTables after = At(to);
    const std::string range = " from " + from + " to " + to;
    const auto log = [&](const char* format) {
      return OutputOf({"log", archive_->url(), "--from", from, "--to", to, "--format", format});
    };
    Load(before);
    Run(log("sql"));
    Compare("redo" + range, after);
    Run(log("undo"));
    Compare("undo" + range, before);
    Run(OutputOf({"diff", archive_->url(), "--from", from, "--to", to, "--format", "sql"}));
    Compare("the difference" + range, after);
    Run(OutputOf({"diff", archive_->url(), "--from", to, "--to", from, "--format", "sql"}));
    Compare("the difference back" + range, before);
  }

  static std::unique_ptr<postgres::Server> server_;
  postgres::Connection connection_;
  std::unique_ptr<ArchiveBuilder> archive_;
  std::vector<RandomTable> tables_;
  unsigned seed_ = 0;
};

std::unique_ptr<postgres::Server> SqlOraclesTest::server_;

TEST_F(SqlOraclesTest, RedoUndoAndDifferencesLeadFromStateToState) {
  Run("set client_min_messages = warning");
  const unsigned first = NumberOfEnvironment("TRUNKLINE_ORACLE_SEED", 1);
  const unsigned count = NumberOfEnvironment("TRUNKLINE_ORACLE_SEEDS", 4);
  for (seed_ = first; seed_ < first + count && !HasFailure(); ++seed_) {
    std::mt19937 random(seed_);
    MakeArchive(&random);
    const unsigned middle = 200 + 8 * (random() % 60);
    Check("lsn:0/96", "latest");
    Check("before:xid:" + std::to_string(middle), "xid:" + std::to_string(middle));
    Check("xid:" + std::to_string(200 + (middle - 200) / 16 * 8), "xid:" + std::to_string(middle));
  }
}

}  // namespace
}  // namespace trunkline::test
