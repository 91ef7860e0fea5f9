#include "tests/unit/replay/archive_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/unit/replay/csv_row.h"

namespace trunkline::test {
namespace {

using Json = nlohmann::json;

void Check(const Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().ToString());
}
template <typename T>
T Checked(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
  return std::move(*result);
}

std::vector<Value> Borrow(const Row& row) {
  std::vector<Value> values;
  for (const Cell& cell : row) values.push_back({cell.state, cell.text});
  return values;
}

void Write(const ChangeSpec& spec, SegmentWriter* writer) {
  const std::vector<Value> old_tuple = Borrow(spec.old_row);
  const std::vector<Value> new_tuple = Borrow(spec.new_row);
  std::vector<const Relation*> truncated;
  for (const Relation& relation : spec.truncated) truncated.push_back(&relation);
  Change change;
  change.operation = spec.operation;
  change.relation = spec.relation ? &*spec.relation : nullptr;
  change.old_kind = spec.old_kind;
  change.old_tuple = old_tuple;
  change.new_tuple = new_tuple;
  change.truncated = truncated;
  change.truncate_flags = spec.flags;
  change.prefix = spec.prefix;
  change.content = spec.content;
  change.message_lsn = spec.message_lsn;
  change.transactional = spec.transactional;
  Check(writer->OnChange(change));
}

void WriteTransaction(TransactionInfo transaction, const std::vector<ChangeSpec>& changes,
                      Lsn end_lsn, SegmentWriter* writer) {
  Check(writer->Begin(transaction));
  for (const ChangeSpec& change : changes) Write(change, writer);
  transaction.end_lsn = end_lsn;
  Check(writer->Commit(transaction));
}

SegmentOptions SmallBlocks() {
  SegmentOptions options;
  options.block_changes = 3;
  return options;
}

Json ColumnJson(const TableSpec& table, size_t index) {
  const RelationColumn& column = table.relation.columns[index];
  const auto missing =
      std::find_if(table.missing.begin(), table.missing.end(),
                   [&](const auto& constant) { return constant.first == column.name; });
  const bool not_null =
      std::find(table.not_null.begin(), table.not_null.end(), column.name) != table.not_null.end();
  return {{"attnum", table.attnums.empty() ? static_cast<int>(index) + 1 : table.attnums[index]},
          {"name", column.name},
          {"since", table.since.empty() ? Json(nullptr) : Json(table.since[index])},
          {"type", "text"},
          {"type_oid", column.type_oid},
          {"type_modifier", column.type_modifier},
          {"collation", nullptr},
          {"not_null", not_null},
          {"default", nullptr},
          {"identity", ""},
          {"generated", ""},
          {"missing", missing == table.missing.end() ? Json(nullptr) : Json(missing->second)}};
}

}  // namespace

Relation MakeRelation(uint32_t oid, const std::string& name,
                      const std::vector<std::string>& columns, ReplicaIdentity identity) {
  Relation relation;
  relation.oid = oid;
  relation.schema = "public";
  relation.name = name;
  relation.identity = identity;
  for (std::string column : columns) {
    const bool key = column.back() == '*';
    if (key) column.pop_back();
    RelationColumn made;
    made.name = column;
    made.type_oid = 25;
    made.key = key || identity == ReplicaIdentity::kFull;
    relation.columns.push_back(made);
  }
  return relation;
}

std::string DefinitionOf(const std::vector<TableSpec>& tables, bool all_tables) {
  Json json = {
      {"format", 1},
      {"server_version", 150018},
      {"database", {{"name", "shop"}, {"encoding", "UTF8"}, {"collate", "C"}, {"ctype", "C"}}},
      {"all_tables", all_tables},
      {"schemas", {"public"}},
      {"extensions", Json::array()},
      {"types", Json::array()},
      {"tables", Json::array()}};
  for (const TableSpec& table : tables) {
    Json columns = Json::array();
    Json keys = Json::array();
    for (size_t i = 0; i < table.relation.columns.size(); ++i) {
      columns.push_back(ColumnJson(table, i));
      if (table.relation.columns[i].key) keys.push_back(table.relation.columns[i].name);
    }
    json["tables"].push_back(
        {{"oid", table.relation.oid},
         {"schema", table.relation.schema},
         {"name", table.relation.name},
         {"kind", "r"},
         {"published", true},
         {"persistence", "p"},
         {"replica_identity", std::string(1, static_cast<char>(table.relation.identity))},
         {"key_columns", keys},
         {"partition_key", nullptr},
         {"parent", nullptr},
         {"columns", columns},
         {"row_filter", nullptr},
         {"published_columns", nullptr},
         {"constraints", Json::array()},
         {"indexes", Json::array()},
         {"sequences", Json::array()}});
  }
  return json.dump();
}

