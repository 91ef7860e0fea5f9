// PreparedBlock: what folding a block's changes takes and any thread can make ahead: the hash by
// which each finds its row, and its rows packed.
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

// An insert, update or delete as a table takes it, with packed rows.
struct PackedChange {
  Operation operation = Operation::kInsert;
  OldTupleKind old_kind = OldTupleKind::kNone;
  bool whole = true;               // the new row lacks no value, and has none in binary
  uint64_t hash = 0;               // of the identity by which it names its row
  const char* identity = nullptr;  // a row with that identity: the old one, else the new one
  PackedRow row;                   // the new one, if any
};

class PreparedBlock {
 public:
  using Wanted = std::function<bool(uint32_t relation_oid)>;

  // Prepares the changes of the relations that are wanted; where `keep`, what stores may keep of
  // their rows without a copy. Uses its memory again, but for that.
  void Prepare(const SegmentReader& reader, const DecodedBlock& block, const Wanted& wanted,
               bool keep);

  // By the change's index in the block; only of a relation that is wanted. Valid until the next
  // Prepare.
  PackedChange change(size_t index, const Change& change) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Prepared {
    uint64_t hash = 0;
    uint32_t old_row = kNone;  // its begin in passing_
    uint32_t new_row = kNone;  // its begin in the relation's chunk, or in passing_
    uint32_t new_size = 0;
    bool kept = false;  // the new row is in the chunk
    bool whole = true;
  };
  // What the block has of a relation.
  struct RelationRows {
    const CellRows* rows = nullptr;
    size_t next = 0;                        // of `rows`
    std::optional<RowIdentity> identity;    // where it is wanted
    bool whole = true;                      // each of its rows
    size_t bound = 0;                       // of all of them, packed
    std::shared_ptr<const RowChunk> chunk;  // what is kept
    RowChunk* filling = nullptr;            // that, while it is
    size_t kept = 0;                        // bytes of it
  };

  void Begin(const SegmentReader& reader, const DecodedBlock& block, const Wanted& wanted,
             bool keep);
  Prepared PrepareChange(const Change& change, bool keep, RelationRows* relation);
  size_t ListOf(const Change& change) const {
    return list_of_relation_[static_cast<size_t>(change.relation - first_)];
  }

  const Relation* first_ = nullptr;         // of the reader's
  std::vector<uint32_t> list_of_relation_;  // into relations_
  std::vector<RelationRows> relations_;     // the block's, and more
  std::vector<Prepared> changes_;
  // Rows that are not kept, one behind the other.
  std::vector<char> passing_;
  size_t passed_ = 0;
};

}  // namespace trunkline
