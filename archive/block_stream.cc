#include "archive/block_stream.h"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "archive/little_endian.h"
#include "archive/segment_format.h"
#include "base/check.h"

namespace trunkline {
namespace {

// How a payload is kept: the low four bits of a stream's first byte.
enum Form : uint8_t {
  kConstant = 0,  // symbols only: all alike
  kInline = 1,    // in meta
  kStored = 2,    // in data
  kZstd = 3,      // in data, one zstd frame
};
// Symbols only: how many share a byte, as a power of two; the high four bits.
constexpr int kPackShift = 4;
constexpr size_t kMaxPackedAlphabet = 16;

// Shorter payloads stand in meta, where they are compressed together.
constexpr size_t kMaxInlineBytes = 192;
constexpr int kSymbolLevel = 1;
constexpr int kTrialLevel = 1;
// A zstd block yields at most 128 KiB and takes at least four bytes.
constexpr uint64_t kMaxBytesPerZstdByte = (128 << 10) / 4;

constexpr size_t kBlockHeadBytes = 2 * sizeof(uint32_t);

// The symbols that occur, in order.
std::vector<uint8_t> Alphabet(std::span<const uint8_t> symbols) {
  std::array<bool, 256> seen{};
  for (const uint8_t symbol : symbols) seen[symbol] = true;
  std::vector<uint8_t> alphabet;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i]) alphabet.push_back(static_cast<uint8_t>(i));
  }
  return alphabet;
}

int PackLog(size_t alphabet) {
  if (alphabet <= 2) return 3;
  if (alphabet <= 4) return 2;
  return alphabet <= kMaxPackedAlphabet ? 1 : 0;
}

void Pack(std::span<const uint8_t> symbols, std::span<const uint8_t> alphabet, int pack_log,
          std::vector<uint8_t>* out) {
  std::array<uint8_t, 256> rank{};
  for (size_t i = 0; i < alphabet.size(); ++i) rank[alphabet[i]] = static_cast<uint8_t>(i);
  const size_t per_byte = size_t{1} << pack_log;
  const int bits = 8 >> pack_log;
  out->assign((symbols.size() + per_byte - 1) >> pack_log, 0);
  for (size_t i = 0; i < symbols.size(); ++i) {
    const auto shift = static_cast<int>(i & (per_byte - 1)) * bits;
    (*out)[i >> pack_log] |= static_cast<uint8_t>(rank[symbols[i]] << shift);
  }
}

void Unpack(const uint8_t* packed, std::span<const uint8_t, 256> symbol_of_rank, int pack_log,
            std::span<uint8_t> out) {
  const size_t per_byte = size_t{1} << pack_log;
  const int bits = 8 >> pack_log;
  const unsigned mask = (1u << bits) - 1;
  size_t i = 0;
  for (; i + per_byte <= out.size(); i += per_byte) {
    unsigned byte = *packed++;
    for (size_t j = 0; j < per_byte; ++j, byte >>= bits) out[i + j] = symbol_of_rank[byte & mask];
  }
  for (unsigned byte = i < out.size() ? *packed : 0; i < out.size(); ++i, byte >>= bits) {
    out[i] = symbol_of_rank[byte & mask];
  }
}

std::string_view AsText(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void ZstdDeleter::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }
void ZstdDeleter::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

std::unique_ptr<ZSTD_DCtx_s, ZstdDeleter> NewDecompressor() {
  std::unique_ptr<ZSTD_DCtx_s, ZstdDeleter> zstd(ZSTD_createDCtx());
  CHECK(zstd != nullptr);
  return zstd;
}

tl::unexpected<Error> MalformedBlock(std::string_view what) {
  return Fail(ErrorKind::kCorrupt, "malformed block: " + std::string(what));
}

StreamWriter::StreamWriter(int zstd_level)
    : level_(std::clamp(zstd_level, 1, 19)), zstd_(ZSTD_createCCtx()) {
  CHECK(zstd_ != nullptr);
  CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_contentSizeFlag, 0)));
}

StreamWriter::~StreamWriter() = default;

