// ByteReader: checked reading of big-endian fields. It never reads past its end: the first read
// that would, or the first Reject, is remembered, and every later read yields zero or nothing. So a
// parser reads all fields straight through and asks once, at the end, whether that went well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trunkline {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes)
      : begin_(bytes.data()), position_(begin_), end_(begin_ + bytes.size()) {}

  uint8_t ReadU8() { return ReadInteger<uint8_t>(); }
  uint16_t ReadU16() { return ReadInteger<uint16_t>(); }
  uint32_t ReadU32() { return ReadInteger<uint32_t>(); }
  uint64_t ReadU64() { return ReadInteger<uint64_t>(); }
  // `size` bytes as they stand.
  std::string_view ReadBytes(size_t size);
  // The bytes up to the next NUL, which is consumed too.
  std::string_view ReadCString();

  size_t remaining() const { return static_cast<size_t>(end_ - position_); }

  // Declares the input malformed. `problem` is a literal; the first one stands.
  void Reject(const char* problem);
  // Null while all is well.
  const char* problem() const { return problem_; }
  bool ok() const { return problem_ == nullptr; }
  // Where the problem is, counted from the first byte; without a problem, the next byte to read.
  size_t offset() const { return static_cast<size_t>((ok() ? position_ : failed_at_) - begin_); }

 private:
  template <typename Integer>
  Integer ReadInteger() {
    if (remaining() < sizeof(Integer)) {
      RejectShort();
      return 0;
    }
    Integer value = 0;
    for (size_t i = 0; i < sizeof(Integer); ++i) {
      value = static_cast<Integer>(static_cast<uint64_t>(value) << 8 |
                                   static_cast<unsigned char>(position_[i]));
    }
    position_ += sizeof(Integer);
    return value;
  }
  void RejectShort();

  const char* begin_;
  const char* position_;
  const char* end_;
  const char* failed_at_ = nullptr;
  const char* problem_ = nullptr;
};

inline std::string_view ByteReader::ReadBytes(size_t size) {
  if (remaining() < size) {
    RejectShort();
    return {};
  }
  const std::string_view bytes(position_, size);
  position_ += size;
  return bytes;
}

}  // namespace trunkline
