// SegmentReader on any bytes, with their checksums put right: they would keep the fuzzer out.
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "archive/little_endian.h"
#include "archive/segment_format.h"
#include "archive/segment_proto.h"
#include "archive/segment_reader.h"

namespace trunkline {
namespace {

uint64_t Checksum(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string LittleEndian(auto value) {
  std::string bytes;
  PutLittleEndian(value, &bytes);
  return bytes;
}

// Returns where the header ends, or 0 when it does not fit.
size_t FixHeader(std::string* bytes) {
  bytes->replace(0, format::kMagicBytes, format::kMagic);
  bytes->replace(format::kMagicBytes, format::kVersionBytes, LittleEndian(format::kVersion));
  const size_t size =
      GetLittleEndian<uint32_t>(bytes->data() + format::kMagicBytes + format::kVersionBytes);
  const size_t checked = format::kPreambleBytes + size;
  if (checked + format::kChecksumBytes + format::kTrailerBytes > bytes->size()) return 0;
  bytes->replace(checked, format::kChecksumBytes,
                 LittleEndian(Checksum(std::string_view(*bytes).substr(0, checked))));
  return checked + format::kChecksumBytes;
}

// `footer` with the checksums of the blocks that follow the header.
std::string FixFooter(const std::string& bytes, size_t blocks_offset, std::string footer) {
  auto parsed = ParseFooter(footer, format::kMaxColumns);
  if (!parsed) return footer;
  for (BlockStats& block : parsed->blocks) {
    if (block.size > bytes.size() - blocks_offset) return footer;
    block.checksum = Checksum(std::string_view(bytes).substr(blocks_offset, block.size));
    blocks_offset += block.size;
  }
  return SerializeFooter(*parsed);
}

std::string FixChecksums(std::string bytes) {
  if (bytes.size() < format::kPreambleBytes + format::kChecksumBytes + format::kTrailerBytes) {
    return bytes;
  }
  const size_t blocks_offset = FixHeader(&bytes);
  const size_t trailer_offset = bytes.size() - format::kTrailerBytes;
  const size_t footer_size = GetLittleEndian<uint32_t>(bytes.data() + trailer_offset);
  if (blocks_offset == 0 || footer_size > trailer_offset - blocks_offset) return bytes;
  const std::string digest = bytes.substr(
      trailer_offset + format::kSizeBytes + format::kChecksumBytes, format::kSha256Bytes);
  const std::string footer =
      FixFooter(bytes, blocks_offset, bytes.substr(trailer_offset - footer_size, footer_size));
  std::string trailer = LittleEndian(static_cast<uint32_t>(footer.size()));
  trailer += LittleEndian(Checksum(footer)) + digest;
  trailer += LittleEndian(Checksum(trailer)) + std::string(format::kEndMagic);
  return bytes.substr(0, trailer_offset - footer_size) + footer + trailer;
}

class CountingSink : public TransactionSink {
 public:
  Result<void> Begin(const TransactionInfo&) override { return {}; }
  Result<void> OnChange(const Change&) override { return {}; }
  Result<void> Commit(const TransactionInfo&) override { return {}; }
};

}  // namespace
}  // namespace trunkline

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trunkline;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto reader = SegmentReader::Open(NewMemorySource(FixChecksums(std::move(bytes))), "fuzz");
  if (!reader) return 0;
  CountingSink sink;
  (void)(*reader)->ForEach(&sink).has_value();
  (void)(*reader)->CheckDigest().has_value();
  return 0;
}
