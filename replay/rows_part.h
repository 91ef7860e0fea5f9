// RowsPart: a part of every table's rows, so that several processes share the work on a table.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

struct DatabaseState;

// Part `number`, from 1 on, of `count`.
struct RowsPart {
  uint32_t number = 1;
  uint32_t count = 1;

  bool is_whole() const { return count == 1; }
};

// "2/8"; kInvalidArgument for anything else.
Result<RowsPart> ParseRowsPart(std::string_view text);

// The part, from 1 on, that a row falls into: by its replica identity, or all of its values where
// it has none. Equal keys fall into equal parts, on every machine.
uint32_t PartOf(const Relation& relation, Tuple row, uint32_t count);

// Leaves in each table the rows that fall into the part, in their order. The parts together are the
// whole, and no row is in two.
Result<void> KeepRows(const RowsPart& part, DatabaseState* state);

}  // namespace trunkline
