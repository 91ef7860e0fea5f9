#include "replay/table_diff.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "archive/stream_definition.h"
#include "replay/fold_row_index.h"
#include "replay/keyed_relation.h"

namespace trunkline {
namespace {

// For each row of `before` that a pass finds: of the index, and of what is known of the row.
constexpr uint64_t kBytesPerRow = RowIndex::kMostBytesPerRow + 16;

// What finds rows takes two thirds of the memory, and differences the rest.
uint64_t RowsPerPass(uint64_t memory_bytes) {
  const uint64_t rows = memory_bytes / 3 * 2 / kBytesPerRow;
  return std::clamp<uint64_t>(rows, 1, RowArena::kNoRow / 2);
}

MemoryOptions MemoryOfDifferences(MemoryOptions memory) {
  memory.bytes /= 3;
  return memory;
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

// Fills a TableDiff, in as many passes as the memory asks for: each takes the rows with its share
// of the hashes.
class TableComparison {
 public:
  TableComparison(TableDiff* diff, uint64_t rows_per_pass)
      : diff_(*diff), rows_per_pass_(rows_per_pass) {}

  Result<void> Run() {
    Prepare();
    const uint64_t rows = diff_.rows_before();
    diff_.passes_ = rows == 0 ? 1 : (rows - 1) / rows_per_pass_ + 1;
    for (pass_ = 0; pass_ < diff_.passes_; ++pass_) {
      if (diff_.rows_before_) TRY(IndexBefore());
      if (diff_.rows_after_) TRY(CompareAfter());
      TRY(TakeRemoved());
    }
    diff_.differences_.Sort();
    return {};
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

  // By the upper half of the hash; the index uses the lower one.
  bool IsOfPass(uint64_t hash) const { return (hash >> 32) * diff_.passes_ >> 32 == pass_; }

  // An error of reading stays in failure_.
  size_t Find(uint64_t hash, Tuple row) {
    return index_.Find(hash, [&](RowId candidate) {
      bool same = true;
      Result<void> read =
          diff_.rows_before_->ReadRow(found_[candidate].number, [&](uint64_t, Tuple other) {
            for (const size_t column : identity_) same &= row[column] == other[column];
            return Result<void>();
          });
      if (!read) failure_ = std::move(read);
      return same;
    });
  }

  Result<void> IndexBefore() {
    const AlignedRows& rows = *diff_.rows_before_;
    found_.clear();
    index_.Clear();
    // A share of the hashes has about as many rows as another.
    const uint64_t expected = rows.row_count() / diff_.passes_;
    const uint64_t room = diff_.passes_ == 1 ? expected : expected + expected / 32;
    found_.reserve(room);
    index_.Reserve(room);
    return rows.ForEachRow([&](uint64_t number, Tuple row) -> Result<void> {
      const uint64_t hash = Hash(row);
      if (!IsOfPass(hash)) return {};
      const size_t slot = Find(hash, row);
      TRY(failure_);
      if (slot != RowIndex::kNoSlot) {
        ++found_[index_.row(slot)].copies;
        return {};
      }
      index_.Insert(hash, static_cast<RowId>(found_.size()));
      found_.push_back({.number = number, .copies = 1});
      return {};
    });
  }

  Result<void> CompareAfter() {
    return diff_.rows_after_->ForEachRow([&](uint64_t number, Tuple row) -> Result<void> {
      const uint64_t hash = Hash(row);
      if (!IsOfPass(hash)) return {};
      const size_t slot = Find(hash, row);
      TRY(failure_);
      if (slot == RowIndex::kNoSlot || found_[index_.row(slot)].copies == 0) {
        return Add(RowChange::kAdded, {.after = number}, row);
      }
      FoundRow& old = found_[index_.row(slot)];
      --old.copies;
      if (!diff_.keyed_) return {};
      return diff_.rows_before_->ReadRow(old.number, [&](uint64_t, Tuple before) -> Result<void> {
        if (std::equal(row.begin(), row.end(), before.begin(), before.end())) return {};
        return Add(RowChange::kChanged, {.before = old.number, .after = number}, row);
      });
    });
  }

  Result<void> TakeRemoved() {
    for (const FoundRow& old : found_) {
      if (old.copies == 0) continue;
      TRY(diff_.rows_before_->ReadRow(old.number, [&](uint64_t, Tuple row) {
        return Add(RowChange::kRemoved, {.before = old.number, .copies = old.copies}, row);
      }));
    }
    return {};
  }

  Result<void> Add(RowChange change, const RowDifference& difference, Tuple row) {
    diff_.counts_[static_cast<size_t>(change)] += difference.copies;
    return diff_.differences_.Add(difference, diff_.relation_, identity_, row);
  }

  struct FoundRow {
    uint64_t number = 0;
    uint64_t copies = 0;  // which are still to be found in `after`
  };

  TableDiff& diff_;
  const uint64_t rows_per_pass_;
  uint64_t pass_ = 0;
  std::vector<size_t> identity_;  // columns by which rows are found
  RowIndex index_;                // of found_
  std::vector<FoundRow> found_;   // one row of each identity that is of the pass
  Result<void> failure_;
};

Result<TableDiff> TableDiff::Make(const TableAt& before, const TableAt& after,
                                  const MemoryOptions& memory) {
  TableDiff diff(before, after, MemoryOfDifferences(memory));
  TRY(TableComparison(&diff, RowsPerPass(memory.bytes)).Run());
  return diff;
}

std::string TableDiff::RenamedFrom() const {
  if (before_.table == nullptr || after_.table == nullptr) return {};
  std::string name = NameOf(before_.table->relation());
  return name == NameOf(relation_) ? std::string() : name;
}

Result<void> TableDiff::ForEachRow(const Visit& visit) const {
  return differences_.ForEach([&](const RowDifference& difference) -> Result<void> {
    for (uint64_t i = 0; i < difference.copies; ++i) TRY(Show(difference, visit));
    return {};
  });
}

Result<void> TableDiff::Show(const RowDifference& difference, const Visit& visit) const {
  if (difference.before == RowDifference::kNoRow) {
    return rows_after_->ReadRow(
        difference.after, [&](uint64_t, Tuple row) { return visit(RowChange::kAdded, {}, row); });
  }
  if (difference.after == RowDifference::kNoRow) {
    return rows_before_->ReadRow(difference.before, [&](uint64_t, Tuple row) {
      return visit(RowChange::kRemoved, row, {});
    });
  }
  return rows_before_->ReadRow(difference.before, [&](uint64_t, Tuple before) {
    return rows_after_->ReadRow(difference.after, [&](uint64_t, Tuple after) {
      return visit(RowChange::kChanged, before, after);
    });
  });
}

}  // namespace trunkline
