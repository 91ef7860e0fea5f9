// A small archive to look at and to damage.
//
//   changes/1000-2000  two transactions      changes/3000-4000  three transactions
//   changes/2000-3000  none                  changes/4000-5000  one of two blocks
//   snapshots/1800     public.orders in two parts, public.empty in one
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "archive/appender.h"
#include "archive/catalog.h"
#include "archive/directory_store.h"
#include "archive/identity.h"
#include "archive/segment_writer.h"
#include "tests/support/must.h"
#include "tests/unit/archive/temporary_folder.h"

namespace trunkline {

using test::Must;

inline Identity SampleIdentity() {
  Identity identity;
  identity.system_identifier = "7300000000000000001";
  identity.database = "shop";
  identity.publication = "trunkline";
  identity.slot = "trunkline";
  return identity;
}

inline Relation Table(std::string name, uint32_t oid = 16384) {
  Relation relation;
  relation.oid = oid;
  relation.schema = "public";
  relation.name = std::move(name);
  relation.columns = {{"id", 23, -1, true, "", ""}, {"note", 25, -1, false, "", ""}};
  return relation;
}

inline SegmentOptions SmallBlocks() {
  SegmentOptions options;
  options.block_changes = 2;
  return options;
}

inline void Insert(SegmentWriter* writer, const Relation& relation, uint64_t id) {
  const std::string id_text = std::to_string(id);
  const Value row[] = {{ValueState::kText, id_text}, {ValueState::kText, "a note"}};
  Change change;
  change.relation = &relation;
  change.new_tuple = row;
  Must(writer->OnChange(change));
}

inline TransactionInfo TransactionAt(uint64_t commit_lsn) {
  TransactionInfo transaction;
  transaction.xid = {static_cast<uint32_t>(commit_lsn)};
  transaction.commit_lsn = {commit_lsn};
  transaction.commit_time = {static_cast<int64_t>(commit_lsn) * 1000000};
  return transaction;
}

// Adds a transaction whose commit record is the eight bytes from `commit_lsn`.
inline void AddTransaction(SegmentWriter* writer, uint64_t commit_lsn, int rows = 1) {
  const Relation orders = Table("orders");
  TransactionInfo transaction = TransactionAt(commit_lsn);
  Must(writer->Begin(transaction));
  for (int i = 0; i < rows; ++i) Insert(writer, orders, commit_lsn + static_cast<uint64_t>(i));
  transaction.end_lsn = {commit_lsn + 8};
  Must(writer->Commit(transaction));
}

inline SegmentWriter Transactions(const std::vector<uint64_t>& commit_lsns, int rows = 1) {
  SegmentWriter writer(SmallBlocks());
  for (const uint64_t lsn : commit_lsns) AddTransaction(&writer, lsn, rows);
  return writer;
}

// Rows as a part of the snapshot at `lsn` has them.
inline SegmentWriter Rows(Lsn lsn, const Relation& relation, int rows) {
  SegmentWriter writer(SmallBlocks());
  TransactionInfo transaction;
  transaction.commit_lsn = lsn;
  Must(writer.Begin(transaction));
  for (int i = 0; i < rows; ++i) Insert(&writer, relation, static_cast<uint64_t>(i));
  transaction.end_lsn = lsn;
  Must(writer.Commit(transaction));
  return writer;
}

class SampleArchive {
 public:
  static constexpr uint32_t kTimeline = 1;
  static constexpr uint32_t kServer = 150018;
  static constexpr char kDefinition[] = R"({
    "format": 1, "server_version": 150018,
    "database": {"name": "shop", "encoding": "UTF8", "collate": "C", "ctype": "C"},
    "schemas": [], "extensions": [], "types": [], "tables": []})";

  SampleArchive() : store_(NewDirectoryStore(folder_ / "archive", "/archive")) {}

  Store* store() { return store_.get(); }
  std::string PathOf(const std::string& object) const { return folder_ / ("archive/" + object); }
  std::unique_ptr<Appender> Open() { return Must(Appender::Open(store(), SampleIdentity())); }

  void Fill() {
    const std::unique_ptr<Appender> appender = Open();
    appender->set_begin({0x1000});
    Must(appender->AppendSegment(Transactions({0x1100, 0x1900}), {0x2000}, kTimeline, kServer));
    TakeSnapshot(appender.get(), {0x1800});
    Must(appender->AppendSegment(Transactions({}), {0x3000}, kTimeline, kServer));
    Must(appender->AppendSegment(Transactions({0x3000, 0x3100, 0x3FF8}), {0x4000}, kTimeline,
                                 kServer));
    Must(appender->AppendSegment(Transactions({0x4100}, 4), {0x5000}, kTimeline, kServer));
  }

  static std::vector<SnapshotPart> PutParts(Appender* appender, Lsn lsn) {
    const Relation orders = Table("orders");
    const Relation empty = Table("empty", 16385);
    return {Must(appender->PutSnapshotPart(Rows(lsn, orders, 5), lsn, orders, 0)),
            Must(appender->PutSnapshotPart(Rows(lsn, orders, 3), lsn, orders, 1)),
            Must(appender->PutSnapshotPart(Rows(lsn, empty, 0), lsn, empty, 0))};
  }

  static void TakeSnapshot(Appender* appender, Lsn lsn) {
    Must(appender->CompleteSnapshot(lsn, PutParts(appender, lsn), kDefinition, kTimeline, kServer));
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
};

}  // namespace trunkline