void StreamWriter::PutVarint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) PutByte(static_cast<uint8_t>(value | 0x80));
  PutByte(static_cast<uint8_t>(value));
}

void StreamWriter::PutSigned(int64_t value) {
  PutVarint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

void StreamWriter::PutSymbols(std::span<const uint8_t> symbols) {
  if (symbols.empty()) return;
  const std::vector<uint8_t> alphabet = Alphabet(symbols);
  if (alphabet.size() == 1) {
    PutByte(kConstant);
    PutByte(alphabet.front());
    return;
  }
  const int pack_log = PackLog(alphabet.size());
  if (pack_log == 0) return PutPayload(AsText(symbols), kSymbolLevel);
  const size_t form_position = meta_.size();
  Pack(symbols, alphabet, pack_log, &packed_);
  PutPayload(AsText(packed_), kSymbolLevel);
  meta_[form_position] = static_cast<char>(meta_[form_position] | (pack_log << kPackShift));
  PutByte(static_cast<uint8_t>(alphabet.size()));
  for (const uint8_t symbol : alphabet) PutByte(symbol);
}

void StreamWriter::PutBlob(std::string_view bytes) {
  if (!bytes.empty()) PutPayload(bytes, level_);
}

void StreamWriter::PutPayload(std::string_view bytes, int level) {
  if (bytes.size() <= kMaxInlineBytes) {
    PutByte(kInline);
    meta_.append(bytes);
    return;
  }
  const std::string_view compressed = Compress(bytes, level);
  if (compressed.size() >= bytes.size()) {
    PutByte(kStored);
    data_.append(bytes);
    return;
  }
  PutByte(kZstd);
  PutVarint(compressed.size());
  data_.append(compressed);
}

size_t StreamWriter::TrialSize(std::string_view bytes) {
  return bytes.empty() ? 0 : std::min(bytes.size(), Compress(bytes, kTrialLevel).size());
}

std::string_view StreamWriter::Compress(std::string_view bytes, int level) {
  CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_compressionLevel, level)));
  const size_t bound = ZSTD_compressBound(bytes.size());
  if (compressed_.size() < bound) compressed_.resize(bound);
  const size_t size =
      ZSTD_compress2(zstd_.get(), compressed_.data(), bound, bytes.data(), bytes.size());
  CHECK(!ZSTD_isError(size));
  return {compressed_.data(), size};
}

void StreamWriter::Finish(std::string* out) {
  CHECK(meta_.size() <= format::kMaxBlockMetaBytes);
  std::string_view stored = meta_;
  if (meta_.size() > kMaxInlineBytes) stored = Compress(meta_, level_);
  if (stored.size() >= meta_.size()) stored = meta_;
  PutLittleEndian(static_cast<uint32_t>(meta_.size()), out);
  PutLittleEndian(static_cast<uint32_t>(stored.size()), out);
  out->append(stored);
  out->append(data_);
  meta_.clear();
  data_.clear();
}

Result<void> StreamReader::Open(std::string_view block) {
  if (block.size() < kBlockHeadBytes) return MalformedBlock("no room for its head");
  const auto meta_size = GetLittleEndian<uint32_t>(block.data());
  const auto stored_size = GetLittleEndian<uint32_t>(block.data() + sizeof(uint32_t));
  block.remove_prefix(kBlockHeadBytes);
  if (stored_size > block.size() || stored_size > meta_size ||
      meta_size > format::kMaxBlockMetaBytes) {
    return MalformedBlock("sizes in its head");
  }
  meta_ = block.substr(0, stored_size);
  data_ = block.substr(stored_size);
  if (stored_size == meta_size) return {};
  if (meta_size > meta_.size() * kMaxBytesPerZstdByte) return MalformedBlock("sizes in its head");
  char* meta = arena_->Allocate(meta_size);
  TRY(Decompress(meta_, meta, meta_size));
  meta_ = {meta, meta_size};
  return {};
}

