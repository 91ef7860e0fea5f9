// Small archives for tests, written as a script of transactions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/appender.h"
#include "archive/catalog.h"
#include "archive/segment_writer.h"
#include "archive/store.h"
#include "replay/state.h"
#include "replay/target.h"

namespace trunkline::test {

struct Cell {
  Cell(const char* value) : state(ValueState::kText), text(value) {}
  Cell(std::string value) : state(ValueState::kText), text(std::move(value)) {}
  Cell(std::nullptr_t) {}
  Cell(ValueState special) : state(special) {}

  ValueState state = ValueState::kNull;
  std::string text;
};
inline constexpr ValueState kUnchanged = ValueState::kUnchangedToast;

using Row = std::vector<Cell>;

// A table "public.<name>" of text columns; a name with a star behind it is part of the key.
Relation MakeRelation(uint32_t oid, const std::string& name,
                      const std::vector<std::string>& columns,
                      ReplicaIdentity identity = ReplicaIdentity::kDefault);
// What a definition says of a relation.
struct TableSpec {
  Relation relation;
  std::vector<int> attnums = {};                                  // empty: 1, 2, ...
  std::vector<std::pair<std::string, std::string>> missing = {};  // column, constant
  std::vector<std::string> not_null = {};
  std::vector<uint32_t> since = {};  // a column each; empty: not known
};
std::string DefinitionOf(const std::vector<TableSpec>& tables, bool all_tables = false);

struct ChangeSpec {
  Operation operation = Operation::kInsert;
  std::optional<Relation> relation = {};
  OldTupleKind old_kind = OldTupleKind::kNone;
  Row old_row = {};
  Row new_row = {};
  std::vector<Relation> truncated = {};
  uint8_t flags = 0;
  std::string prefix = {};
  std::string content = {};
  Lsn message_lsn = {};
  bool transactional = true;
};
ChangeSpec Insert(const Relation& relation, Row row);
ChangeSpec Update(const Relation& relation, Row row);
ChangeSpec UpdateKey(const Relation& relation, Row old_key, Row row);
ChangeSpec UpdateFull(const Relation& relation, Row old_row, Row row);
ChangeSpec Delete(const Relation& relation, Row key);
ChangeSpec DeleteFull(const Relation& relation, Row row);
ChangeSpec Truncate(std::vector<Relation> relations, uint8_t flags = 0);
ChangeSpec Define(std::string definition, Lsn settled = {});
ChangeSpec Message(std::string prefix, std::string content);

class ArchiveBuilder {
 public:
  // LSNs below are plain numbers; the archive's first segment begins at `begin`. Blocks are small,
  // so that transactions lie across them.
  explicit ArchiveBuilder(uint64_t begin = 100);
  ~ArchiveBuilder();
  ArchiveBuilder(const ArchiveBuilder&) = delete;
  ArchiveBuilder& operator=(const ArchiveBuilder&) = delete;

  using Contents = std::pair<Relation, std::vector<Row>>;
  // Without a definition: that of the tables. `earlier`: parts of snapshots of single tables.
  void Snapshot(uint64_t lsn, const std::vector<Contents>& tables,
                const std::string& definition = {}, Timestamp time = {},
                const std::vector<SnapshotPart>& earlier = {});
  // Each table by itself.
  std::vector<SnapshotPart> TableSnapshots(uint64_t lsn, const std::vector<Contents>& tables,
                                           const std::string& definition = {});
  // One table, with parts of it that were copied at earlier LSNs.
  std::vector<SnapshotPart> TableSnapshotWith(uint64_t lsn, const Contents& table,
                                              const std::vector<SnapshotPart>& earlier);
  // What an attempt at a table's snapshot that was cut short leaves.
  SnapshotPart Pages(uint64_t lsn, const Contents& rows, uint64_t first_page);
  // A transaction of xid `lsn` whose commit record is the eight bytes from `lsn`; its time is `lsn`
  // seconds unless given.
  void Commit(uint64_t lsn, const std::vector<ChangeSpec>& changes,
              std::optional<int64_t> seconds = {}, std::optional<uint32_t> xid = {});
  // A message outside of transactions.
  void Emit(uint64_t lsn, const std::string& prefix, const std::string& content);
  // Publishes the transactions since the last call as one segment up to `end`.
  void Publish(uint64_t end);
  void Gap(uint64_t end);

  const Store& store() const { return *store_; }
  const std::string& folder() const { return folder_; }
  std::string url() const { return folder_ + "/archive"; }
  Catalog ReadCatalog() const;
  Result<ResolvedTarget> Resolve(const std::string& target) const;
  // In memory; the same with the rows on disk must have the same rows, or fails the test.
  Result<DatabaseState> Rebuild(const std::string& target,
                                const std::vector<std::string>& tables = {},
                                const RowsPart& part = {}) const;
  Result<DatabaseState> Rebuild(const ResolvedTarget& target, StateOptions options) const;

 private:
  SnapshotPart PutPart(uint64_t lsn, const Contents& table, Timestamp time) const;

  std::string folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Appender> appender_;
  std::optional<SegmentWriter> writer_;
};

// The rows of a table in their order, a line each, as CSV; "no table" where it is not there.
std::string Rows(const DatabaseState& state, const std::string& table);
// The same of a whole rebuild; the error's message where it fails.
std::string Rows(const Result<DatabaseState>& state, const std::string& table);

}  // namespace trunkline::test
