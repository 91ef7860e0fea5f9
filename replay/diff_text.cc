// The text format of `trunkline diff`.
#include <string>
#include <utility>

#include "archive/quoted_names.h"
#include "archive/stream_definition.h"
#include "replay/diff_format.h"
#include "replay/sql_commands.h"
#include "replay/text_table.h"

namespace trunkline {
namespace {

// Types whose values are plain words: bool, int8, int2, int4, oid, float4, float8, numeric.
bool IsShownPlain(uint32_t type_oid) {
  switch (type_oid) {
    case 16:
    case 20:
    case 21:
    case 23:
    case 26:
    case 700:
    case 701:
    case 1700:
      return true;
    default:
      return false;
  }
}

void AppendShownValue(const RelationColumn& column, const Value& value, std::string* out) {
  if (value.state == ValueState::kNull) {
    out->append("null");
  } else if (IsShownPlain(column.type_oid)) {
    out->append(value.bytes);
  } else {
    AppendSqlLiteral(value.bytes, out);
  }
}

class TextDiffFormat final : public DiffFormat {
 public:
  explicit TextDiffFormat(bool summary_alone)
      : summary_alone_(summary_alone),
        summary_({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight,
                  Align::kRight, Align::kLeft}) {
    summary_.Add({"table", "rows before", "rows after", "added", "removed", "changed", ""});
  }

  Result<void> Add(const TableDiff& table, const WriteText& write) override {
    summary_.Add({Printable(QuoteQualified(table.relation().schema, table.relation().name)),
                  FormatCount(table.rows_before()), FormatCount(table.rows_after()),
                  FormatCount(table.count(RowChange::kAdded)),
                  FormatCount(table.count(RowChange::kRemoved)),
                  FormatCount(table.count(RowChange::kChanged)), Printable(Remarks(table))});
    if (summary_alone_) return {};
    const std::string name = QuoteQualified(table.relation().schema, table.relation().name);
    return table.ForEachRow([&](RowChange change, Tuple before, Tuple after) {
      seen_any_ = true;
      line_ = name;
      AppendRow(table, change, before, after);
      return write(line_);
    });
  }

  Result<void> End(const WriteText& write) override {
    if (seen_any_) TRY(write("\n"));
    return write(summary_.Render({}));
  }

 private:
  void AppendRow(const TableDiff& table, RowChange change, Tuple before, Tuple after) {
    switch (change) {
      case RowChange::kAdded:
        line_.append(" added");
        AppendColumns(table, after, false);
        break;
      case RowChange::kRemoved:
        line_.append(" removed");
        AppendColumns(table, before, false);
        break;
      case RowChange::kChanged:
        line_.append(" changed");
        AppendColumns(table, after, true);
        AppendChanges(table.relation(), before, after);
        break;
    }
    line_.push_back('\n');
  }

  // " name=value", of columns of the key alone or of all.
  void AppendColumns(const TableDiff& table, Tuple row, bool key_alone) {
    for (size_t i = 0; i < row.size(); ++i) {
      const RelationColumn& column = table.relation().columns[i];
      if (key_alone && !column.key) continue;
      line_.append(" ").append(QuoteWhereNeeded(column.name)).append("=");
      AppendShownValue(column, row[i], &line_);
    }
  }

  // ": name old -> new, ..."
  void AppendChanges(const Relation& relation, Tuple before, Tuple after) {
    const char* glue = ": ";
    for (size_t i = 0; i < after.size(); ++i) {
      if (before[i] == after[i]) continue;
      line_.append(std::exchange(glue, ", ")).append(QuoteWhereNeeded(relation.columns[i].name));
      line_.append(" ");
      AppendShownValue(relation.columns[i], before[i], &line_);
      line_.append(" -> ");
      AppendShownValue(relation.columns[i], after[i], &line_);
    }
  }

  // What happened to the table itself.
  static std::string Remarks(const TableDiff& table) {
    if (table.before().table == nullptr) return "created";
    if (table.after().table == nullptr) return "dropped";
    std::string remarks;
    const auto add = [&](const std::string& remark) {
      remarks += (remarks.empty() ? "" : ", ") + remark;
    };
    if (const std::string name = table.RenamedFrom(); !name.empty()) add("renamed from " + name);
    const ColumnChanges columns = ColumnChangesOf(table);
    for (const std::string& name : columns.added) add("column " + name + " added");
    for (const std::string& name : columns.dropped) add("column " + name + " dropped");
    for (const auto& [old_name, name] : columns.renamed) {
      add("column " + name + " renamed from " + old_name);
    }
    return remarks;
  }

  const bool summary_alone_;
  TextTable summary_;
  bool seen_any_ = false;
  std::string line_;
};

}  // namespace

std::unique_ptr<DiffFormat> NewTextDiffFormat(bool summary_alone) {
  return std::make_unique<TextDiffFormat>(summary_alone);
}

}  // namespace trunkline