ChangeSpec Insert(const Relation& relation, Row row) {
  return {.operation = Operation::kInsert, .relation = relation, .new_row = std::move(row)};
}
ChangeSpec Update(const Relation& relation, Row row) {
  return {.operation = Operation::kUpdate, .relation = relation, .new_row = std::move(row)};
}
ChangeSpec UpdateKey(const Relation& relation, Row old_key, Row row) {
  return {.operation = Operation::kUpdate,
          .relation = relation,
          .old_kind = OldTupleKind::kKey,
          .old_row = std::move(old_key),
          .new_row = std::move(row)};
}
ChangeSpec UpdateFull(const Relation& relation, Row old_row, Row row) {
  ChangeSpec change = UpdateKey(relation, std::move(old_row), std::move(row));
  change.old_kind = OldTupleKind::kFull;
  return change;
}
ChangeSpec Delete(const Relation& relation, Row key) {
  return {.operation = Operation::kDelete,
          .relation = relation,
          .old_kind = OldTupleKind::kKey,
          .old_row = std::move(key)};
}
ChangeSpec DeleteFull(const Relation& relation, Row row) {
  ChangeSpec change = Delete(relation, std::move(row));
  change.old_kind = OldTupleKind::kFull;
  return change;
}
ChangeSpec Truncate(std::vector<Relation> relations, uint8_t flags) {
  return {.operation = Operation::kTruncate, .truncated = std::move(relations), .flags = flags};
}
ChangeSpec Define(std::string definition, Lsn settled) {
  return {.operation = Operation::kDefinition,
          .content = std::move(definition),
          .message_lsn = settled};
}
ChangeSpec Message(std::string prefix, std::string content) {
  return {
      .operation = Operation::kMessage, .prefix = std::move(prefix), .content = std::move(content)};
}

ArchiveBuilder::ArchiveBuilder(uint64_t begin) {
  std::string folder = "/tmp/trunkline-test-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp");
  folder_ = folder;
  store_ = Checked(OpenStore(url()));
  Identity identity;
  identity.system_identifier = "7300000000000000001";
  identity.database = "shop";
  identity.publication = "trunkline";
  identity.slot = "trunkline";
  appender_ = Checked(Appender::Open(store_.get(), identity));
  appender_->set_begin(Lsn{begin});
  writer_.emplace(SmallBlocks());
}

ArchiveBuilder::~ArchiveBuilder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

SnapshotPart ArchiveBuilder::PutPart(uint64_t lsn, const Contents& table, Timestamp time) const {
  const auto& [relation, rows] = table;
  SegmentWriter writer{SmallBlocks()};
  std::vector<ChangeSpec> inserts;
  for (const Row& row : rows) inserts.push_back(Insert(relation, row));
  TransactionInfo transaction;
  transaction.commit_lsn = Lsn{lsn};
  transaction.commit_time = time;
  WriteTransaction(transaction, inserts, Lsn{lsn}, &writer);
  return Checked(appender_->PutSnapshotPart(std::move(writer), Lsn{lsn}, relation, 0));
}

void ArchiveBuilder::Snapshot(uint64_t lsn, const std::vector<Contents>& tables,
                              const std::string& definition, Timestamp time,
                              const std::vector<SnapshotPart>& earlier) {
  std::vector<SnapshotPart> parts = earlier;
  std::vector<TableSpec> specs;
  for (const Contents& table : tables) {
    specs.push_back({.relation = table.first});
    parts.push_back(PutPart(lsn, table, time));
  }
  for (const SnapshotPart& part : earlier) specs.push_back({.relation = part.relation});
  Check(appender_->CompleteSnapshot(Lsn{lsn}, std::move(parts),
                                    definition.empty() ? DefinitionOf(specs) : definition, 1,
                                    150018));
}

std::vector<SnapshotPart> ArchiveBuilder::TableSnapshots(uint64_t lsn,
                                                         const std::vector<Contents>& tables,
                                                         const std::string& definition) {
  std::vector<SnapshotPart> parts;
  std::vector<TableSpec> specs;
  for (const Contents& table : tables) specs.push_back({.relation = table.first});
  Check(appender_->PutSnapshotDefinition(
      Lsn{lsn}, definition.empty() ? DefinitionOf(specs) : definition, "state", 1, 150018));
  for (const Contents& table : tables) {
    parts.push_back(PutPart(lsn, table, {}));
    Check(appender_->CompleteTable(Lsn{lsn}, {parts.back()}, {}, 1, 150018));
  }
  return parts;
}

std::vector<SnapshotPart> ArchiveBuilder::TableSnapshotWith(
    uint64_t lsn, const Contents& table, const std::vector<SnapshotPart>& earlier) {
  Check(appender_->PutSnapshotDefinition(Lsn{lsn}, DefinitionOf({{.relation = table.first}}),
                                         "state", 1, 150018));
  std::vector<SnapshotPart> parts = earlier;
  parts.push_back(PutPart(lsn, table, {}));
  Check(appender_->CompleteTable(Lsn{lsn}, parts, {}, 1, 150018));
  return parts;
}

