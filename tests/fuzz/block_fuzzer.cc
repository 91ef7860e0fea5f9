// DecodeBlock on any bytes: behind a segment's checksums, which would keep the fuzzer out.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "archive/block_decoder.h"
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
  if (DecodeBlock(relations, &storage) && storage.raw_bytes < kMostTouched) {
    if (Touch(storage) == SIZE_MAX) return -1;
  }
  return 0;
}
