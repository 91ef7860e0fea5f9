// BlockArena: memory for the values of one decoded block, kept from one block to the next.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace trunkline {

class BlockArena {
 public:
  // At least `size` bytes, valid until Clear. The next Reserve may hand out the same bytes again
  // beyond what Commit has taken.
  char* Reserve(size_t size);
  // Takes the first `size` bytes of the last Reserve.
  void Commit(size_t size) { used_ += size; }
  char* Allocate(size_t size);
  // Forgets everything, but keeps one chunk that holds as much as all of them did.
  void Clear();

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };
  std::vector<Chunk> chunks_;
  size_t used_ = 0;  // of the last chunk
};

}  // namespace trunkline
