// RowStore: where a folded table keeps its rows, found by their identity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "decoder/relation.h"
#include "replay/row_chunk.h"

namespace trunkline {

// How rows of a table are told apart.
struct RowIdentity {
  enum class Kind { kKeyed, kMultiset, kInsertOnly };

  explicit RowIdentity(const Relation& relation);
  // Of packed rows (replay/cell_row.h), whose other columns may hold anything.
  uint64_t Hash(const char* row) const;
  bool AreAlike(const char* row, const char* other) const;
  friend bool operator==(const RowIdentity&, const RowIdentity&) = default;

  Kind kind = Kind::kInsertOnly;
  std::vector<uint16_t> columns;  // of the identity, ascending; every column in a multiset
  size_t width = 0;               // of a row, in columns
};

// A packed row, and what it lies in where a store may keep that: then the row need not be copied.
struct PackedRow {
  std::string_view bytes = {nullptr, 0};
  const std::shared_ptr<const RowChunk>* chunk = nullptr;

  bool is_there() const { return bytes.data() != nullptr; }
};

// One thread, but for ForEachRow after Finish. Errors are those of the disk.
class RowStore {
 public:
  virtual ~RowStore() = default;

  virtual uint64_t row_count() const = 0;
  // Of memory, that is.
  virtual uint64_t memory_bytes() const = 0;

  // False, and nothing done, where a keyed row with the same identity is there already.
  virtual Result<bool> Insert(const PackedRow& row, uint64_t hash) = 0;
  // The packed bytes of a row with the identity of this one, valid until the next call; null: there
  // is none.
  virtual Result<const char*> Find(const char* row, uint64_t hash) = 0;
  // What Find yielded last, with other values in columns that are not of the identity.
  virtual Result<void> Replace(const PackedRow& row) = 0;
  // What Find yielded last becomes a row of another identity. False, and nothing done, where a
  // keyed row has that already.
  virtual Result<bool> ReplaceIdentity(const PackedRow& row, uint64_t hash) = 0;
  // What Find yielded last.
  virtual Result<void> Erase() = 0;
  virtual void Clear() = 0;

  // Gives back memory that rows do not need any more; called from time to time.
  virtual Result<void> MakeRoom() = 0;
  // Only ForEachRow comes after it.
  virtual Result<void> Finish() = 0;
  // Rows [first, first + count), packed, in a fixed order; a row is valid during its visit. Before
  // Finish, all of them.
  using Visit = std::function<Result<void>(const char* row)>;
  virtual Result<void> ForEachRow(uint64_t first, uint64_t count, const Visit& visit) const = 0;
};

}  // namespace trunkline
