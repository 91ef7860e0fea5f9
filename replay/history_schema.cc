// RowHistory, as far as it is about all rows of the table at once.
#include <algorithm>
#include <utility>

#include "replay/history.h"
#include "replay/packed_row.h"

namespace trunkline {
namespace {

// What a row from before `shape` has in its columns. Borrows from both.
std::vector<Value> Mapped(const std::vector<Value>& before, const TableShape& shape) {
  std::vector<Value> after;
  for (const ColumnMapping::Source& source : shape.mapping->sources) {
    if (source.old_column != ColumnMapping::kAdded) {
      after.push_back(before[static_cast<size_t>(source.old_column)]);
    } else if (source.constant) {
      after.push_back({.state = ValueState::kText, .bytes = *source.constant});
    } else {
      after.push_back(Value{});
    }
  }
  return after;
}

bool LooksTheSame(const TableShape& before, const TableShape& after) {
  return before.relation.schema == after.relation.schema &&
         before.relation.name == after.relation.name &&
         SameColumns(before.relation, after.relation) &&
         (!after.mapping || after.mapping->unchanged);
}

// Whether rows are still told apart by the same columns, whatever their names.
bool KeepsKey(const TableShape& before, const TableShape& after) {
  if (before.key.size() != after.key.size()) return false;
  for (size_t i = 0; i < after.key.size(); ++i) {
    const uint16_t column = after.key[i];
    const bool same = after.mapping ? after.mapping->sources[column].old_column == before.key[i]
                                    : before.relation.columns[before.key[i]].name ==
                                          after.relation.columns[column].name;
    if (!same) return false;
  }
  return true;
}

}  // namespace

void RowHistory::TakeShape(const RowEvent& event) {
  const std::shared_ptr<const TableShape> before = std::exchange(shape_, event.shape);
  if (before == nullptr) return;
  if (!KeepsKey(*before, *shape_)) {
    key_changed_ = event.at.lsn;
    current_.clear();
    return;
  }
  if (!shape_->mapping || LooksTheSame(*before, *shape_)) return;
  for (auto& [key, life] : current_) {
    if (!life->back().has_row) continue;
    const std::string packed = life->back().packed;
    RowVersion* version = Add(VersionKind::kDefinition, event.at, key, life);
    version->has_row = true;
    version->packed =
        PackedRow(Mapped(UnpackedRow(packed, before->relation.columns.size()), *shape_));
  }
}

// A key that has a label changes with it, also where its row is not looked at yet.
void RowHistory::Relabel(const RowEvent& event) {
  const size_t columns = shape_->relation.columns.size();
  const bool of_key =
      std::find(shape_->key.begin(), shape_->key.end(), event.column) != shape_->key.end();
  for (const std::string& key : of_key ? std::vector<std::string>(keys_->begin(), keys_->end())
                                       : std::vector<std::string>()) {
    std::vector<Value> row(columns);
    const char* packed = key.data();
    for (const uint16_t column : shape_->key) row[column] = UnpackValue(&packed);
    for (const auto& [old_label, new_label] : *event.labels) {
      if (row[event.column].bytes != new_label) continue;
      std::vector<Value> old_row = row;
      old_row[event.column].bytes = old_label;
      incomplete_ |= keys_->insert(EncodeKey(*shape_, old_row)).second;
      break;
    }
  }
  const std::map<std::string, RowLife*> current = current_;
  for (const auto& [key, life] : current) {
    if (!life->back().has_row) continue;
    const std::string packed = life->back().packed;
    std::vector<Value> row = UnpackedRow(packed, columns);
    const auto label = event.labels->find(std::string(row[event.column].bytes));
    if (row[event.column].state != ValueState::kText || label == event.labels->end()) continue;
    row[event.column].bytes = label->second;
    const std::string new_key = EncodeKey(*shape_, row);
    if (new_key != key) MoveKey(key, new_key);
    RowVersion* version = Add(VersionKind::kDefinition, event.at, new_key, life);
    version->has_row = true;
    version->packed = PackedRow(row);
  }
}

void RowHistory::TakeDoubt(const RowEvent& event) {
  const bool open = !doubts_.empty() && !doubts_.back().until;
  if (!open) {
    doubts_.push_back(
        {.from = event.at.lsn, .until = std::nullopt, .reason = std::string(event.text)});
  }
  for (auto& [key, life] : current_) {
    Add(VersionKind::kDoubt, event.at, key, life)->reason = event.text;
  }
}

void RowHistory::EndDoubt(Lsn lsn) {
  if (!doubts_.empty() && !doubts_.back().until) doubts_.back().until = lsn;
}

void RowHistory::EndAll(VersionKind kind, const Moment& at) {
  for (auto& [key, life] : current_) Add(kind, at, key, life);
  current_.clear();
}

}  // namespace trunkline