Result<uint8_t> StreamReader::Byte() {
  if (meta_.empty()) return MalformedBlock("it ends early");
  const auto value = static_cast<uint8_t>(meta_.front());
  meta_.remove_prefix(1);
  return value;
}

Result<uint64_t> StreamReader::Varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    ASSIGN_OR_RETURN(const uint8_t byte, Byte());
    const uint64_t bits = byte & 0x7f;
    if (shift == 63 && bits > 1) break;
    value |= bits << shift;
    if (byte < 0x80) return value;
  }
  return MalformedBlock("an integer of more than 64 bits");
}

Result<int64_t> StreamReader::Signed() {
  ASSIGN_OR_RETURN(const uint64_t value, Varint());
  return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

Result<uint64_t> StreamReader::Count(uint64_t max) {
  ASSIGN_OR_RETURN(const uint64_t value, Varint());
  if (value > max) return MalformedBlock("a count beyond its limit");
  return value;
}

Result<const uint8_t*> StreamReader::Symbols(size_t count, std::vector<uint8_t>* buffer) {
  if (count == 0) return buffer->data();
  ASSIGN_OR_RETURN(const uint8_t first, Byte());
  const int pack_log = first >> kPackShift;
  const auto form = static_cast<uint8_t>(first & 0xf);
  if (form == kConstant && pack_log == 0) {
    ASSIGN_OR_RETURN(const uint8_t symbol, Byte());
    buffer->assign(count, symbol);
    return buffer->data();
  }
  if (pack_log > 3) return MalformedBlock("packing of symbols");
  ASSIGN_OR_RETURN(const std::string_view payload,
                   Payload((count + (size_t{1} << pack_log) - 1) >> pack_log, form));
  const auto* bytes = reinterpret_cast<const uint8_t*>(payload.data());
  if (pack_log == 0) return bytes;
  ASSIGN_OR_RETURN(const uint8_t alphabet_size, Byte());
  if (alphabet_size > kMaxPackedAlphabet) return MalformedBlock("alphabet of symbols");
  ASSIGN_OR_RETURN(const std::string_view alphabet, Take(&meta_, alphabet_size));
  std::array<uint8_t, 256> symbol_of_rank{};
  std::memcpy(symbol_of_rank.data(), alphabet.data(), alphabet.size());
  buffer->resize(count);
  Unpack(bytes, symbol_of_rank, pack_log, *buffer);
  return buffer->data();
}

Result<std::string_view> StreamReader::Blob(uint64_t size) {
  if (size == 0) return std::string_view{};
  ASSIGN_OR_RETURN(const uint8_t form, Byte());
  return Payload(size, form);
}

Result<std::string_view> StreamReader::Payload(uint64_t size, uint8_t form) {
  if (form == kInline) return Take(&meta_, size);
  if (form == kStored) return Take(&data_, size);
  if (form != kZstd) return MalformedBlock("form of a stream");
  ASSIGN_OR_RETURN(const uint64_t stored_size, Varint());
  ASSIGN_OR_RETURN(const std::string_view stored, Take(&data_, stored_size));
  if (size > format::kMaxBlockRawBytes || size > stored_size * kMaxBytesPerZstdByte) {
    return MalformedBlock("size of a stream");
  }
  char* bytes = arena_->Allocate(size);
  TRY(Decompress(stored, bytes, size));
  return std::string_view(bytes, size);
}

Result<std::string_view> StreamReader::Take(std::string_view* from, uint64_t size) {
  if (size > from->size()) return MalformedBlock("it ends early");
  const std::string_view taken = from->substr(0, size);
  from->remove_prefix(size);
  return taken;
}

Result<void> StreamReader::Decompress(std::string_view from, char* to, uint64_t size) {
  const size_t got = ZSTD_decompressDCtx(zstd_, to, size, from.data(), from.size());
  if (ZSTD_isError(got) || got != size) return MalformedBlock("a stream does not decompress");
  return {};
}

Result<void> StreamReader::ExpectEnd() const {
  if (!meta_.empty() || !data_.empty()) return MalformedBlock("bytes after its end");
  return {};
}

}  // namespace trunkline
