// BlockContents: the changes of a block that is being filled, copied out of the caller's memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "archive/row_lineage.h"
#include "decoder/change.h"

namespace trunkline {

struct StoredValue {
  uint64_t offset = 0;
  uint32_t size = 0;
  ValueState state = ValueState::kNull;
};

// The images of one relation, in order.
struct RelationRows {
  const Relation* relation = nullptr;
  uint32_t relation_index = 0;
  std::vector<ImageRole> roles;
  std::vector<uint32_t> slices;     // of each image
  std::vector<StoredValue> values;  // columns of the first image, of the second, ...
};

// What one change is, but for its values.
struct ChangeKind {
  Operation operation = Operation::kInsert;
  OldTupleKind old_kind = OldTupleKind::kNone;
  uint32_t relation_index = 0;  // 0 where the operation has no rows

  friend bool operator==(const ChangeKind&, const ChangeKind&) = default;
};

struct StoredSlice {
  TransactionInfo info;
  uint64_t changes = 0;
};

struct StoredTruncate {
  std::vector<uint32_t> relation_indexes;
  uint8_t flags = 0;
};

// A message, definition or raw message.
struct StoredMessage {
  std::string prefix;
  std::string content;
  Lsn lsn;
  bool transactional = true;
};

struct BlockContents {
  std::vector<StoredSlice> slices;
  bool first_continues = false;  // the first slice's transaction began in an earlier block
  bool last_is_open = false;     // the last slice's transaction ends in a later block
  std::vector<ChangeKind> kinds;
  std::vector<uint32_t> changes;  // the kind of each
  std::vector<RelationRows> relations;
  std::vector<StoredTruncate> truncates;
  std::vector<StoredMessage> messages;
  std::string bytes;       // of the values
  uint64_t raw_bytes = 0;  // of values and messages

  std::string_view Text(const StoredValue& value) const {
    return std::string_view(bytes).substr(value.offset, value.size);
  }
};

// Fills BlockContents. `relation_index` numbers relations within the segment.
class BlockBuilder {
 public:
  void OpenSlice(const TransactionInfo& transaction, bool continues);
  void CloseSlice(Lsn end_lsn);
  // `relation` must outlive the contents; both are ignored where the operation has no rows.
  void AddRows(const Change& change, const Relation* relation, uint32_t relation_index);
  void AddTruncate(std::vector<uint32_t> relation_indexes, uint8_t flags);
  void AddMessage(const Change& change);

  bool empty() const { return contents_.slices.empty(); }
  uint64_t cells() const { return cells_; }
  const BlockContents& contents() const { return contents_; }
  void set_last_is_open(bool open) { contents_.last_is_open = open; }
  // Yields the contents and starts the next block, in the memory of `spare`, an older one's.
  BlockContents Take(BlockContents spare);

 private:
  void AddChange(ChangeKind kind);
  RelationRows& RowsOf(const Relation* relation, uint32_t relation_index);
  void AddImage(ImageRole role, Tuple tuple, RelationRows* rows);

  BlockContents contents_;
  std::unordered_map<uint64_t, uint32_t> kind_numbers_;
  std::unordered_map<uint32_t, uint32_t> rows_of_relation_;
  uint64_t cells_ = 0;
};

}  // namespace trunkline
