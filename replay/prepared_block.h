// PreparedBlock: what folding a block's changes takes and any thread can make ahead: the hash by
// which each finds its row, and its new row packed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "archive/segment_reader.h"
#include "replay/row_chunk.h"
#include "replay/row_store.h"

namespace trunkline {

struct PreparedChange {
  uint64_t hash = 0;  // of the identity that the change names its row by
  // The new row; null where there is none, or takes more than the change to tell.
  std::string_view packed = {nullptr, 0};
};

class PreparedBlock {
 public:
  using Wanted = std::function<bool(uint32_t relation_oid)>;

  // Prepares the changes of the relations that are wanted, packing rows where `pack`. Uses its
  // memory again, but for that of packed rows.
  void Prepare(const SegmentReader& reader, const DecodedBlock& block, const Wanted& wanted,
               bool pack);

  // By the change's index in the block, if its relation is wanted.
  const PreparedChange& change(size_t index) const { return changes_[index]; }
  // The new row of a change of `relation`, of the reader.
  PackedRow row(const PreparedChange& change, size_t relation) const {
    return {change.packed, &relations_[relation].chunk};
  }

 private:
  // What the block has of a relation.
  struct RelationRows {
    std::optional<RowIdentity> identity;  // once it is known to be wanted
    bool unwanted = false;
    size_t packed_bytes = 0;
    char* end = nullptr;  // of what is packed
    std::shared_ptr<const RowChunk> chunk;
  };

  RelationRows* RowsOf(const Relation& relation, const Wanted& wanted);
  void Measure(std::span<const Change> changes, const Wanted& wanted, bool pack);
  void Pack(std::span<const Change> changes);
  RelationRows& rows(const Change& change) {
    return relations_[static_cast<size_t>(change.relation - first_)];
  }

  const Relation* first_ = nullptr;      // of the reader's
  std::vector<RelationRows> relations_;  // by index in the reader
  std::vector<PreparedChange> changes_;
};

}  // namespace trunkline
