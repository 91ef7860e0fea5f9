#include "replay/table_diff.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "archive/stream_definition.h"
#include "replay/fold_row_index.h"
#include "replay/keyed_relation.h"

namespace trunkline {
namespace {

constexpr size_t kSortedBytes = 256;  // of each value; rows that agree so far keep their order

bool IsIntegerType(uint32_t type_oid) {
  return type_oid == 20 || type_oid == 21 || type_oid == 23 || type_oid == 26;
}

// Bytes whose order is that of the values.
void AppendSortKey(const RelationColumn& column, const Value& value, std::string* key) {
  key->push_back(value.state == ValueState::kNull ? 1 : 0);
  int64_t number = 0;
  const char* end = value.bytes.data() + value.bytes.size();
  if (IsIntegerType(column.type_oid) &&
      std::from_chars(value.bytes.data(), end, number).ptr == end) {
    const uint64_t ordered = static_cast<uint64_t>(number) ^ (uint64_t{1} << 63);
    for (int shift = 56; shift >= 0; shift -= 8) {
      key->push_back(static_cast<char>(ordered >> shift & 0xFF));
    }
    return;
  }
  key->append(value.bytes.substr(0, kSortedBytes));
  key->push_back('\0');  // which no text holds
}

// Whether the key of `after` was that of `before` too, in the columns that it had then.
bool HadSameKey(const Relation& before, const Relation& after,
                const std::optional<ColumnMapping>& mapping) {
  size_t common = 0;
  for (size_t i = 0; i < after.columns.size(); ++i) {
    if (!after.columns[i].key) continue;
    const int source = mapping ? mapping->sources[i].old_column : static_cast<int>(i);
    if (source == ColumnMapping::kAdded) return false;
    if (!before.columns[static_cast<size_t>(source)].key) return false;
    ++common;
  }
  return std::count_if(before.columns.begin(), before.columns.end(),
                       [](const RelationColumn& column) { return column.key; }) ==
         static_cast<std::ptrdiff_t>(common);
}

}  // namespace

// Fills a TableDiff.
class TableComparison {
 public:
  explicit TableComparison(TableDiff* diff) : diff_(*diff) {}

  Result<void> Run() {
    Prepare();
    if (diff_.rows_before_) TRY(IndexBefore());
    if (diff_.rows_after_) TRY(CompareAfter());
    TakeRemoved();
    return Sort();
  }

 private:
  using RowId = RowIndex::RowId;

  void Prepare() {
    const TableAt& before = diff_.before_;
    const TableAt& after = diff_.after_;
    if (after.table != nullptr) diff_.rows_after_.emplace(after);
    if (before.table != nullptr && after.table != nullptr) {
      diff_.rows_before_.emplace(before, after);
      diff_.mapping_ = diff_.rows_before_->mapping();
    } else if (before.table != nullptr) {
      diff_.rows_before_.emplace(before);
    }
    const TableAt& named = after.table != nullptr ? after : before;
    diff_.relation_ = WithPrimaryKey(named.table->relation(), named.definition_of_table());
    diff_.keyed_ = HasKey(diff_.relation_);
    if (diff_.keyed_ && before.table != nullptr && after.table != nullptr) {
      const Relation earlier =
          WithPrimaryKey(before.table->relation(), before.definition_of_table());
      diff_.keyed_ = HasKey(earlier) && HadSameKey(earlier, diff_.relation_, diff_.mapping_);
    }
    for (size_t i = 0; i < diff_.relation_.columns.size(); ++i) {
      RelationColumn& column = diff_.relation_.columns[i];
      column.key = column.key && diff_.keyed_;
      if (column.key || !diff_.keyed_) identity_.push_back(i);
    }
  }

  uint64_t Hash(Tuple row) const {
    uint64_t hash = 0;
    for (const size_t column : identity_) {
      const Value& value = row[column];
      hash = value.state == ValueState::kNull
                 ? hash * 0x9E3779B97F4A7C15ULL + 1
                 : XXH3_64bits_withSeed(value.bytes.data(), value.bytes.size(), hash);
    }
    return hash;
  }

  // An error of reading stays in failure_.
  size_t Find(uint64_t hash, Tuple row) {
    return index_.Find(hash, [&](RowId candidate) {
      bool same = true;
      Result<void> read = diff_.rows_before_->ReadRow(candidate, [&](uint64_t, Tuple other) {
        for (const size_t column : identity_) same &= row[column] == other[column];
        return Result<void>();
      });
      if (!read) failure_ = std::move(read);
      return same;
    });
  }

