// The text format of `trunkline log`: test_decoding's, change for change.
#include <string>
#include <unordered_map>
#include <vector>

#include "replay/log_format.h"
#include "replay/log_json.h"
#include "replay/log_names.h"

namespace trunkline {
namespace {

// pg_type OIDs of the types whose values are not quoted, or not just quoted.
enum class Literal { kQuoted, kPlain, kBits, kBool };

Literal LiteralOf(uint32_t type_oid) {
  switch (type_oid) {
    case 20:    // int8
    case 21:    // int2
    case 23:    // int4
    case 26:    // oid
    case 700:   // float4
    case 701:   // float8
    case 1700:  // numeric
      return Literal::kPlain;
    case 1560:  // bit
    case 1562:  // varbit
      return Literal::kBits;
    case 16:
      return Literal::kBool;
    default:
      return Literal::kQuoted;
  }
}

void AppendLiteral(Literal literal, std::string_view value, std::string* out) {
  switch (literal) {
    case Literal::kPlain:
      out->append(value);
      return;
    case Literal::kBits:
      out->append("B'").append(value).append("'");
      return;
    case Literal::kBool:
      out->append(value == "t" ? "true" : "false");
      return;
    case Literal::kQuoted:
      out->push_back('\'');
      for (const char c : value) {
        if (c == '\'') out->push_back('\'');
        out->push_back(c);
      }
      out->push_back('\'');
  }
}

class TextLogFormat final : public LogFormat {
 public:
  void Begin(const TransactionInfo& transaction, std::string* out) override {
    out->append("BEGIN ").append(std::to_string(transaction.xid.value)).push_back('\n');
  }
  void Commit(const TransactionInfo& transaction, std::string* out) override {
    out->append("COMMIT ").append(std::to_string(transaction.xid.value)).push_back('\n');
  }
  void Learn(const Definition& definition) override {
    names_.Learn(definition);
    prepared_.clear();
  }
  void ForgetRelations() override { prepared_.clear(); }

  Result<void> Add(const TransactionInfo&, const Change& change, std::string* out) override {
    AddChange(change, out);
    return {};
  }

 private:
  void AddChange(const Change& change, std::string* out) {
    switch (change.operation) {
      case Operation::kInsert:
      case Operation::kUpdate:
      case Operation::kDelete:
        AddRow(change, out);
        return;
      case Operation::kTruncate:
        AddTruncate(change, out);
        return;
      case Operation::kMessage:
        out->append("message: transactional: ").push_back(change.transactional ? '1' : '0');
        out->append(" prefix: ").append(change.prefix);
        out->append(", sz: ").append(std::to_string(change.content.size()));
        out->append(" content:").append(change.content).push_back('\n');
        return;
      case Operation::kDefinition:  // not of the source's making
        return;
      case Operation::kRaw:
        out->append("unknown message: ");
        AppendHex(change.content, out);
        out->push_back('\n');
        return;
    }
  }

  // What stands in front of a column's values, which is the same in every row.
  struct PreparedColumn {
    std::string label;  // " name[type]:"
    Literal literal = Literal::kQuoted;
  };
  struct PreparedRelation {
    std::string label;  // "table schema.name: "
    std::vector<PreparedColumn> columns;
  };

  const PreparedRelation& Prepare(const Relation& relation) {
    PreparedRelation& prepared = prepared_[&relation];
    if (!prepared.label.empty()) return prepared;
    prepared.label = "table " + QuoteQualified(relation.schema, relation.name) + ": ";
    for (const RelationColumn& column : relation.columns) {
      prepared.columns.push_back(
          {" " + QuoteWhereNeeded(column.name) + "[" + names_.NameOf(column) + "]:",
           LiteralOf(column.type_oid)});
    }
    return prepared;
  }

  static void AddTuple(const PreparedRelation& relation, Tuple tuple, bool skip_nulls,
                       std::string* out) {
    for (size_t i = 0; i < tuple.size(); ++i) {
      if (skip_nulls && tuple[i].state == ValueState::kNull) continue;
      out->append(relation.columns[i].label);
      switch (tuple[i].state) {
        case ValueState::kNull:
          out->append("null");
          break;
        case ValueState::kUnchangedToast:
          out->append("unchanged-toast-datum");
          break;
        case ValueState::kText:
          AppendLiteral(relation.columns[i].literal, tuple[i].bytes, out);
          break;
        case ValueState::kBinary:  // which test_decoding never shows
          out->append("binary '");
          AppendHex(tuple[i].bytes, out);
          out->push_back('\'');
          break;
      }
    }
  }

  void AddRow(const Change& change, std::string* out) {
    const PreparedRelation& relation = Prepare(*change.relation);
    out->append(relation.label);
    if (change.operation == Operation::kInsert) {
      out->append("INSERT:");
      AddTuple(relation, change.new_tuple, false, out);
    } else if (change.operation == Operation::kDelete) {
      out->append("DELETE:");
      AddTuple(relation, change.old_tuple, true, out);
    } else {
      out->append("UPDATE:");
      if (change.old_kind != OldTupleKind::kNone) {
        out->append(" old-key:");
        AddTuple(relation, change.old_tuple, true, out);
        out->append(" new-tuple:");
      }
      AddTuple(relation, change.new_tuple, false, out);
    }
    out->push_back('\n');
  }

  static void AddTruncate(const Change& change, std::string* out) {
    out->append("table ");
    for (size_t i = 0; i < change.truncated.size(); ++i) {
      if (i > 0) out->append(", ");
      out->append(QuoteQualified(change.truncated[i]->schema, change.truncated[i]->name));
    }
    out->append(": TRUNCATE:");
    if (change.truncate_flags & kTruncateRestartIdentity) out->append(" restart_seqs");
    if (change.truncate_flags & kTruncateCascade) out->append(" cascade");
    if (change.truncate_flags == 0) out->append(" (no-flags)");
    out->push_back('\n');
  }

  TypeNames names_;
  std::unordered_map<const Relation*, PreparedRelation> prepared_;
};

}  // namespace

std::unique_ptr<LogFormat> NewTextLogFormat() { return std::make_unique<TextLogFormat>(); }

}  // namespace trunkline
