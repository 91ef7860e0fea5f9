// A DatabaseState read straight from a live server: what an archive would hold of it.
#pragma once

#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "replay/state.h"

namespace trunkline::test {

class ListedTable final : public TableState {
 public:
  explicit ListedTable(Relation relation) : relation_(std::move(relation)) {}

  void Add(std::vector<std::optional<std::string>> row) { rows_.push_back(std::move(row)); }

  const Relation& relation() const override { return relation_; }
  uint64_t row_count() const override { return rows_.size(); }
  Result<void> ForEachRow(uint64_t first, uint64_t count,
                          const std::function<Result<void>(Tuple row)>& visit) const override {
    for (uint64_t i = first; i < first + count; ++i) {
      std::vector<Value> tuple;
      for (const auto& value : rows_[i]) {
        tuple.push_back(value ? Value{ValueState::kText, *value} : Value{});
      }
      TRY(visit(tuple));
    }
    return {};
  }

 private:
  Relation relation_;
  std::vector<std::vector<std::optional<std::string>>> rows_;
};

template <typename T>
T Must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
  return std::move(*result);
}
inline void Must(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
}

// The document that sql/definition.sql makes for `publication`.
inline std::string DefinitionDocument(postgres::Connection* connection,
                                      const std::string& publication) {
  std::ifstream file(TRUNKLINE_SOURCE_FOLDER "/sql/definition.sql");
  std::string query{std::istreambuf_iterator<char>(file), {}};
  // The body of the function that the file makes.
  const std::string quote = "$definition$";
  query = query.substr(query.find(quote) + quote.size());
  query.erase(query.find(quote));
  const std::vector<std::string> parameters = {publication};
  return std::string(Must(connection->Exec(query, parameters)).at(0, 0));
}

// The relation as the change stream describes it.
inline Relation RelationOf(const TableDefinition& table) {
  Relation relation;
  relation.oid = table.oid;
  std::tie(relation.schema, relation.name) = table.name;
  relation.identity = static_cast<ReplicaIdentity>(table.replica_identity);
  for (const ColumnDefinition& column : table.columns) {
    if (!column.generated.empty()) continue;
    const auto& key = table.key_columns;
    relation.columns.push_back({.name = column.name,
                                .type_oid = column.type_oid,
                                .type_modifier = column.type_modifier,
                                .key = std::find(key.begin(), key.end(), column.name) != key.end(),
                                .type_schema = {},
                                .type_name = {}});
  }
  return relation;
}

// Every published table of the database with its rows.
inline DatabaseState ReadLiveState(const std::string& conninfo, const std::string& publication) {
  auto connection =
      Must(postgres::Connection::Open(conninfo, postgres::Mode::kNormal, "live_state"));
  DatabaseState state;
  state.definition = Must(ParseDefinition(DefinitionDocument(&connection, publication)));
  for (const TableDefinition& defined : state.definition.tables) {
    if (!defined.published) continue;
    auto table = std::make_unique<ListedTable>(RelationOf(defined));
    std::string columns;
    for (const RelationColumn& column : table->relation().columns) {
      columns += (columns.empty() ? "" : ", ") + postgres::QuoteIdentifier(column.name);
    }
    const auto rows = Must(connection.Exec("SELECT " + columns + " FROM " +
                                           postgres::QuoteIdentifier(defined.name.first) + "." +
                                           postgres::QuoteIdentifier(defined.name.second)));
    const int width = static_cast<int>(table->relation().columns.size());
    for (int i = 0; i < rows.size(); ++i) {
      std::vector<std::optional<std::string>> row;
      for (int c = 0; c < width; ++c) {
        row.push_back(rows.is_null(i, c) ? std::nullopt
                                         : std::optional<std::string>(rows.at(i, c)));
      }
      table->Add(std::move(row));
    }
    state.tables.push_back(std::move(table));
  }
  return state;
}

}  // namespace trunkline::test
