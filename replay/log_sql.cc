// The sql format of `trunkline log`: commands that do the changes again. Each stands on a line of
// its own, so that what reads them line by line, say to begin at some LSN, needs no SQL parser.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "postgres/connection.h"
#include "replay/log_format.h"

namespace trunkline {
namespace {

// Under which values print as the archive holds them, and are read back as the same. The functions
// and types that commands name are qualified.
constexpr char kHeader[] =
    "set datestyle = 'ISO,MDY'; set intervalstyle = 'postgres'; set timezone = 'UTC'; "
    "set bytea_output = 'hex'; set extra_float_digits = 3; set lc_monetary = 'C'; "
    "set client_encoding = 'UTF8'; set standard_conforming_strings = on; set search_path = '';\n";

// A literal without line breaks.
void AppendLiteral(std::string_view text, std::string* out) {
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

// In a comment, where a line break would end it.
std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

std::string NameOf(const Relation& relation) {
  return postgres::QuoteIdentifier(relation.schema) + "." +
         postgres::QuoteIdentifier(relation.name);
}

Result<void> CheckWritable(const Relation& relation, Tuple tuple) {
  for (size_t i = 0; i < tuple.size(); ++i) {
    if (tuple[i].state != ValueState::kBinary) continue;
    return Fail(ErrorKind::kUnsupported, "column \"" + relation.columns[i].name + "\" of table " +
                                             relation.schema + "." + relation.name +
                                             " has values in binary format");
  }
  return {};
}

class SqlLogFormat final : public LogFormat {
 public:
  void Header(std::string* out) override { out->append(kHeader); }

  void Begin(const TransactionInfo& transaction, std::string* out) override {
    out->append("begin; -- xid ").append(std::to_string(transaction.xid.value));
    out->append(", commit LSN ").append(transaction.commit_lsn.ToString());
    out->append(", ").append(transaction.commit_time.ToString()).push_back('\n');
  }

  void Commit(const TransactionInfo& transaction, std::string* out) override {
    out->append("commit; -- xid ").append(std::to_string(transaction.xid.value)).push_back('\n');
  }

  void ForgetRelations() override { prepared_.clear(); }

  void Learn(const Definition& definition) override {
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

  Result<void> Add(const TransactionInfo&, const Change& change, std::string* out) override {
    switch (change.operation) {
      case Operation::kInsert:
        return AddInsert(change, out);
      case Operation::kUpdate:
        return AddUpdate(change, out);
      case Operation::kDelete:
        return AddDelete(change, out);
      case Operation::kTruncate:
        AddTruncate(change, out);
        return {};
      case Operation::kMessage:
        out->append("-- message with the prefix ").append(OneLine(std::string(change.prefix)));
        out->append(": ");
        AppendLiteral(change.content, out);
        out->push_back('\n');
        return {};
      case Operation::kDefinition:
        return {};
      case Operation::kRaw:
        return Fail(ErrorKind::kUnsupported,
                    "the archive holds a message of a type that this version does not know",
                    "a newer version of trunkline may print it");
    }
    return {};
  }

 private:
  // What a definition says of a table.
  struct KnownTable {
    bool plain = false;  // has rows of its own: not a partitioned one
    std::unordered_set<std::string> generated;
  };
  struct PreparedRelation {
    std::string name;                  // quoted
    std::string only;                  // "only " where other tables' rows might be meant as well
    std::vector<std::string> columns;  // quoted
    std::vector<bool> computed;        // generated columns, which take no value
  };

  const PreparedRelation& Prepare(const Relation& relation) {
    PreparedRelation& prepared = prepared_[&relation];
    if (!prepared.name.empty()) return prepared;
    const auto known = known_.find(relation.oid);
    prepared.name = NameOf(relation);
    if (known != known_.end() && known->second.plain) prepared.only = "only ";
    for (const RelationColumn& column : relation.columns) {
      prepared.columns.push_back(postgres::QuoteIdentifier(column.name));
      prepared.computed.push_back(known != known_.end() &&
                                  known->second.generated.contains(column.name));
    }
    return prepared;
  }

  static void AppendValue(const Value& value, std::string* out) {
    if (value.state == ValueState::kNull) {
      out->append("null");
    } else {
      AppendLiteral(value.bytes, out);
    }
  }

  Result<void> AddInsert(const Change& change, std::string* out) {
    TRY(CheckWritable(*change.relation, change.new_tuple));
    const PreparedRelation& relation = Prepare(*change.relation);
    std::string values;
    std::string columns;
    for (size_t i = 0; i < change.new_tuple.size(); ++i) {
      if (relation.computed[i]) continue;
      columns.append(columns.empty() ? "" : ", ").append(relation.columns[i]);
      values.append(values.empty() ? "" : ", ");
      AppendValue(change.new_tuple[i], &values);
    }
    out->append("insert into ").append(relation.name);
    if (columns.empty()) {
      out->append(" default values;\n");
      return {};
    }
    // Of an identity column that is "generated always" too the value is the one it had.
    out->append(" (").append(columns).append(") overriding system value values (");
    out->append(values).append(");\n");
    return {};
  }

  // Sets what may differ. Where nothing can, the row is as it should be.
  Result<void> AddUpdate(const Change& change, std::string* out) {
    TRY(CheckWritable(*change.relation, change.new_tuple));
    const PreparedRelation& relation = Prepare(*change.relation);
    const bool key_unchanged = change.old_kind == OldTupleKind::kNone;
    const bool full = change.old_kind == OldTupleKind::kFull;
    std::string assignments;
    for (size_t i = 0; i < change.new_tuple.size(); ++i) {
      const Value& value = change.new_tuple[i];
      if (relation.computed[i] || value.state == ValueState::kUnchangedToast) continue;
      if (key_unchanged && change.relation->columns[i].key) continue;
      if (full && value == change.old_tuple[i]) continue;
      assignments.append(assignments.empty() ? "" : ", ").append(relation.columns[i]);
      assignments.append(" = ");
      AppendValue(value, &assignments);
    }
    std::string where;
    TRY(AppendWhere(change, &where));
    if (assignments.empty()) return {};
    out->append("update ").append(relation.only).append(relation.name).append(" set ");
    out->append(assignments).append(where).append(";\n");
    return {};
  }

  Result<void> AddDelete(const Change& change, std::string* out) {
    const PreparedRelation& relation = Prepare(*change.relation);
    std::string where;
    TRY(AppendWhere(change, &where));
    out->append("delete from ").append(relation.only).append(relation.name).append(where);
    out->append(";\n");
    return {};
  }

  Result<void> AppendWhere(const Change& change, std::string* out) {
    const Relation& relation = *change.relation;
    if (change.old_kind == OldTupleKind::kFull)
      return AppendOneRow(relation, change.old_tuple, out);
    const Tuple row = change.old_kind == OldTupleKind::kKey ? change.old_tuple : change.new_tuple;
    const char* glue = " where ";
    for (size_t i = 0; i < row.size(); ++i) {
      if (!relation.columns[i].key) continue;
      if (row[i].state != ValueState::kText) return NoIdentity(relation);
      out->append(std::exchange(glue, " and "));
      out->append(Prepare(relation).columns[i]).append(" = ");
      AppendLiteral(row[i].bytes, out);
    }
    return out->empty() ? NoIdentity(relation) : Result<void>();
  }

  // One of the rows that equal `row`, whatever their types: not each has an "=", but each has a
  // text.
  Result<void> AppendOneRow(const Relation& relation, Tuple row, std::string* out) {
    TRY(CheckWritable(relation, row));
    const PreparedRelation& prepared = Prepare(relation);
    std::string condition;
    for (size_t i = 0; i < row.size(); ++i) {
      if (row[i].state == ValueState::kUnchangedToast) return NoIdentity(relation);
      condition.append(condition.empty() ? " where " : " and ");
      if (row[i].state == ValueState::kNull) {
        condition.append("pg_catalog.num_nulls(").append(prepared.columns[i]).append(") = 1");
        continue;
      }
      condition.append("pg_catalog.format('%s', ").append(prepared.columns[i]);
      condition.append(") collate \"C\" = ");
      AppendLiteral(row[i].bytes, &condition);
      // The text of NULL is empty.
      if (row[i].bytes.empty()) {
        condition.append(" and pg_catalog.num_nulls(").append(prepared.columns[i]).append(") = 0");
      }
    }
    out->append(" where (tableoid, ctid) in (select tableoid, ctid from ");
    out->append(prepared.only).append(prepared.name).append(condition).append(" limit 1)");
    return {};
  }

  static Result<void> NoIdentity(const Relation& relation) {
    return Fail(ErrorKind::kCorrupt, "an update or delete in table " + relation.schema + "." +
                                         relation.name + " without the identity of its row");
  }

  void AddTruncate(const Change& change, std::string* out) {
    const char* glue = "truncate ";
    for (const Relation* relation : change.truncated) {
      const PreparedRelation& prepared = Prepare(*relation);
      out->append(std::exchange(glue, ", ")).append(prepared.only).append(prepared.name);
    }
    if (change.truncate_flags & kTruncateRestartIdentity) out->append(" restart identity");
    if (change.truncate_flags & kTruncateCascade) out->append(" cascade");
    out->append(";\n");
  }

  std::unordered_map<uint32_t, KnownTable> known_;  // by relation OID
  std::unordered_map<const Relation*, PreparedRelation> prepared_;
};

}  // namespace

std::unique_ptr<LogFormat> NewSqlLogFormat() { return std::make_unique<SqlLogFormat>(); }

}  // namespace trunkline
