#include "archive/column_mapping.h"

#include <algorithm>
#include <array>
#include <string_view>
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

bool Contains(const std::vector<int>& numbers, int number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

// Whether pg_get_expr printed a literal: 7, '-1'::integer, 'a'::character varying(3), true.
bool IsConstant(std::string_view expression) {
  size_t size = 0;
  if (expression.starts_with('\'')) {
    for (size = 1; size < expression.size() && expression[size] != '\''; ++size) {
      if (expression.substr(size).starts_with("''")) ++size;
    }
    ++size;
  } else {
    size = std::min(expression.find("::"), expression.size());
    const std::string_view word = expression.substr(0, size);
    if (word != "true" && word != "false" && word.find_first_not_of("-0123456789.") != word.npos) {
      return false;
    }
  }
  return size >= expression.size() || expression.substr(size).starts_with("::");
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
    if (!after_numbers_.fits) MatchByNameAndType();
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

  bool IsMatched(size_t after) const {
    return mapping_.sources[after].old_column != ColumnMapping::kAdded;
  }

  void MatchByNumber() {
    for (size_t i = 0; i < after_.columns.size(); ++i) {
      const int attnum = after_numbers_.attnums[i];
      if (attnum == 0 || IsMatched(i)) continue;
      for (size_t j = 0; j < before_.columns.size(); ++j) {
        if (!taken_[j] && before_numbers_.attnums[j] == attnum) Match(i, j);
      }
    }
  }

  void MatchByNameAndType() {
    for (size_t i = 0; i < after_.columns.size(); ++i) {
      for (size_t j = 0; j < before_.columns.size(); ++j) {
        const bool same = before_.columns[j].name == after_.columns[i].name &&
                          before_.columns[j].type_oid == after_.columns[i].type_oid;
        if (same) Match(i, j);
      }
    }
  }

  // Only where a number is missing on one side: two known numbers that differ are two columns.
  void MatchByName() {
    for (size_t i = 0; i < after_.columns.size(); ++i) {
      if (IsMatched(i)) continue;
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
    if (Contains(before_numbers_.unsent, after_numbers_.attnums[i])) {
      Doubt(i, "was not published before");
      return;
    }
    const ColumnDefinition* column =
        after_table == nullptr ? nullptr : after_table->FindColumn(after_.columns[i].name);
    if (column == nullptr) {
      Doubt(i, "was added, and no definition says with what");
      return;
    }
    mapping_.sources[i].constant = column->missing;
    if (column->missing) return;
    const bool computed = column->default_value && !IsConstant(*column->default_value);
    if (column->not_null || computed) {
      Doubt(i, "was added with values computed for each row");
    } else if (column->default_value) {
      Warn(i,
           "has a default that rows from before it do not have; they are taken to hold NULL "
           "there");
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

  void Warn(size_t i, const std::string& what) {
    if (mapping_.warning.empty()) {
      mapping_.warning = "column \"" + after_.columns[i].name + "\" " + what;
    }
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
  numbers.attnums.assign(relation.columns.size(), 0);
  if (table == nullptr) return numbers;
  size_t sent = 0;
  numbers.fits = true;
  for (const ColumnDefinition& column : table->columns) {
    if (!table->Sends(column)) {
      numbers.unsent.push_back(column.attnum);
      continue;
    }
    const size_t place = sent++;
    numbers.fits &= place < relation.columns.size() &&
                    relation.columns[place].name == column.name &&
                    relation.columns[place].type_oid == column.type_oid;
    for (size_t i = 0; i < relation.columns.size(); ++i) {
      const RelationColumn& own = relation.columns[i];
      if (own.name == column.name && own.type_oid == column.type_oid) {
        numbers.attnums[i] = column.attnum;
      }
    }
  }
  numbers.fits &= sent == relation.columns.size();
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
    if (old_column == ColumnMapping::kAdded) continue;
    const int known = before.attnums[static_cast<size_t>(old_column)];
    if (known != 0) after.attnums[i] = known;
  }
  return after;
}

}  // namespace trunkline
