#include "replay/rows_part.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>
#include <vector>

#include "replay/state.h"

namespace trunkline {
namespace {

constexpr uint32_t kMaxParts = 1 << 16;
// Rows this near to each other are come to by visiting those between: a table on disk takes long to
// find one by its number.
constexpr uint64_t kNearRows = 64;

// Some of another table's rows.
class PartOfTable final : public TableState {
 public:
  PartOfTable(std::unique_ptr<TableState> whole, std::vector<uint64_t> rows)
      : whole_(std::move(whole)), rows_(std::move(rows)) {}

  const Relation& relation() const override { return whole_->relation(); }
  uint64_t row_count() const override { return rows_.size(); }

  Result<void> ForEachRow(uint64_t first, uint64_t count,
                          const std::function<Result<void>(Tuple row)>& visit) const override {
    const auto begin = rows_.begin() + static_cast<ptrdiff_t>(std::min(first, row_count()));
    const auto end = begin + static_cast<ptrdiff_t>(std::min<uint64_t>(
                                 count, static_cast<uint64_t>(rows_.end() - begin)));
    for (auto next = begin; next < end;) {
      uint64_t number = *next;
      auto last = next + 1;
      while (last < end && *last - *(last - 1) <= kNearRows) ++last;
      TRY(whole_->ForEachRow(number, *(last - 1) - number + 1, [&](Tuple row) -> Result<void> {
        if (number++ != *next) return {};
        ++next;
        return visit(row);
      }));
    }
    return {};
  }

 private:
  const std::unique_ptr<TableState> whole_;
  const std::vector<uint64_t> rows_;  // their numbers there, ascending
};

uint32_t ParseNumber(std::string_view text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

}  // namespace

Result<RowsPart> ParseRowsPart(std::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const RowsPart part{.number = ParseNumber(text.substr(0, slash)),
                      .count = ParseNumber(text.substr(std::min(slash + 1, text.size())))};
  if (part.number >= 1 && part.number <= part.count && part.count <= kMaxParts) return part;
  return Fail(ErrorKind::kInvalidArgument, "\"" + std::string(text) + "\" is no part of the rows",
              "write K/N, with K from 1 to N and N up to 65536");
}

uint32_t PartOf(const Relation& relation, Tuple row, uint32_t count) {
  const auto is_key = [](const RelationColumn& column) { return column.key; };
  const bool keyed = relation.identity != ReplicaIdentity::kFull &&
                     std::any_of(relation.columns.begin(), relation.columns.end(), is_key);
  uint64_t hash = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    if (keyed && !relation.columns[i].key) continue;
    hash = XXH3_64bits_withSeed(row[i].bytes.data(), row[i].bytes.size(),
                                hash + static_cast<uint64_t>(row[i].state));
  }
  return 1 + static_cast<uint32_t>(hash % count);
}

Result<void> KeepRows(const RowsPart& part, DatabaseState* state) {
  for (std::unique_ptr<TableState>& table : state->tables) {
    std::vector<uint64_t> rows;
    uint64_t number = 0;
    TRY(table->ForEachRow(0, table->row_count(), [&](Tuple row) -> Result<void> {
      if (PartOf(table->relation(), row, part.count) == part.number) rows.push_back(number);
      ++number;
      return {};
    }));
    table = std::make_unique<PartOfTable>(std::move(table), std::move(rows));
  }
  return {};
}

}  // namespace trunkline
