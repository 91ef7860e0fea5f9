#include "replay/history_format.h"

#include <algorithm>
#include <array>

#include "archive/quoted_names.h"
#include "replay/log_json.h"
#include "replay/text_row.h"
#include "replay/text_table.h"

namespace trunkline {
namespace {

// pg_type OIDs of the types whose values are numbers: int8, int2, int4, oid, float4, float8,
// numeric.
constexpr std::array<uint32_t, 7> kNumbers = {20, 21, 23, 26, 700, 701, 1700};

bool IsNumber(uint32_t type_oid) {
  return std::find(kNumbers.begin(), kNumbers.end(), type_oid) != kNumbers.end();
}

// The columns of a row that has the key.
std::vector<Value> KeyValues(const RowVersion& version) {
  std::vector<Value> values(version.shape->key.size());
  UnpackRow(version.key.data(), values);
  return values;
}

bool KeyMoved(const RowVersion* before, const RowVersion& version) {
  return before != nullptr && before->key != version.key;
}

// Where `after` has each of its columns from; -1: it is new.
std::vector<int> SourcesOf(const TableShape& before, const TableShape& after) {
  std::vector<int> sources;
  for (size_t i = 0; i < after.relation.columns.size(); ++i) {
    if (&before == &after) {
      sources.push_back(static_cast<int>(i));
    } else if (after.mapping) {
      sources.push_back(after.mapping->sources[i].old_column);
    } else {
      const auto& columns = before.relation.columns;
      const auto same = std::find_if(columns.begin(), columns.end(), [&](const auto& column) {
        return column.name == after.relation.columns[i].name;
      });
      sources.push_back(same == columns.end() ? -1 : static_cast<int>(same - columns.begin()));
    }
  }
  return sources;
}

// A literal on one line, whatever is in it.
void AppendOneLineLiteral(std::string_view text, std::string* out) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  const bool escapes = std::any_of(text.begin(), text.end(), is_control);
  out->append(escapes ? "E'" : "'");
  for (const char c : text) {
    if (c == '\n') {
      out->append("\\n");
    } else if (is_control(c)) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out->append("\\x").push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
      out->push_back(kDigits[static_cast<unsigned char>(c) & 15]);
    } else {
      if (c == '\'' || (escapes && c == '\\')) out->push_back(c);
      out->push_back(c);
    }
  }
  out->push_back('\'');
}

void AppendValue(const Value& value, uint32_t type_oid, std::string* out) {
  if (value.state == ValueState::kNull) {
    out->append("null");
  } else if (IsNumber(type_oid)) {
    out->append(value.bytes);
  } else {
    AppendOneLineLiteral(value.bytes, out);
  }
}

class TextFormat final : public HistoryFormat {
 public:
  void Add(size_t row_number, const RowVersion* before, const RowVersion& version,
           std::string* out) override {
    if (row_number > 1 && before == nullptr) out->push_back('\n');
    AppendHead(before, version, out);
    if (!version.has_row) return;
    const bool whole = before == nullptr || !before->has_row;
    const std::vector<Value> row_before = whole ? std::vector<Value>() : before->row();
    const std::vector<Value> row = version.row();
    for (const ColumnChange& change : ChangesBetween(before, row_before, version, row)) {
      AppendColumn(change, whole, out);
    }
  }

 private:
  static void AppendHead(const RowVersion* before, const RowVersion& version, std::string* out) {
    if (version.at.time != Timestamp{}) out->append(version.at.time.ToString()).push_back(' ');
    out->append("lsn ").append(version.at.lsn.ToString());
    if (version.at.xid.valid()) out->append(" xid ").append(std::to_string(version.at.xid.value));
    out->append(": ").append(ToString(version.kind));
    if (KeyMoved(before, version)) {
      out->append(", key changed from (");
      const std::vector<Value> values = KeyValues(*before);
      for (size_t i = 0; i < values.size(); ++i) {
        if (i > 0) out->append(", ");
        const uint16_t column = before->shape->key[i];
        AppendValue(values[i], before->shape->relation.columns[column].type_oid, out);
      }
      out->push_back(')');
    }
    AppendWhatElse(before, version, out);
    out->push_back('\n');
  }

  static void AppendWhatElse(const RowVersion* before, const RowVersion& version,
                             std::string* out) {
    if (version.kind == VersionKind::kDoubt) {
      out->append(": ").append(Printable(version.reason));
    } else if (version.kind == VersionKind::kUpdate && !version.has_row) {
      out->append(", of a row that is not known");
    } else if (version.kind == VersionKind::kSnapshot && !version.has_row) {
      out->append(", which does not have the row");
    } else if (version.kind == VersionKind::kDefinition && before != nullptr) {
      const Relation& was = before->shape->relation;
      const Relation& is = version.shape->relation;
      if (was.schema == is.schema && was.name == is.name) return;
      out->append(", table renamed from ").append(Printable(QuoteQualified(was.schema, was.name)));
      out->append(" to ").append(Printable(QuoteQualified(is.schema, is.name)));
    }
  }

  static void AppendColumn(const ColumnChange& change, bool whole, std::string* out) {
    out->append("  ").append(Printable(QuoteWhereNeeded(std::string(change.name))));
    if (!change.old_name.empty()) {
      out->append(" (was ").append(Printable(QuoteWhereNeeded(std::string(change.old_name))));
      out->push_back(')');
    }
    if (!change.after) out->append(" dropped");
    if (!whole && !change.before) out->append(" added");
    out->append(": ");
    const bool same = change.before && change.after && *change.before == *change.after;
    if (change.before && !same) AppendValue(*change.before, change.type_oid, out);
    if (change.before && change.after && !same) out->append(" -> ");
    if (change.after) AppendValue(*change.after, change.type_oid, out);
    out->push_back('\n');
  }
};