SnapshotPart ArchiveBuilder::Pages(uint64_t lsn, const Contents& rows, uint64_t first_page) {
  Check(appender_->PutSnapshotDefinition(Lsn{lsn}, DefinitionOf({{.relation = rows.first}}),
                                         "state", 1, 150018));
  const SnapshotPart part = PutPart(lsn, rows, {});
  Checked(appender_->KeepPages(Lsn{lsn}, {part}, {.begin = first_page, .end = first_page + 1}, 1,
                               150018));
  return part;
}

void ArchiveBuilder::Commit(uint64_t lsn, const std::vector<ChangeSpec>& changes,
                            std::optional<int64_t> seconds, std::optional<uint32_t> xid) {
  TransactionInfo transaction;
  transaction.xid = Xid{xid.value_or(static_cast<uint32_t>(lsn))};
  transaction.commit_lsn = Lsn{lsn};
  transaction.commit_time = Timestamp{seconds.value_or(static_cast<int64_t>(lsn)) * 1'000'000};
  WriteTransaction(transaction, changes, Lsn{lsn + 8}, &*writer_);
}

void ArchiveBuilder::Emit(uint64_t lsn, const std::string& prefix, const std::string& content) {
  TransactionInfo transaction;
  transaction.commit_lsn = Lsn{lsn};
  transaction.end_lsn = Lsn{lsn};
  ChangeSpec change = Message(prefix, content);
  change.transactional = false;
  WriteTransaction(transaction, {change}, Lsn{lsn}, &*writer_);
}

void ArchiveBuilder::Publish(uint64_t end) {
  Check(appender_->AppendSegment(std::move(*writer_), Lsn{end}, 1, 150018));
  writer_.emplace(SmallBlocks());
}

void ArchiveBuilder::Gap(uint64_t end) {
  Check(appender_->AppendGap(Lsn{end}, "the slot was lost", 1, 150018));
}

Catalog ArchiveBuilder::ReadCatalog() const { return Checked(LoadCatalog(*store_)); }

namespace {

class SilentObserver final : public SkipObserver {
 public:
  void OnSkipped(const TransactionInfo&, const Change&) override {}
  void OnConflict(const Conflict&) override {}
};

std::vector<std::string> SortedRows(const TableState& table) {
  std::vector<std::string> rows;
  Check(table.ForEachRow(0, table.row_count(), [&](Tuple row) -> Result<void> {
    rows.push_back(CsvRow(row));
    return {};
  }));
  std::sort(rows.begin(), rows.end());
  return rows;
}

// Rows on disk are in another order, and nothing else about them is different.
void ExpectSameRows(const Result<DatabaseState>& in_memory, const Result<DatabaseState>& on_disk) {
  ASSERT_EQ(in_memory.has_value(), on_disk.has_value());
  if (!in_memory) {
    EXPECT_EQ(in_memory.error().ToString(), on_disk.error().ToString());
    return;
  }
  EXPECT_EQ(in_memory->warnings, on_disk->warnings);
  ASSERT_EQ(in_memory->tables.size(), on_disk->tables.size());
  for (size_t i = 0; i < in_memory->tables.size(); ++i) {
    const TableState& table = *in_memory->tables[i];
    const TableState& spilled = *on_disk->tables[i];
    EXPECT_EQ(table.relation(), spilled.relation());
    EXPECT_EQ(table.row_count(), spilled.row_count());
    EXPECT_EQ(SortedRows(table), SortedRows(spilled)) << table.relation().name;
  }
}

}  // namespace

Result<ResolvedTarget> ArchiveBuilder::Resolve(const std::string& target) const {
  ASSIGN_OR_RETURN(const Target parsed, ParseTarget(target));
  return ResolveTarget(*store_, ReadCatalog(), parsed);
}

Result<DatabaseState> ArchiveBuilder::Rebuild(const std::string& target,
                                              const std::vector<std::string>& tables,
                                              const RowsPart& part) const {
  ASSIGN_OR_RETURN(const ResolvedTarget resolved, Resolve(target));
  StateOptions options;
  options.tables = tables;
  options.part = part;
  return Rebuild(resolved, options);
}

Result<DatabaseState> ArchiveBuilder::Rebuild(const ResolvedTarget& target,
                                              StateOptions options) const {
  Result<DatabaseState> state = BuildState(*store_, ReadCatalog(), target, options);
  SilentObserver silent;
  if (options.skip_observer != nullptr) options.skip_observer = &silent;
  options.memory = {.bytes = 0, .directory = folder_};
  ExpectSameRows(state, BuildState(*store_, ReadCatalog(), target, options));
  return state;
}

std::string Rows(const DatabaseState& state, const std::string& table) {
  const TableState* found = state.FindTable({"public", table});
  if (found == nullptr) return "no table";
  std::string lines;
  Check(found->ForEachRow(0, found->row_count(), [&](Tuple row) -> Result<void> {
    lines += CsvRow(row);
    return {};
  }));
  return lines;
}

std::string Rows(const Result<DatabaseState>& state, const std::string& table) {
  return state ? Rows(*state, table) : state.error().message;
}

}  // namespace trunkline::test
