// How commands and comparisons find a row of a table again.
#pragma once

#include "archive/definition.h"
#include "decoder/relation.h"

namespace trunkline {

// Whether a row is found by key columns rather than by all of its values.
bool HasKey(const Relation& relation);

// `relation` with its primary key, as `definition` has it, for a key where its replica identity is
// none: it is FULL or NOTHING. `definition` may be null.
Relation WithPrimaryKey(const Relation& relation, const TableDefinition* definition);

}  // namespace trunkline
