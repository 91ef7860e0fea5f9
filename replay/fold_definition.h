// What folding needs of definitions beyond their parsing.
#pragma once

#include <optional>

#include "decoder/change.h"
#include "decoder/relation.h"
#include "replay/definition.h"

namespace trunkline {

// A definition in the stream. Exact ones were made inside the transaction that holds them; one that
// the daemon queried may be of a later instant than the change that it stands in front of.
bool IsExactDefinition(const Change& change);
bool IsDefinition(const Change& change);

// The relation that the stream would describe for `table`. `before` is what is known of it so far,
// or an empty Relation. Nothing where the definition alone does not tell: it does not name the
// columns of an index that is the replica identity.
std::optional<Relation> RelationOf(const TableDefinition& table, const Relation& before);

// `newer` with the tables of `older` that it lacks, and the types and schemas they need.
Definition KeepMissingTables(Definition newer, const Definition& older);

}  // namespace trunkline
