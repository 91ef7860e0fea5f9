#include "replay/aligned_rows.h"

#include "archive/changed_types.h"

namespace trunkline {

AlignedRows::AlignedRows(const TableAt& rows, const TableAt& columns) : rows_(rows.table) {
  const Relation& before = rows.table->relation();
  const Relation& after = columns.table->relation();
  const NumberedColumns numbers = NumberColumns(before, rows.definition_of_table());
  const TableDefinition* definition = columns.definition_of_table();
  mapping_ = MapColumns(before, numbers, after, NumberColumns(after, definition), definition);
  FollowLabels(rows, columns);
  if (mapping_->unchanged && mapping_->doubt.empty() && labels_.empty()) mapping_.reset();
}

void AlignedRows::FollowLabels(const TableAt& rows, const TableAt& columns) {
  const TableDefinition* definition = columns.definition_of_table();
  const Relation& relation = columns.table->relation();
  for (const ChangedType& changed : ChangedTypes(*rows.definition, *columns.definition)) {
    if (!changed.renamed) continue;
    for (size_t i = 0; i < relation.columns.size(); ++i) {
      const ColumnDefinition* column =
          definition == nullptr ? nullptr : definition->FindColumn(relation.columns[i].name);
      const Effect effect =
          EffectOn(changed, relation.columns[i].type_oid,
                   column == nullptr ? std::string() : column->type, *columns.definition);
      if (effect != Effect::kItself) continue;
      labels_.resize(relation.columns.size());
      labels_[i] = *changed.renamed;
    }
  }
}

Result<void> AlignedRows::Read(uint64_t first, uint64_t count, const Visit& visit) const {
  uint64_t number = first;
  if (!mapping_) {
    return rows_->ForEachRow(first, count, [&](Tuple row) { return visit(number++, row); });
  }
  std::vector<Value> aligned(mapping_->sources.size());
  return rows_->ForEachRow(first, count, [&](Tuple row) {
    Align(row, &aligned);
    return visit(number++, aligned);
  });
}

void AlignedRows::Align(Tuple row, std::vector<Value>* aligned) const {
  for (size_t i = 0; i < aligned->size(); ++i) {
    const ColumnMapping::Source& source = mapping_->sources[i];
    Value& value = (*aligned)[i];
    if (source.old_column != ColumnMapping::kAdded) {
      value = row[static_cast<size_t>(source.old_column)];
    } else if (source.constant) {
      value = {.state = ValueState::kText, .bytes = *source.constant};
    } else {
      value = Value{};
    }
    if (labels_.empty() || value.state != ValueState::kText) continue;
    const auto renamed = labels_[i].find(std::string(value.bytes));
    if (renamed != labels_[i].end()) value.bytes = renamed->second;
  }
}

}  // namespace trunkline
