#include "replay/pgdata_load.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <thread>
#include <utility>

#include "replay/ddl_text.h"
#include "replay/parallel.h"
#include "replay/pgdata_table.h"

namespace trunkline {
namespace {

using postgres::Connection;
using postgres::Rows;

// Those whose files are as described here.
constexpr int kFirstKnownVersion = 140000;
constexpr int kFirstUnknownVersion = 190000;
// With fewer, COPY is as fast as looking at the table.
constexpr uint64_t kWorthwhileRows = 10'000;
// Of all of a table's indexes, which are in memory at once: 256 MB, what a server of ours may take
// to sort one.
constexpr uint64_t kMostEntries = 16'000'000;

std::string TableLiteral(const QualifiedName& name) {
  return postgres::QuoteLiteral(Qualified(name)) + "::pg_catalog.regclass";
}

// An ordinary table without anything that says how rows are to be placed, or whether they may.
constexpr char kPlainTable[] =
    "SELECT pg_catalog.pg_relation_filepath(c.oid) FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_am a ON a.oid = c.relam WHERE c.relkind = 'r' AND c.relpersistence = 'p' "
    "AND c.reltablespace = 0 AND c.reloptions IS NULL AND NOT c.relispartition AND "
    "NOT c.relhasrules AND NOT c.relhastriggers AND a.amname = 'heap' AND "
    "NOT c.relhasindex AND pg_catalog.pg_relation_size(c.oid) = 0 AND c.oid = ";

constexpr char kAttributes[] =
    "SELECT attname, atttypid, attlen, attalign, attstorage, atttypmod, attnotnull, "
    "attgenerated <> '' FROM pg_catalog.pg_attribute WHERE attnum > 0 AND attrelid = ";

// Oid, name, path, place of the column, whether unique, whether of the kind that is known.
constexpr char kIndexes[] =
    "SELECT i.indexrelid, pg_catalog.format('%I.%I', n.nspname, c.relname), "
    "pg_catalog.pg_relation_filepath(c.oid), i.indkey[0] - 1, i.indisunique, "
    "i.indnatts = 1 AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indoption[0] = 0 AND "
    "c.reloptions IS NULL AND c.reltablespace = 0 AND a.amname = 'btree' AND o.opcdefault AND "
    "i.indisvalid AND NOT i.indisexclusion AND i.indkey[0] > 0 "
    "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_catalog.pg_am a ON a.oid = c.relam "
    "JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[0] WHERE i.indrelid = ";

// Those over one column of the same type on both sides, which may be compared by their numbers:
// oid, name, place of the column, schema, table and column that it refers to.
constexpr char kForeignKeys[] =
    "SELECT k.oid, k.conname, k.conkey[1] - 1, n.nspname, c.relname, theirs.attname "
    "FROM pg_catalog.pg_constraint k "
    "JOIN pg_catalog.pg_class c ON c.oid = k.confrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_catalog.pg_attribute ours ON ours.attrelid = k.conrelid AND ours.attnum = k.conkey[1] "
    "JOIN pg_catalog.pg_attribute theirs ON theirs.attrelid = k.confrelid AND "
    "theirs.attnum = k.confkey[1] "
    "WHERE k.contype = 'f' AND NOT k.convalidated AND pg_catalog.cardinality(k.conkey) = 1 AND "
    "c.relkind = 'r' AND NOT c.relispartition AND ours.atttypid = theirs.atttypid AND "
    "ours.atttypid IN (20, 21, 23) AND k.conrelid = ";

std::vector<HeapAttribute> Attributes(const Rows& rows) {
  std::vector<HeapAttribute> attributes;
  for (int i = 0; i < rows.size(); ++i) {
    attributes.push_back({.name = std::string(rows.at(i, 0)),
                          .type_oid = static_cast<uint32_t>(rows.number(i, 1)),
                          .length = static_cast<int>(rows.number(i, 2)),
                          .alignment = rows.at(i, 3).front(),
                          .storage = rows.at(i, 4).front(),
                          .modifier = static_cast<int32_t>(rows.number(i, 5)),
                          .not_null = rows.at(i, 6) == "t",
                          .generated = rows.at(i, 7) == "t"});
  }
  return attributes;
}

size_t Workers() { return std::max(std::thread::hardware_concurrency(), 1U); }

}  // namespace

Result<PgdataLoad> PgdataLoad::Plan(Connection* connection, const DatabaseState& state,
                                    std::span<const LoadedTable> tables, Stage* stage) {
  PgdataLoad load(state, stage);
  const auto is_large = [](const auto& table) { return table->row_count() >= kWorthwhileRows; };
  if (std::none_of(state.tables.begin(), state.tables.end(), is_large)) return load;
  ASSIGN_OR_RETURN(const bool known, load.KnowsFormat(connection));
  if (!known) return load;
  for (size_t number = 0; number < tables.size(); ++number) {
    if (!is_large(state.tables[number])) continue;
    TRY(load.PlanTable(connection, tables[number], number));
  }
  return load;
}

// Text is stored as it is kept here, in UTF-8.
Result<bool> PgdataLoad::KnowsFormat(Connection* connection) {
  const int version = connection->server_version();
  if (version < kFirstKnownVersion || version >= kFirstUnknownVersion) return false;
  if (state_->definition.database.encoding != "UTF8") return false;
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection->Exec("SELECT pg_catalog.current_setting('block_size') = '8192' AND "
                       "pg_catalog.current_setting('data_checksums') = 'off' AND "
                       "pg_catalog.current_setting('server_encoding') = 'UTF8', "
                       "pg_catalog.pg_size_bytes(pg_catalog.current_setting('segment_size')), "
                       "pg_catalog.pg_current_xact_id()"));
  limits_.segment_bytes = static_cast<uint64_t>(rows.number(0, 1));
  limits_.xid = static_cast<uint32_t>(rows.number(0, 2));
  return rows.at(0, 0) == "t";
}

