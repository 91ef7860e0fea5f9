// Numbers and strings in the values of an index's records.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace trunkline {

inline void PutVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

inline void PutString(std::string_view text, std::string* out) {
  PutVarint(text.size(), out);
  out->append(text);
}

inline void PutSigned(int64_t value, std::string* out) {
  PutVarint(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63), out);
}

// Columns, labels, snapshots: far more than there can be.
inline constexpr uint64_t kMaxIndexItems = 1 << 20;

// Reads what the functions above put; after a malformed piece everything is 0 and empty.
class IndexInput {
 public:
  explicit IndexInput(std::string_view bytes) : bytes_(bytes) {}

  uint64_t Varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) return Bad();
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return Bad();
  }
  int64_t Signed() {
    const uint64_t code = Varint();
    return static_cast<int64_t>(code >> 1) ^ -static_cast<int64_t>(code & 1);
  }
  std::string_view Bytes(uint64_t size) {
    if (size > bytes_.size()) {
      Bad();
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::string_view String() { return Bytes(Varint()); }
  // How many items follow, each of at least a byte.
  uint64_t Count() {
    const uint64_t count = Varint();
    return count <= kMaxIndexItems && count <= bytes_.size() ? count : Bad();
  }

  bool ok() const { return ok_; }
  bool done() const { return ok_ && bytes_.empty(); }

 private:
  uint64_t Bad() {
    ok_ = false;
    bytes_ = {};
    return 0;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

inline tl::unexpected<Error> MalformedRecord() {
  return Fail(ErrorKind::kCorrupt, "a record of the index is not what was written",
              "remove the index: trunkline index makes it anew");
}

}  // namespace trunkline
