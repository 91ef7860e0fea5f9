#include "replay/fold_columns.h"

#include <algorithm>
#include <array>
#include <utility>

namespace trunkline {
namespace {

// pg_type OIDs, which never change.
constexpr uint32_t kInt8 = 20;
constexpr uint32_t kInt2 = 21;
constexpr uint32_t kInt4 = 23;
constexpr uint32_t kText = 25;
constexpr uint32_t kVarchar = 1043;
constexpr uint32_t kNumeric = 1700;

// Whether a value prints the same after ALTER COLUMN ... TYPE without a USING clause.
bool PrintsTheSame(const RelationColumn& before, const RelationColumn& after) {
  constexpr std::array<std::pair<uint32_t, uint32_t>, 5> kHarmless = {
      {{kInt2, kInt4}, {kInt2, kInt8}, {kInt4, kInt8}, {kText, kVarchar}, {kVarchar, kText}}};
  if (before.type_oid == after.type_oid) {
    if (before.type_modifier == after.type_modifier || before.type_oid == kVarchar) return true;
    // numeric(p,s): the scale stands in the low bits; -1 is unconstrained and keeps every digit.
    return before.type_oid == kNumeric && before.type_modifier >= 0 && after.type_modifier >= 0 &&
           (before.type_modifier - 4) % 2048 == (after.type_modifier - 4) % 2048;
  }
  return std::find(kHarmless.begin(), kHarmless.end(),
                   std::pair(before.type_oid, after.type_oid)) != kHarmless.end();
}

class Mapper {
 public:
  Mapper(const Relation& before, const NumberedColumns& before_numbers, const Relation& after,
         const NumberedColumns& after_numbers)
      : before_(before),
        before_numbers_(before_numbers),
        after_(after),
        after_numbers_(after_numbers),
        taken_(before.columns.size(), false) {}

  ColumnMapping Map(const TableDefinition* after_table) {
    mapping_.sources.resize(after_.columns.size());
    MatchByNumber();
    MatchByName();
    for (size_t i = 0; i < after_.columns.size(); ++i) {
      const int old_column = mapping_.sources[i].old_column;
      if (old_column == ColumnMapping::kAdded) {
        TakeAdded(i, after_table);
      } else if (!PrintsTheSame(before_.columns[old_column], after_.columns[i])) {
        Doubt(i, "changed its type");
      }
    }
    mapping_.unchanged = SamePlaces();
    return std::move(mapping_);
  }

 private:
  void Match(size_t after, size_t before) {
    mapping_.sources[after].old_column = static_cast<int>(before);
    taken_[before] = true;
  }

  void MatchByNumber() {
    for (size_t i = 0; i < after_.columns.size(); ++i) {
      const int attnum = after_numbers_.attnums[i];
      const auto& numbers = before_numbers_.attnums;
      const auto found = std::find(numbers.begin(), numbers.end(), attnum);
      if (attnum != 0 && found != numbers.end()) Match(i, found - numbers.begin());
    }
  }

  // Only where a number is missing on one side: two known numbers that differ are two columns.
  void MatchByName() {
    for (size_t i = 0; i < after_.columns.size(); ++i) {
      if (mapping_.sources[i].old_column != ColumnMapping::kAdded) continue;
      for (size_t j = 0; j < before_.columns.size(); ++j) {
        const bool numbered = after_numbers_.attnums[i] != 0 && before_numbers_.attnums[j] != 0;
        if (taken_[j] || numbered || before_.columns[j].name != after_.columns[i].name) continue;
        Match(i, j);
        break;
      }
    }
  }

  void TakeAdded(size_t i, const TableDefinition* after_table) {
    if (MayBeRenamed(i)) {
      Doubt(i, "may be a new one or a renamed one, and no definition says which");
      return;
    }
    const int attnum = after_numbers_.attnums[i];
    if (attnum != 0 && attnum <= before_numbers_.highest_attnum) {
      Doubt(i, "was not published before");
      return;
    }
    const ColumnDefinition* column =
        after_table == nullptr ? nullptr : after_table->FindColumn(after_.columns[i].name);
    if (column == nullptr) return;
    mapping_.sources[i].constant = column->missing;
    if (column->missing) return;
    if (column->not_null) {
      Doubt(i, "was added with values computed for each row");
    } else if (column->default_value && mapping_.warning.empty()) {
      mapping_.warning = "column \"" + after_.columns[i].name +
                         "\" was added with a default that is no constant; rows from before it "
                         "are taken to hold NULL there";
    }
  }

  // An old column went away, and the numbers do not tell whether this new one is it.
  bool MayBeRenamed(size_t i) const {
    for (size_t j = 0; j < taken_.size(); ++j) {
      const bool numbered = after_numbers_.attnums[i] != 0 && before_numbers_.attnums[j] != 0;
      if (!taken_[j] && !numbered) return true;
    }
    return false;
  }

  void Doubt(size_t i, const std::string& why) {
    if (mapping_.doubt.empty()) {
      mapping_.doubt = "column \"" + after_.columns[i].name + "\" " + why;
    }
  }

  bool SamePlaces() const {
    if (before_.columns.size() != after_.columns.size()) return false;
    for (size_t i = 0; i < mapping_.sources.size(); ++i) {
      if (mapping_.sources[i].old_column != static_cast<int>(i)) return false;
    }
    return true;
  }

  const Relation& before_;
  const NumberedColumns& before_numbers_;
  const Relation& after_;
  const NumberedColumns& after_numbers_;
  std::vector<bool> taken_;
  ColumnMapping mapping_;
};

}  // namespace

NumberedColumns NumberColumns(const Relation& relation, const TableDefinition* table) {
  NumberedColumns numbers;
  for (const RelationColumn& column : relation.columns) {
    const ColumnDefinition* known = table == nullptr ? nullptr : table->FindColumn(column.name);
    numbers.attnums.push_back(known == nullptr ? 0 : known->attnum);
  }
  if (table != nullptr) {
    for (const ColumnDefinition& column : table->columns) {
      numbers.highest_attnum = std::max(numbers.highest_attnum, column.attnum);
    }
  }
  return numbers;
}

ColumnMapping MapColumns(const Relation& before, const NumberedColumns& before_numbers,
                         const Relation& after, const NumberedColumns& after_numbers,
                         const TableDefinition* after_table) {
  return Mapper(before, before_numbers, after, after_numbers).Map(after_table);
}

NumberedColumns KeepKnownNumbers(NumberedColumns after, const ColumnMapping& mapping,
                                 const NumberedColumns& before) {
  for (size_t i = 0; i < after.attnums.size(); ++i) {
    const int old_column = mapping.sources[i].old_column;
    if (after.attnums[i] == 0 && old_column != ColumnMapping::kAdded) {
      after.attnums[i] = before.attnums[static_cast<size_t>(old_column)];
    }
  }
  after.highest_attnum = std::max(after.highest_attnum, before.highest_attnum);
  return after;
}

}  // namespace trunkline