Result<void> PgdataLoad::PlanTable(Connection* connection, const LoadedTable& loaded,
                                   size_t number) {
  const std::string name = TableLiteral(loaded.name);
  ASSIGN_OR_RETURN(const Rows plain, connection->Exec(kPlainTable + name));
  if (plain.size() != 1) return {};
  ASSIGN_OR_RETURN(const Rows attributes,
                   connection->Exec(kAttributes + name + " ORDER BY attnum"));
  const TableState& rows = *state_->tables[number];
  auto format = HeapFormat::For(rows.relation(), loaded.columns, Attributes(attributes));
  if (!format) return {};
  Table table{.number = number,
              .name = loaded.name,
              .path = std::string(plain.at(0, 0)),
              .format = std::move(*format)};
  TRY(MakeIndexes(connection, &table));
  tables_.push_back(std::move(table));
  return {};
}

// One that turns out to be of another kind is dropped: the server makes it when the rows are there.
Result<void> PgdataLoad::MakeIndexes(Connection* connection, Table* table) {
  const uint64_t rows = state_->tables[table->number]->row_count();
  std::set<std::string> seen;
  std::vector<Statement> left;
  for (Statement& statement : stage_->statements) {
    const bool may =
        statement.table == table->number && (table->indexes.size() + 1) * rows <= kMostEntries;
    if (!may || !connection->Exec(statement.sql)) {
      left.push_back(std::move(statement));
      continue;
    }
    ASSIGN_OR_RETURN(const Rows indexes, connection->Exec(kIndexes + TableLiteral(table->name)));
    for (int i = 0; i < indexes.size(); ++i) {
      if (!seen.insert(std::string(indexes.at(i, 0))).second) continue;
      const std::string name(indexes.at(i, 1));
      const bool known = indexes.at(i, 5) == "t";
      const auto attribute = known ? static_cast<size_t>(indexes.number(i, 3)) : 0;
      if (known && table->format.KeyBytes(attribute) > 0) {
        table->indexes.push_back({.statement = std::move(statement),
                                  .name = name,
                                  .path = std::string(indexes.at(i, 2)),
                                  .attribute = attribute,
                                  .unique = indexes.at(i, 4) == "t"});
      } else {
        TRY(connection->Exec("DROP INDEX " + name));
        left.push_back(std::move(statement));
      }
    }
  }
  stage_->statements = std::move(left);
  return {};
}

