// What ten times the history of the same rows costs a rebuild, where base snapshots are taken as a
// policy has it, and where none are.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

#include "archive/appender.h"
#include "archive/segment_writer.h"
#include "archive/store.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/support/files.h"
#include "tests/support/must.h"
#include "tests/support/trunkline.h"

namespace trunkline::bench {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the support library's words

constexpr milliseconds kPatience = seconds(3600);
constexpr int64_t kRows = 1'000'000;
// As many changes as the policy lets come between two base snapshots.
constexpr int64_t kChangesPerPeriod = 1'000'000;
constexpr int64_t kSegmentsPerPeriod = 20;
constexpr int64_t kUpdatesPerTransaction = 10;
constexpr int kPeriods = 10;
constexpr uint64_t kFirstLsn = 0x1000;
constexpr uint64_t kLsnStep = 100;  // from a transaction to the next

Relation Stock() {
  Relation relation;
  relation.oid = 16384;
  relation.schema = "public";
  relation.name = "stock";
  for (const char* name : {"id", "units", "place", "note"}) {
    RelationColumn& column = relation.columns.emplace_back();
    column.name = name;
    column.type_oid = relation.columns.size() < 3 ? 20 : 25;
    column.key = relation.columns.size() == 1;
  }
  return relation;
}

std::string StockDefinition() {
  std::string columns;
  int number = 0;
  for (const RelationColumn& column : Stock().columns) {
    columns += std::string(columns.empty() ? "" : ", ") + R"({"attnum": )" +
               std::to_string(++number) + R"(, "name": ")" + column.name +
               R"(", "since": null, "type": ")" + (column.type_oid == 20 ? "bigint" : "text") +
               R"(", "type_oid": )" + std::to_string(column.type_oid) +
               R"(, "type_modifier": -1, "collation": null, "not_null": false, "default": null,)"
               R"( "identity": "", "generated": "", "missing": null})";
  }
  return R"({"format": 1, "server_version": 150018,
    "database": {"name": "shop", "encoding": "UTF8", "collate": "C", "ctype": "C"},
    "all_tables": true, "schemas": ["public"], "extensions": [], "types": [], "tables": [
    {"oid": 16384, "schema": "public", "name": "stock", "kind": "r", "published": true,
     "persistence": "p", "replica_identity": "d", "key_columns": ["id"], "partition_key": null,
     "parent": null, "row_filter": null, "published_columns": null, "constraints": [],
     "indexes": [], "sequences": [], "columns": [)" +
         columns + "]}]}";
}

// An archive of the same number of rows however long its history: they are only updated.
class Stockroom {
 public:
  explicit Stockroom(std::string archive)
      : archive_(std::move(archive)), store_(Must(OpenStore(archive_))) {
    Identity identity;
    identity.system_identifier = "7300000000000000001";
    identity.database = "shop";
    identity.publication = "trunkline";
    identity.slot = "trunkline";
    appender_ = Must(Appender::Open(store_.get(), identity));
    appender_->set_begin(Lsn{kFirstLsn});
    SegmentWriter writer{SegmentOptions{}};
    TransactionInfo copy;
    copy.commit_lsn = Lsn{kFirstLsn};
    Must(writer.Begin(copy));
    for (int64_t id = 1; id <= rows_; ++id) Add(Operation::kInsert, id, &writer);
    copy.end_lsn = copy.commit_lsn;
    Must(writer.Commit(copy));
    const SnapshotPart part =
        Must(appender_->PutSnapshotPart(std::move(writer), Lsn{kFirstLsn}, stock_, 0));
    Must(appender_->CompleteSnapshot(Lsn{kFirstLsn}, {part}, StockDefinition(), 1, 150018));
  }

  void AddPeriod() {
    const int64_t transactions =
        std::max<int64_t>(kSegmentsPerPeriod, Scaled(kChangesPerPeriod) / kUpdatesPerTransaction);
    for (int64_t segment = 0; segment < kSegmentsPerPeriod; ++segment) {
      SegmentWriter writer{SegmentOptions{}};
      for (int64_t i = 0; i < transactions / kSegmentsPerPeriod; ++i) AddUpdates(&writer);
      Must(appender_->AppendSegment(std::move(writer), Lsn{lsn_}, 1, 150018));
    }
  }
  void TakeSnapshot() const { Call({"snapshot", archive_}); }
  void Merge() const { Call({"compact", archive_}); }
  // Seconds, to CSV.
  double Rebuild(const std::string& folder) const {
    const double elapsed = Call({"replay", archive_, "--at", "latest", "--to", "csv:" + folder});
    const std::string csv = ReadFile(folder + "/public.stock.csv");
    if (std::count(csv.begin(), csv.end(), '\n') != rows_ + 1) {
      throw std::runtime_error("the rebuild has another number of rows");
    }
    std::filesystem::remove_all(folder);
    return elapsed;
  }
  int64_t rows() const { return rows_; }

 private:
  static double Call(const std::vector<std::string>& arguments) {
    const Outcome outcome = Trunkline(arguments, kPatience);
    if (outcome.exit_code != 0) throw std::runtime_error(outcome.err);
    return outcome.elapsed_seconds;
  }

  void Add(Operation operation, int64_t id, SegmentWriter* writer) {
    const std::string key = std::to_string(id);
    const std::string units = std::to_string(random_() % 1000);
    const std::string place = "shelf " + std::to_string(random_() % 400);
    const std::string note = "counted for the " + std::to_string(random_() % 100) + "th time";
    const Value row[] = {{ValueState::kText, key},
                         {ValueState::kText, units},
                         {ValueState::kText, place},
                         {ValueState::kText, note}};
    Change change;
    change.operation = operation;
    change.relation = &stock_;
    change.new_tuple = row;
    Must(writer->OnChange(change));
  }

  void AddUpdates(SegmentWriter* writer) {
    TransactionInfo transaction;
    transaction.xid = Xid{static_cast<uint32_t>(lsn_ / kLsnStep)};
    transaction.commit_lsn = Lsn{lsn_};
    transaction.commit_time = Timestamp{static_cast<int64_t>(lsn_) * 1000};
    Must(writer->Begin(transaction));
    for (int64_t i = 0; i < kUpdatesPerTransaction; ++i) {
      Add(Operation::kUpdate, 1 + static_cast<int64_t>(random_() % rows_), writer);
    }
    lsn_ += kLsnStep;
    transaction.end_lsn = Lsn{lsn_};
    Must(writer->Commit(transaction));
  }

  const std::string archive_;
  const int64_t rows_ = std::max<int64_t>(1000, Scaled(kRows));
  const Relation stock_ = Stock();
  std::unique_ptr<Store> store_;
  std::unique_ptr<Appender> appender_;
  std::mt19937_64 random_{1};
  uint64_t lsn_ = kFirstLsn + kLsnStep;
};

}  // namespace

void MaintenanceBenchmark() {
  PrintHeading("maintenance");
  TempFolder folder;
  Stockroom once(folder / "once");
  Stockroom kept(folder / "kept");
  Stockroom left(folder / "left");
  once.AddPeriod();
  for (int period = 0; period < kPeriods; ++period) {
    // At its worst: the next one is due just now.
    if (period > 0) kept.TakeSnapshot();
    kept.AddPeriod();
    left.AddPeriod();
  }
  const std::string csv = folder / "csv";
  const std::string rows = std::to_string(once.rows()) + " rows";
  const auto short_history = [&](int) { return once.Rebuild(csv); };
  CompareSeconds(
      rows + " after ten periods, a base snapshot each", "after one",
      [&](int) { return kept.Rebuild(csv); }, short_history);
  CompareSeconds(
      rows + " after ten periods without", "after one", [&](int) { return left.Rebuild(csv); },
      short_history);
  kept.Merge();
  CompareSeconds(
      rows + " after ten periods, a base snapshot each, merged", "after one",
      [&](int) { return kept.Rebuild(csv); }, short_history);
}

}  // namespace trunkline::bench
