// How long one row's history takes in an archive of 10 million changes, with an index and without.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

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

constexpr milliseconds kDeadline = seconds(3600);
constexpr int64_t kChanges = 10'000'000;
constexpr int64_t kChangesPerKey = 5;  // of which the first inserts it
constexpr int64_t kChangesPerTransaction = 10;
constexpr int64_t kChangesPerSegment = 500'000;
constexpr uint64_t kBegin = 0x1000;
constexpr uint64_t kWalBytes = 100;  // a transaction

constexpr char kDefinition[] = R"({"format": 1, "server_version": 150018,
  "database": {"name": "shop", "encoding": "UTF8", "collate": "C", "ctype": "C"},
  "all_tables": true, "schemas": ["public"], "extensions": [], "types": [], "tables": []})";

Relation Orders() {
  Relation relation;
  relation.oid = 16384;
  relation.schema = "public";
  relation.name = "orders";
  const auto add = [&](const char* name, uint32_t type_oid, bool key) {
    RelationColumn& column = relation.columns.emplace_back();
    column.name = name;
    column.type_oid = type_oid;
    column.key = key;
  };
  add("id", 20, true);
  add("customer_id", 23, false);
  add("units", 23, false);
  add("state", 25, false);
  add("note", 25, false);
  return relation;
}

// An archive whose rows are made one after the other, and changed at random.
class HistoryBench {
 public:
  HistoryBench() : changes_(std::max<int64_t>(kChangesPerTransaction * 10, Scaled(kChanges))) {
    Identity identity;
    identity.system_identifier = "7300000000000000001";
    identity.database = "shop";
    identity.publication = "trunkline";
    identity.slot = "trunkline";
    const std::unique_ptr<Store> store = Must(OpenStore(archive()));
    const std::unique_ptr<Appender> appender = Must(Appender::Open(store.get(), identity));
    appender->set_begin(Lsn{kBegin});
    Must(appender->CompleteSnapshot(Lsn{kBegin}, {}, kDefinition, 1, 150018));
    for (int64_t done = 0; done < changes_;) {
      SegmentWriter writer{SegmentOptions{}};
      const int64_t end = std::min(changes_, done + kChangesPerSegment);
      for (; done < end; done += kChangesPerTransaction) AddTransaction(&writer);
      Must(appender->AppendSegment(std::move(writer), Lsn{lsn_}, 1, 150018));
    }
  }

  void Run() {
    const double made = Seconds({"index", archive(), "--index", index()});
    const double updated = Seconds({"index", archive(), "--index", index()});
    std::vector<double> start;
    std::vector<double> with_index;
    std::vector<double> without;
    const int64_t keys = std::max<int64_t>(1, keys_);
    for (int i = 0; i < 10 * Repetitions(); ++i) {
      start.push_back(Seconds({"--version"}));
      with_index.push_back(History(1 + i * 7919 % keys, {"--index", index()}));
    }
    for (int i = 0; i < Repetitions(); ++i) without.push_back(History(1 + i * 7919 % keys, {}));
    std::printf("%ld changes indexed in %.1f s, looked at again in %.3f s\n",
                static_cast<long>(changes_), made, updated);
    Print("the program's start alone", start);
    Print("one row's history, with the index", with_index);
    Print("one row's history, without", without);
  }

 private:
  std::string archive() const { return folder_ / "archive"; }
  std::string index() const { return folder_ / "index"; }

  void AddTransaction(SegmentWriter* writer) {
    TransactionInfo transaction;
    transaction.xid = Xid{static_cast<uint32_t>(lsn_ / kWalBytes)};
    transaction.commit_lsn = Lsn{lsn_};
    transaction.commit_time = Timestamp{static_cast<int64_t>(lsn_) * 1000};
    Must(writer->Begin(transaction));
    for (int64_t i = 0; i < kChangesPerTransaction; ++i) AddChange(writer);
    lsn_ += kWalBytes;
    transaction.end_lsn = Lsn{lsn_};
    Must(writer->Commit(transaction));
  }

  void AddChange(SegmentWriter* writer) {
    const bool insert = keys_ == 0 || random_() % kChangesPerKey == 0;
    const int64_t key = insert ? ++keys_ : 1 + static_cast<int64_t>(random_() % keys_);
    const std::string id = std::to_string(key);
    const std::string customer = std::to_string(key * 7 % 10'000);
    const std::string units = std::to_string(random_() % 40);
    const std::string note = "order " + id + " of customer " + customer;
    const Value row[] = {{ValueState::kText, id},
                         {ValueState::kText, customer},
                         {ValueState::kText, units},
                         {ValueState::kText, insert ? "placed" : "changed"},
                         {ValueState::kText, note}};
    Change change;
    change.operation = insert ? Operation::kInsert : Operation::kUpdate;
    change.relation = &orders_;
    change.new_tuple = row;
    Must(writer->OnChange(change));
  }

  double History(int64_t key, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"history", archive(), "--table",
                                          "orders",  "--key",   std::to_string(key)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Seconds(arguments);
  }

  double Seconds(const std::vector<std::string>& arguments) {
    const Outcome outcome = Trunkline(arguments, kDeadline,
                                      {.environment = {{"XDG_CACHE_HOME", folder_ / "no-cache"}}});
    if (outcome.exit_code != 0) throw std::runtime_error(outcome.err);
    return outcome.elapsed_seconds;
  }

  static void Print(const char* what, const std::vector<double>& seconds) {
    const Sample sample = Summarise(seconds);
    std::printf("%s: %.1f ms (%.1f-%.1f)\n", what, 1000 * sample.median, 1000 * sample.least,
                1000 * sample.most);
  }

  const int64_t changes_;
  const Relation orders_ = Orders();
  TempFolder folder_;
  std::mt19937_64 random_{1};
  int64_t keys_ = 0;
  uint64_t lsn_ = kBegin + kWalBytes;
};

}  // namespace

void HistoryBenchmark() {
  PrintHeading("history");
  HistoryBench().Run();
}

}  // namespace trunkline::bench