Result<void> PgdataLoad::Write(const std::string& data_directory, const Count& count) {
  for (Table& table : tables_) {
    std::vector<HeapIndex> indexes;
    for (Index& index : table.indexes) indexes.push_back({index.attribute, &index.entries, false});
    ASSIGN_OR_RETURN(RelationFile file,
                     RelationFile::Open(data_directory + "/" + table.path, limits_.segment_bytes));
    ASSIGN_OR_RETURN(table.written, WriteHeap(*state_->tables[table.number], table.format,
                                              limits_.xid, Workers(), &file, indexes, count));
    TRY(InParallel(Workers(), table.indexes.size(), [&](size_t, size_t i) -> Result<void> {
      Index& index = table.indexes[i];
      IndexEntries entries = std::exchange(index.entries, {});
      if (!table.written || indexes[i].has_null) return {};
      return WriteIndex(data_directory, table, std::move(entries), &index);
    }));
  }
  return {};
}

Result<void> PgdataLoad::WriteIndex(const std::string& data_directory, const Table& table,
                                    IndexEntries entries, Index* index) const {
  ASSIGN_OR_RETURN(RelationFile file,
                   RelationFile::Open(data_directory + "/" + index->path, limits_.segment_bytes));
  SortEntries(&entries);
  const BtreeOptions options{.key_bytes = table.format.KeyBytes(index->attribute),
                             .unique = index->unique};
  ASSIGN_OR_RETURN(index->written, WriteBtree(entries, options, &file));
  if (!index->written || index->unique) return {};
  for (const IndexEntry& entry : entries) {
    if (index->keys.empty() || index->keys.back() != entry.key) index->keys.push_back(entry.key);
  }
  return {};
}

Result<void> PgdataLoad::GiveBack(Connection* connection) {
  for (Table& table : tables_) {
    for (Index& index : table.indexes) {
      if (table.written && index.written) continue;
      TRY(connection->Exec("DROP INDEX " + index.name));
      stage_->statements.push_back(std::move(index.statement));
    }
  }
  return {};
}

// Whether the rows of that table have all of the index's keys in `column`.
bool PgdataLoad::Holds(const Index& index, const std::string& schema, const std::string& table,
                       std::string_view column) const {
  const TableState* referenced = state_->FindTable({schema, table});
  if (referenced == nullptr) return false;
  const auto& columns = referenced->relation().columns;
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const RelationColumn& each) { return each.name == column; });
  if (found == columns.end()) return false;
  const auto number = static_cast<size_t>(found - columns.begin());
  std::vector<int64_t> keys;
  keys.reserve(referenced->row_count());
  const auto read =
      referenced->ForEachCells(0, referenced->row_count(), [&](std::span<const Cell> row) {
        if (row[number].kind == Cell::Kind::kNumber) keys.push_back(row[number].number);
        return Result<void>();
      });
  std::sort(keys.begin(), keys.end());
  return read && std::includes(keys.begin(), keys.end(), index.keys.begin(), index.keys.end());
}

Result<void> PgdataLoad::MarkValid(Connection* connection, const Stage& validations) const {
  const auto asked_for = [&](const Table& table, std::string_view constraint) {
    const std::string sql = ValidateConstraint(table.name, constraint);
    return std::any_of(validations.statements.begin(), validations.statements.end(),
                       [&](const Statement& statement) { return statement.sql == sql; });
  };
  for (const Table& table : tables_) {
    const std::string name = TableLiteral(table.name);
    ASSIGN_OR_RETURN(const Rows keys, connection->Exec(kForeignKeys + name));
    for (int i = 0; i < keys.size(); ++i) {
      if (!asked_for(table, keys.at(i, 1))) continue;
      const auto attribute = static_cast<size_t>(keys.number(i, 2));
      const auto index =
          std::find_if(table.indexes.begin(), table.indexes.end(), [&](const Index& each) {
            return each.attribute == attribute && each.written && !each.unique;
          });
      if (index == table.indexes.end()) continue;
      if (!Holds(*index, std::string(keys.at(i, 3)), std::string(keys.at(i, 4)), keys.at(i, 5))) {
        continue;
      }
      TRY(connection->Exec("UPDATE pg_catalog.pg_constraint SET convalidated = true WHERE oid = " +
                           std::string(keys.at(i, 0))));
    }
  }
  return {};
}

std::vector<bool> PgdataLoad::loaded() const {
  std::vector<bool> loaded(state_->tables.size());
  for (const Table& table : tables_) loaded[table.number] = table.written;
  return loaded;
}

}  // namespace trunkline
