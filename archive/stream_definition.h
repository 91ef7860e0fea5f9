// What folding needs of definitions beyond their parsing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "archive/definition.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

// "schema.name", for messages.
std::string NameOf(const Relation& relation);
// What to do where one table cannot be rebuilt.
inline constexpr std::string_view kLeaveOutHint =
    "rebuild the other tables with --tables, or choose a target before it or after the next "
    "snapshot "
    "of the table";

// A definition in the stream. Exact ones were made inside the transaction that holds them; one that
// the daemon queried may be of a later instant than the change that it stands in front of.
bool IsExactDefinition(const Change& change);
bool IsDefinition(const Change& change);

// What DDL capture says of a table that is about to be rewritten: its values can change without a
// trace in its definition.
struct Rewrite {
  uint32_t oid = 0;
  bool of_generated_columns = false;  // else of any
};
// Nothing where `change` is no such message, or a malformed one.
std::optional<Rewrite> FindRewrite(const Change& change);

// The relation that the stream would describe for `table`. `before` is what is known of it so far,
// or an empty Relation.
Relation RelationOf(const TableDefinition& table, const Relation& before);

// Adds `table` to `definition`, and what of `source` it may need.
void AddDefinition(const TableDefinition& table, const Definition& source, Definition* definition);

// `newer` with the tables of `older` that it lacks, and the types and schemas they need.
Definition KeepMissingTables(Definition newer, const Definition& older);

}  // namespace trunkline
