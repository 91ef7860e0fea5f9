// Columns across versions of a relation: which column of the new version is which of the old one.
//
// RELATION messages name columns but do not number them, so a renamed column looks like a dropped
// and an added one. Definitions know attnums, which tell the two apart.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "decoder/relation.h"
#include "replay/definition.h"

namespace trunkline {

// A relation's columns with what the definition in force at the time knew about them.
struct NumberedColumns {
  std::vector<int> attnums;  // one a column of the relation; 0 where not known
  int highest_attnum = 0;    // of any column the table had, published or not; 0: not known
};

// `table` may be null: no definition knows the relation.
NumberedColumns NumberColumns(const Relation& relation, const TableDefinition* table);

struct ColumnMapping {
  static constexpr int kAdded = -1;
  struct Source {
    int old_column = kAdded;
    std::optional<std::string> constant;  // of an added column: what older rows have, or NULL
  };
  std::vector<Source> sources;  // one a column of the new version
  bool unchanged = false;       // rows stay as they are
  // Why the rows from before cannot be derived; empty: they can.
  std::string doubt;
  // What a person should know although the rows were derived; empty: nothing.
  std::string warning;
};

ColumnMapping MapColumns(const Relation& before, const NumberedColumns& before_numbers,
                         const Relation& after, const NumberedColumns& after_numbers,
                         const TableDefinition* after_table);

// `after`, with numbers that only `before` knew carried over: a definition that is ahead of the
// stream may call a column otherwise already.
NumberedColumns KeepKnownNumbers(NumberedColumns after, const ColumnMapping& mapping,
                                 const NumberedColumns& before);

}  // namespace trunkline
