#include "replay/diff_format.h"

namespace trunkline {

Result<std::unique_ptr<DiffFormat>> NewDiffFormat(std::string_view name, bool summary_alone) {
  if (name == "text") return NewTextDiffFormat(summary_alone);
  if (name == "jsonl") return NewJsonDiffFormat(summary_alone);
  if (name == "sql" && summary_alone) {
    return Fail(ErrorKind::kInvalidArgument, "there is no summary in the format sql",
                "--summary goes with text and jsonl");
  }
  if (name == "sql") return NewSqlDiffFormat();
  return Fail(ErrorKind::kInvalidArgument, "the format \"" + std::string(name) + "\" is not known",
              "--format is text, jsonl or sql");
}

ColumnChanges ColumnChangesOf(const TableDiff& table) {
  ColumnChanges changes;
  if (!table.mapping()) return changes;
  const std::vector<RelationColumn>& before = table.before().table->relation().columns;
  const std::vector<RelationColumn>& after = table.relation().columns;
  std::vector<bool> kept(before.size());
  for (size_t i = 0; i < after.size(); ++i) {
    const int source = table.mapping()->sources[i].old_column;
    if (source == ColumnMapping::kAdded) {
      changes.added.push_back(after[i].name);
      continue;
    }
    kept[static_cast<size_t>(source)] = true;
    const std::string& name = before[static_cast<size_t>(source)].name;
    if (name != after[i].name) changes.renamed.emplace_back(name, after[i].name);
  }
  for (size_t i = 0; i < before.size(); ++i) {
    if (!kept[i]) changes.dropped.push_back(before[i].name);
  }
  return changes;
}

}  // namespace trunkline
