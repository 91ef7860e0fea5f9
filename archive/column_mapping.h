// Columns across versions of a relation: which column of the new version is which of the old one.
//
// RELATION messages name columns but do not number them, so a renamed column looks like a dropped
// and an added one. Definitions know attnums, which tell the two apart.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/definition.h"
#include "decoder/relation.h"

namespace trunkline {

// A relation's columns with what the definition in force at the time knew about them. One that the
// daemon queried can be ahead of the stream: it then does not fit the relation, and its numbers are
// hints, since a column may have been dropped and added again under the same name.
struct NumberedColumns {
  std::vector<int> attnums;  // one a column of the relation; 0 where not known
  bool fits = false;         // the definition has just these columns
  std::vector<int> unsent;   // columns that the table had and the stream did not carry
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

// `after`, with the numbers of columns that `before` knew.
NumberedColumns KeepKnownNumbers(NumberedColumns after, const ColumnMapping& mapping,
                                 const NumberedColumns& before);

}  // namespace trunkline
