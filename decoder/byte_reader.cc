#include "decoder/byte_reader.h"

#include <cstring>

namespace trunkline {

std::string_view ByteReader::ReadCString() {
  const void* nul = remaining() == 0 ? nullptr : std::memchr(position_, '\0', remaining());
  if (nul == nullptr) {
    RejectShort();
    return {};
  }
  const std::string_view text(position_,
                              static_cast<size_t>(static_cast<const char*>(nul) - position_));
  position_ += text.size() + 1;
  return text;
}

void ByteReader::Reject(const char* problem) {
  if (!ok()) return;
  problem_ = problem;
  failed_at_ = position_;
  position_ = end_;  // so that every later read finds nothing
}

void ByteReader::RejectShort() { Reject("ends early"); }

}  // namespace trunkline
