// The plan of a rebuild: which SQL, in which order, makes the tables of a state.
//
// The relation in force at the target, which says what columns the rows have, rules over the
// definition where they differ.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "archive/definition.h"
#include "base/error.h"
#include "base/timestamp.h"
#include "decoder/relation.h"

namespace trunkline {

struct Statement {
  std::string sql;
  // What the result lacks should this fail: reported, and the rebuild goes on. Empty: a failure
  // ends the rebuild.
  std::string lacking = {};
  // Run in its place should it fail.
  std::vector<Statement> instead = {};
  // That the object is there already is as good.
  bool may_exist = false;
  // The place of its table in DdlPlan::tables, so that work on the largest can start first.
  std::optional<size_t> table = std::nullopt;
  // Makes the index of a primary key, in the order of which most rows come.
  bool indexes_primary_key = false;
};

struct Stage {
  std::vector<Statement> statements;
  // They are independent of each other and take no locks that could cross.
  bool parallel = false;
  // They check rows by constraints that are there.
  bool validates = false;
};

// A table whose rows are loaded.
struct LoadedTable {
  QualifiedName name;
  std::string copy;             // "COPY ... (columns) FROM STDIN", ready for options
  std::vector<size_t> columns;  // the relation's columns to send, in this order
  bool partitioned = false;
};

struct DdlPlan {
  std::vector<QualifiedName> created;  // every table, those without rows of their own too
  std::vector<Statement> before_data;  // in order
  std::vector<LoadedTable> tables;     // as the relations were given
  std::vector<Stage> after_data;       // in order
  std::vector<std::string> notes;      // where the result differs by necessity from the source
};

struct DdlOptions {
  // Ordinary tables are made unlogged: for a server whose data is thrown away.
  bool unlogged = false;
  // What the database has as its trunkline.as_of; none: no such setting.
  std::optional<Timestamp> as_of = std::nullopt;
};

// kUnsupported for a column whose type neither the definition nor the stream names.
Result<DdlPlan> PlanDdl(const Definition& definition, std::span<const Relation* const> relations,
                        const DdlOptions& options);

}  // namespace trunkline
