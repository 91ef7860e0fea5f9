// The jsonl format of `trunkline diff`.
#include <string>
#include <vector>

#include "archive/stream_definition.h"
#include "replay/diff_format.h"
#include "replay/log_json.h"

namespace trunkline {
namespace {

std::string_view RowChangeName(RowChange change) {
  switch (change) {
    case RowChange::kAdded:
      return "added";
    case RowChange::kRemoved:
      return "removed";
    case RowChange::kChanged:
      break;
  }
  return "changed";
}

class JsonDiffFormat final : public DiffFormat {
 public:
  explicit JsonDiffFormat(bool summary_alone) : summary_alone_(summary_alone) {}

  Result<void> Add(const TableDiff& table, const WriteText& write) override {
    if (!summary_alone_) {
      TRY(table.ForEachRow([&](RowChange change, Tuple before, Tuple after) {
        BeginObject(RowChangeName(change), table.relation());
        AppendRow(table, change, before, after);
        line_.append("}\n");
        return write(line_);
      }));
    }
    BeginObject("summary", table.relation());
    AppendSummary(table);
    line_.append("}\n");
    return write(line_);
  }

 private:
  void BeginObject(std::string_view operation, const Relation& relation) {
    line_.assign("{\"op\":\"").append(operation).append("\"");
    Member("schema");
    AppendJson(relation.schema, &line_);
    Member("table");
    AppendJson(relation.name, &line_);
  }

  void Member(std::string_view name) { line_.append(",\"").append(name).append("\":"); }

  void AppendRow(const TableDiff& table, RowChange change, Tuple before, Tuple after) {
    const Relation& relation = table.relation();
    if (table.keyed()) {
      Member("key");
      AppendPart(relation, change == RowChange::kRemoved ? before : after,
                 [&](size_t i) { return relation.columns[i].key; });
    }
    const auto is_shown = [&](size_t i) {
      return change != RowChange::kChanged || !(before[i] == after[i]);
    };
    if (change != RowChange::kAdded) {
      Member("old");
      AppendPart(relation, before, is_shown);
    }
    if (change != RowChange::kRemoved) {
      Member("new");
      AppendPart(relation, after, is_shown);
    }
  }

  template <typename IsShown>
  void AppendPart(const Relation& relation, Tuple row, const IsShown& is_shown) {
    part_.assign(row.begin(), row.end());
    for (size_t i = 0; i < part_.size(); ++i) {
      if (!is_shown(i)) part_[i].state = ValueState::kUnchangedToast;  // left out
    }
    AppendJsonTuple(relation, part_, false, &line_);
  }

  void AppendSummary(const TableDiff& table) {
    const auto number = [this](std::string_view name, uint64_t value) {
      Member(name);
      line_.append(std::to_string(value));
    };
    number("rows_before", table.rows_before());
    number("rows_after", table.rows_after());
    number("added", table.count(RowChange::kAdded));
    number("removed", table.count(RowChange::kRemoved));
    number("changed", table.count(RowChange::kChanged));
    if (table.before().table == nullptr) line_.append(",\"created\":true");
    if (table.after().table == nullptr) line_.append(",\"dropped\":true");
    if (!table.RenamedFrom().empty()) {
      const Relation& before = table.before().table->relation();
      Member("renamed_from");
      line_.append("{\"schema\":");
      AppendJson(before.schema, &line_);
      Member("table");
      AppendJson(before.name, &line_);
      line_.push_back('}');
    }
    const ColumnChanges columns = ColumnChangesOf(table);
    AppendNames("columns_added", columns.added);
    AppendNames("columns_dropped", columns.dropped);
    AppendRenamed(columns);
  }

  void AppendNames(std::string_view member, const std::vector<std::string>& names) {
    if (names.empty()) return;
    Member(member);
    line_.push_back('[');
    for (const std::string& name : names) {
      if (line_.back() != '[') line_.push_back(',');
      AppendJson(name, &line_);
    }
    line_.push_back(']');
  }

  // {"new name": "old name"}
  void AppendRenamed(const ColumnChanges& columns) {
    if (columns.renamed.empty()) return;
    Member("columns_renamed_from");
    line_.push_back('{');
    for (const auto& [old_name, name] : columns.renamed) {
      if (line_.back() != '{') line_.push_back(',');
      AppendJson(name, &line_);
      line_.push_back(':');
      AppendJson(old_name, &line_);
    }
    line_.push_back('}');
  }

  const bool summary_alone_;
  std::string line_;
  std::vector<Value> part_;  // scratch
};

}  // namespace

std::unique_ptr<DiffFormat> NewJsonDiffFormat(bool summary_alone) {
  return std::make_unique<JsonDiffFormat>(summary_alone);
}

}  // namespace trunkline
