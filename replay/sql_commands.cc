#include "replay/sql_commands.h"

#include <algorithm>
#include <utility>

#include "postgres/connection.h"

namespace trunkline {
namespace {

std::string QuotedNameOf(const Relation& relation) {
  return postgres::QuoteIdentifier(relation.schema) + "." +
         postgres::QuoteIdentifier(relation.name);
}

Result<void> CheckNoneIsBinary(const Relation& relation, Tuple tuple) {
  for (size_t i = 0; i < tuple.size(); ++i) {
    if (tuple[i].state != ValueState::kBinary) continue;
    return Fail(ErrorKind::kUnsupported, "column \"" + relation.columns[i].name + "\" of table " +
                                             relation.schema + "." + relation.name +
                                             " has values in binary format");
  }
  return {};
}

Result<void> RowWithoutIdentity(const Relation& relation) {
  return Fail(ErrorKind::kCorrupt, "an update or delete in table " + relation.schema + "." +
                                       relation.name + " without the identity of its row");
}

void AppendSqlValue(const Value& value, std::string* out) {
  if (value.state == ValueState::kNull) {
    out->append("null");
  } else {
    AppendSqlLiteral(value.bytes, out);
  }
}

}  // namespace

const std::string_view kSqlSettings =
    "set datestyle = 'ISO,MDY'; set intervalstyle = 'postgres'; set timezone = 'UTC'; "
    "set bytea_output = 'hex'; set extra_float_digits = 3; set lc_monetary = 'C'; "
    "set client_encoding = 'UTF8'; set standard_conforming_strings = on; set search_path = '';\n";

void AppendSqlLiteral(std::string_view text, std::string* out) {
  const bool broken = text.find_first_of("\n\r") != std::string_view::npos;
  out->append(broken ? "E'" : "'");
  for (const char c : text) {
    if (c == '\n') {
      out->append("\\n");
    } else if (c == '\r') {
      out->append("\\r");
    } else {
      if (c == '\'' || (broken && c == '\\')) out->push_back(c);
      out->push_back(c);
    }
  }
  out->push_back('\'');
}

std::string OnOneLine(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line;
}

void AppendSqlBegin(const TransactionInfo& transaction, std::string* out) {
  out->append("begin; -- xid ").append(std::to_string(transaction.xid.value));
  out->append(", commit LSN ").append(transaction.commit_lsn.ToString());
  out->append(", ").append(transaction.commit_time.ToString()).push_back('\n');
}

void AppendSqlCommit(const TransactionInfo& transaction, std::string* out) {
  out->append("commit; -- xid ").append(std::to_string(transaction.xid.value)).push_back('\n');
}

void SqlCommands::Learn(const Definition& definition) {
  prepared_.clear();
  for (const TableDefinition& table : definition.tables) {
    KnownTable known;
    known.plain = table.kind != 'p';
    for (const ColumnDefinition& column : table.columns) {
      if (!column.generated.empty()) known.generated.insert(column.name);
    }
    known_[table.oid] = std::move(known);
  }
}

const SqlCommands::PreparedRelation& SqlCommands::Prepare(const Relation& relation) {
  PreparedRelation& prepared = prepared_[&relation];
  if (!prepared.name.empty()) return prepared;
  const auto known = known_.find(relation.oid);
  prepared.name = QuotedNameOf(relation);
  if (known != known_.end() && known->second.plain) prepared.only = "only ";
  for (const RelationColumn& column : relation.columns) {
    prepared.columns.push_back(postgres::QuoteIdentifier(column.name));
    prepared.computed.push_back(known != known_.end() &&
                                known->second.generated.contains(column.name));
  }
  return prepared;
}

Result<void> SqlCommands::AppendInsert(const Relation& relation, Tuple row, std::string* out) {
  TRY(CheckNoneIsBinary(relation, row));
  const PreparedRelation& prepared = Prepare(relation);
  std::string values;
  std::string columns;
  for (size_t i = 0; i < row.size(); ++i) {
    if (prepared.computed[i]) continue;
    columns.append(columns.empty() ? "" : ", ").append(prepared.columns[i]);
    values.append(values.empty() ? "" : ", ");
    AppendSqlValue(row[i], &values);
  }
  out->append("insert into ").append(prepared.name);
  if (columns.empty()) {
    out->append(" default values;\n");
    return {};
  }
  // Of an identity column that is "generated always" too the value is the one it had.
  out->append(" (").append(columns).append(") overriding system value values (");
  out->append(values).append(");\n");
  return {};
}

Result<void> SqlCommands::AppendUpdate(const Relation& relation, FindRow how, Tuple row,
                                       Tuple values, std::string* out) {
  TRY(CheckNoneIsBinary(relation, values));
  const PreparedRelation& prepared = Prepare(relation);
  std::string assignments;
  for (size_t i = 0; i < values.size(); ++i) {
    if (prepared.computed[i] || values[i].state == ValueState::kUnchangedToast) continue;
    assignments.append(assignments.empty() ? "" : ", ").append(prepared.columns[i]);
    assignments.append(" = ");
    AppendSqlValue(values[i], &assignments);
  }
  std::string where;
  TRY(AppendWhere(relation, how, row, &where));
  if (assignments.empty()) return {};
  out->append("update ").append(prepared.only).append(prepared.name).append(" set ");
  out->append(assignments).append(where).append(";\n");
  return {};
}

Result<void> SqlCommands::AppendDelete(const Relation& relation, FindRow how, Tuple row,
                                       std::string* out) {
  std::string where;
  TRY(AppendWhere(relation, how, row, &where));
  const PreparedRelation& prepared = Prepare(relation);
  out->append("delete from ").append(prepared.only).append(prepared.name).append(where);
  out->append(";\n");
  return {};
}

Result<void> SqlCommands::AppendWhere(const Relation& relation, FindRow how, Tuple row,
                                      std::string* out) {
  return how == FindRow::kByKey ? AppendWhereKey(relation, row, out)
                                : AppendWhereOneEquals(relation, row, out);
}

Result<void> SqlCommands::AppendWhereKey(const Relation& relation, Tuple row, std::string* out) {
  const PreparedRelation& prepared = Prepare(relation);
  const char* glue = " where ";
  for (size_t i = 0; i < row.size(); ++i) {
    if (!relation.columns[i].key) continue;
    if (row[i].state != ValueState::kText) return RowWithoutIdentity(relation);
    out->append(std::exchange(glue, " and "));
    out->append(prepared.columns[i]).append(" = ");
    AppendSqlLiteral(row[i].bytes, out);
  }
  return out->empty() ? RowWithoutIdentity(relation) : Result<void>();
}

// Whatever the columns' types are: not each has an "=", but each has a text.
Result<void> SqlCommands::AppendWhereOneEquals(const Relation& relation, Tuple row,
                                               std::string* out) {
  TRY(CheckNoneIsBinary(relation, row));
  const PreparedRelation& prepared = Prepare(relation);
  std::string condition;
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i].state == ValueState::kUnchangedToast) return RowWithoutIdentity(relation);
    condition.append(condition.empty() ? " where " : " and ");
    if (row[i].state == ValueState::kNull) {
      condition.append("pg_catalog.num_nulls(").append(prepared.columns[i]).append(") = 1");
      continue;
    }
    condition.append("pg_catalog.format('%s', ").append(prepared.columns[i]);
    condition.append(") collate \"C\" = ");
    AppendSqlLiteral(row[i].bytes, &condition);
    // The text of NULL is empty.
    if (row[i].bytes.empty()) {
      condition.append(" and pg_catalog.num_nulls(").append(prepared.columns[i]).append(") = 0");
    }
  }
  out->append(" where (tableoid, ctid) in (select tableoid, ctid from ");
  out->append(prepared.only).append(prepared.name).append(condition).append(" limit 1)");
  return {};
}

void SqlCommands::AppendTruncate(const Change& change, std::string* out) {
  const char* glue = "truncate ";
  for (const Relation* relation : change.truncated) {
    const PreparedRelation& prepared = Prepare(*relation);
    out->append(std::exchange(glue, ", ")).append(prepared.only).append(prepared.name);
  }
  if (change.truncate_flags & kTruncateRestartIdentity) out->append(" restart identity");
  if (change.truncate_flags & kTruncateCascade) out->append(" cascade");
  out->append(";\n");
}

}  // namespace trunkline
