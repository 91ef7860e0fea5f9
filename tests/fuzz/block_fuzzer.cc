// DecodeBlock on any bytes: behind a segment's checksums, which would keep the fuzzer out.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "archive/block_decoder.h"
#include "base/check.h"
#include "replay/cell_row.h"
#include "tests/fuzz/block_relations.h"

namespace trunkline {
namespace {

// Reads every byte that a decoded value points to.
size_t Touch(const DecodedBlock::Storage& storage) {
  size_t sum = 0;
  const auto touch = [&](std::string_view bytes) {
    for (const char byte : bytes) sum += static_cast<unsigned char>(byte);
  };
  for (const Change& change : storage.changes) {
    for (const Value& value : change.old_tuple) touch(value.bytes);
    for (const Value& value : change.new_tuple) touch(value.bytes);
    for (const Relation* relation : change.truncated) touch(relation->name);
    touch(change.prefix);
    touch(change.content);
  }
  return sum;
}

// Whether rows that are packed from cells read as the tuples do.
bool RowsReadAsTuples(const DecodedBlock::Storage& storage) {
  const Value* tuple = storage.values.data();
  std::string packed;
  for (const CellRows& rows : storage.rows) {
    const size_t columns = rows.relation->columns.size();
    RowReader reader(columns);
    for (size_t row = 0; row < rows.rows; ++row, tuple += columns) {
      size_t size = 0;
      for (size_t column = 0; column < columns; ++column) {
        const Cell& cell = rows.cell(row, column);
        packed.resize(size + PackedBound(cell));
        size = static_cast<size_t>(PackCell(cell, packed.data() + size) - packed.data());
      }
      const Tuple read = reader.Read(packed.data());
      if (!std::equal(read.begin(), read.end(), tuple, tuple + columns)) return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace trunkline

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trunkline;
  static const std::vector<Relation> relations = BlockRelations();
  // Kept from one input to the next, as readers do.
  static DecodedBlock block;
  DecodedBlock::Storage& storage = *block.storage();
  storage.encoded.assign(reinterpret_cast<const char*>(data), size);
  // Values may share bytes, so that a small block can say more than there is time to read.
  constexpr uint64_t kMostTouched = 16 << 20;
  const bool has_cells = DecodeBlock(relations, BlockForm::kCells, &storage).has_value();
  const bool has_tuples = DecodeBlock(relations, BlockForm::kTuples, &storage).has_value();
  CHECK(has_cells == has_tuples);
  if (!has_tuples || storage.raw_bytes >= kMostTouched) return 0;
  CHECK(RowsReadAsTuples(storage));
  return Touch(storage) == SIZE_MAX ? -1 : 0;
}
