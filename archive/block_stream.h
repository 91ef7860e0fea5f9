// StreamWriter and StreamReader: a block as two byte sequences, *meta* (counts, choices, short
// streams) and *data* (the long streams, each compressed on its own).
//
// The reader asks for the same things in the same order as the writer put them; nothing in a block
// says what comes next. Grammar: docs/segment_format.md, "Streams".
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "archive/block_arena.h"
#include "base/error.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace trunkline {

struct ZstdDeleter {
  void operator()(ZSTD_CCtx_s* context) const;
  void operator()(ZSTD_DCtx_s* context) const;
};

class StreamWriter {
 public:
  explicit StreamWriter(int zstd_level);
  ~StreamWriter();

  void PutByte(uint8_t value) { meta_.push_back(static_cast<char>(value)); }
  void PutVarint(uint64_t value);
  void PutSigned(int64_t value);  // zigzag
  // A symbol an entry: fields of a table, planes of integers. Compressed for their frequencies.
  void PutSymbols(std::span<const uint8_t> symbols);
  // Text. Compressed for what it repeats.
  void PutBlob(std::string_view bytes);

  // The compressed size of `bytes` at a fast level: an estimate to choose encodings by.
  size_t TrialSize(std::string_view bytes);

  // Appends the block to `out` and starts the next one.
  void Finish(std::string* out);

 private:
  void PutPayload(std::string_view bytes, int level);
  std::string_view Compress(std::string_view bytes, int level);

  int level_;
  std::string meta_;
  std::string data_;
  std::string compressed_;
  std::vector<uint8_t> packed_;
  std::unique_ptr<ZSTD_CCtx_s, ZstdDeleter> zstd_;
};

class StreamReader {
 public:
  // `block` and `arena` must outlive the reader and what it returns.
  StreamReader(BlockArena* arena, ZSTD_DCtx_s* zstd) : arena_(arena), zstd_(zstd) {}
  Result<void> Open(std::string_view block);

  Result<uint8_t> Byte();
  Result<uint64_t> Varint();
  Result<int64_t> Signed();
  // A Varint of at most `max`.
  Result<uint64_t> Count(uint64_t max);
  // `count` symbols, valid until `buffer` changes or the arena is cleared.
  Result<const uint8_t*> Symbols(size_t count, std::vector<uint8_t>* buffer);
  // `size` bytes, valid until the arena is cleared.
  Result<std::string_view> Blob(uint64_t size);
  // Everything has been read.
  Result<void> ExpectEnd() const;

 private:
  Result<std::string_view> Take(std::string_view* from, uint64_t size);
  Result<void> Decompress(std::string_view from, char* to, uint64_t size);
  Result<std::string_view> Payload(uint64_t size, uint8_t form);

  BlockArena* arena_;
  ZSTD_DCtx_s* zstd_;
  std::string_view meta_;
  std::string_view data_;
};

// kCorrupt: the block does not have the structure of one.
tl::unexpected<Error> MalformedBlock(std::string_view what);

std::unique_ptr<ZSTD_DCtx_s, ZstdDeleter> NewDecompressor();

}  // namespace trunkline