  Result<void> IndexBefore() {
    const AlignedRows& rows = *diff_.rows_before_;
    copies_.resize(rows.row_count());
    index_.Reserve(rows.row_count());
    return rows.ForEachRow([&](uint64_t number, Tuple row) -> Result<void> {
      const uint64_t hash = Hash(row);
      const size_t slot = Find(hash, row);
      TRY(failure_);
      if (slot == RowIndex::kNoSlot) index_.Insert(hash, static_cast<RowId>(number));
      ++copies_[slot == RowIndex::kNoSlot ? number : index_.row(slot)];
      return {};
    });
  }

  Result<void> CompareAfter() {
    return diff_.rows_after_->ForEachRow([&](uint64_t number, Tuple row) -> Result<void> {
      const size_t slot = Find(Hash(row), row);
      TRY(failure_);
      if (slot == RowIndex::kNoSlot || copies_[index_.row(slot)] == 0) {
        Add(RowChange::kAdded, TableDiff::kNoRow, number);
        return {};
      }
      const RowId old = index_.row(slot);
      --copies_[old];
      if (!diff_.keyed_) return {};
      return diff_.rows_before_->ReadRow(old, [&](uint64_t, Tuple before) {
        if (!std::equal(row.begin(), row.end(), before.begin(), before.end())) {
          Add(RowChange::kChanged, old, number);
        }
        return Result<void>();
      });
    });
  }

  void TakeRemoved() {
    for (uint64_t number = 0; number < copies_.size(); ++number) {
      for (; copies_[number] > 0; --copies_[number]) {
        Add(RowChange::kRemoved, number, TableDiff::kNoRow);
      }
    }
  }

  void Add(RowChange change, uint64_t before, uint64_t after) {
    diff_.differences_.push_back({before, after});
    ++diff_.counts_[static_cast<size_t>(change)];
  }

  Result<void> Sort() {
    std::vector<std::pair<std::string, TableDiff::Difference>> sorted;
    sorted.reserve(diff_.differences_.size());
    for (const TableDiff::Difference& difference : diff_.differences_) {
      std::string key;
      const bool is_old = difference.after == TableDiff::kNoRow;
      const AlignedRows& rows = is_old ? *diff_.rows_before_ : *diff_.rows_after_;
      TRY(rows.ReadRow(is_old ? difference.before : difference.after, [&](uint64_t, Tuple row) {
        for (const size_t column : identity_) {
          AppendSortKey(diff_.relation_.columns[column], row[column], &key);
        }
        return Result<void>();
      }));
      sorted.emplace_back(std::move(key), difference);
    }
    // Removed rows before added ones that agree with them.
    std::sort(sorted.begin(), sorted.end(), [](const auto& left, const auto& right) {
      return std::tie(left.first, left.second.before, left.second.after) <
             std::tie(right.first, right.second.before, right.second.after);
    });
    for (size_t i = 0; i < sorted.size(); ++i) diff_.differences_[i] = sorted[i].second;
    return {};
  }

  TableDiff& diff_;
  std::vector<size_t> identity_;  // columns by which rows are found
  RowIndex index_;                // one row of each identity
  std::vector<uint32_t> copies_;  // of that row which are still to be found in `after`
  Result<void> failure_;
};

Result<TableDiff> TableDiff::Make(const TableAt& before, const TableAt& after) {
  TableDiff diff(before, after);
  TRY(TableComparison(&diff).Run());
  return diff;
}

std::string TableDiff::RenamedFrom() const {
  if (before_.table == nullptr || after_.table == nullptr) return {};
  std::string name = NameOf(before_.table->relation());
  return name == NameOf(relation_) ? std::string() : name;
}

Result<void> TableDiff::ForEachRow(const Visit& visit) const {
  for (const Difference& difference : differences_) {
    if (difference.before == kNoRow) {
      TRY(rows_after_->ReadRow(difference.after, [&](uint64_t, Tuple row) {
        return visit(RowChange::kAdded, {}, row);
      }));
    } else if (difference.after == kNoRow) {
      TRY(rows_before_->ReadRow(difference.before, [&](uint64_t, Tuple row) {
        return visit(RowChange::kRemoved, row, {});
      }));
    } else {
      TRY(rows_before_->ReadRow(difference.before, [&](uint64_t, Tuple before) {
        return rows_after_->ReadRow(difference.after, [&](uint64_t, Tuple after) {
          return visit(RowChange::kChanged, before, after);
        });
      }));
    }
  }
  return {};
}

}  // namespace trunkline