class JsonFormat final : public HistoryFormat {
 public:
  void Add(size_t row_number, const RowVersion* before, const RowVersion& version,
           std::string* out) override {
    const Relation& relation = version.shape->relation;
    out->append("{\"row\":").append(std::to_string(row_number));
    out->append(",\"op\":\"").append(ToString(version.kind)).append("\",\"lsn\":\"");
    out->append(version.at.lsn.ToString()).append("\",\"xid\":");
    out->append(version.at.xid.valid() ? std::to_string(version.at.xid.value) : "null");
    out->append(",\"commit_time\":");
    if (version.at.time == Timestamp{}) {
      out->append("null");
    } else {
      out->append("\"").append(version.at.time.ToString()).append("\"");
    }
    out->append(",\"schema\":");
    AppendJson(relation.schema, out);
    out->append(",\"table\":");
    AppendJson(relation.name, out);
    AppendKey("key", version, out);
    if (KeyMoved(before, version)) AppendKey("key_before", *before, out);
    if (version.kind == VersionKind::kDoubt) {
      out->append(",\"reason\":");
      AppendJson(version.reason, out);
    }
    AppendRow(before, version, out);
    out->append("}\n");
  }

 private:
  static void AppendKey(std::string_view member, const RowVersion& version, std::string* out) {
    const TableShape& shape = *version.shape;
    const std::vector<Value> values = KeyValues(version);
    out->append(",\"").append(member).append("\":{");
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out->push_back(',');
      AppendJson(shape.relation.columns[shape.key[i]].name, out);
      out->push_back(':');
      AppendJsonValue(values[i], out);
    }
    out->push_back('}');
  }

  static void AppendJsonValue(const Value& value, std::string* out) {
    if (value.state == ValueState::kNull) {
      out->append("null");
    } else {
      AppendJson(value.bytes, out);
    }
  }

  // "values" is missing where they are not known.
  static void AppendRow(const RowVersion* before, const RowVersion& version, std::string* out) {
    if (!version.has_row) {
      if (!version.alive()) out->append(",\"values\":null");
      return;
    }
    const std::vector<Value> row = version.row();
    if (before != nullptr && before->has_row) {
      const std::vector<Value> row_before = before->row();
      out->append(",\"changed\":{");
      bool first = true;
      for (const ColumnChange& change : ChangesBetween(before, row_before, version, row)) {
        if (!std::exchange(first, false)) out->push_back(',');
        AppendChange(change, out);
      }
      out->push_back('}');
    }
    out->append(",\"values\":");
    AppendJsonTuple(version.shape->relation, row, false, out);
  }

  static void AppendChange(const ColumnChange& change, std::string* out) {
    AppendJson(change.name, out);
    out->append(":{");
    if (!change.old_name.empty()) {
      out->append("\"old_name\":");
      AppendJson(change.old_name, out);
      out->push_back(',');
    }
    if (change.before) {
      out->append("\"old\":");
      AppendJsonValue(*change.before, out);
    }
    if (change.before && change.after) out->push_back(',');
    if (change.after) {
      out->append("\"new\":");
      AppendJsonValue(*change.after, out);
    }
    out->push_back('}');
  }
};

}  // namespace

std::vector<ColumnChange> ChangesBetween(const RowVersion* before,
                                         const std::vector<Value>& row_before,
                                         const RowVersion& after, const std::vector<Value>& row) {
  std::vector<ColumnChange> changes;
  const std::vector<RelationColumn>& columns = after.shape->relation.columns;
  if (before == nullptr || !before->has_row) {
    for (size_t i = 0; i < columns.size(); ++i) {
      changes.push_back({columns[i].name, {}, columns[i].type_oid, std::nullopt, row[i]});
    }
    return changes;
  }
  const std::vector<RelationColumn>& old_columns = before->shape->relation.columns;
  const std::vector<int> sources = SourcesOf(*before->shape, *after.shape);
  for (size_t i = 0; i < columns.size(); ++i) {
    ColumnChange change{columns[i].name, {}, columns[i].type_oid, std::nullopt, row[i]};
    if (sources[i] >= 0) {
      const auto source = static_cast<size_t>(sources[i]);
      change.before = row_before[source];
      if (old_columns[source].name != change.name) change.old_name = old_columns[source].name;
    }
    const bool same = change.before && *change.before == *change.after;
    if (!same || !change.old_name.empty()) changes.push_back(change);
  }
  for (size_t i = 0; i < old_columns.size(); ++i) {
    if (std::find(sources.begin(), sources.end(), static_cast<int>(i)) != sources.end()) continue;
    changes.push_back(
        {old_columns[i].name, {}, old_columns[i].type_oid, row_before[i], std::nullopt});
  }
  return changes;
}

Result<std::unique_ptr<HistoryFormat>> NewHistoryFormat(std::string_view name) {
  if (name == "text") return std::unique_ptr<HistoryFormat>(std::make_unique<TextFormat>());
  if (name == "jsonl") return std::unique_ptr<HistoryFormat>(std::make_unique<JsonFormat>());
  return Fail(ErrorKind::kInvalidArgument, "the format \"" + std::string(name) + "\" is not known",
              "--format is text or jsonl");
}

}  // namespace trunkline
