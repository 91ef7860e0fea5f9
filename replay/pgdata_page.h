// A page of a data folder: 8 KiB with a header, pointers to items from the front and the items from
// the back (manual: "Database Page Layout"; the same since Postgres 8.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace trunkline {

inline constexpr size_t kPageBytes = 8192;
inline constexpr size_t kPageHeaderBytes = 24;
inline constexpr size_t kItemPointerBytes = 4;

// As MAXALIGN on the 64-bit machines that there are.
constexpr size_t AlignTo(size_t size, size_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}
constexpr size_t MaxAlign(size_t size) { return AlignTo(size, 8); }

// Where a row lies in its table.
struct RowPlace {
  uint32_t block = 0;
  uint16_t item = 0;  // from 1
  friend auto operator<=>(const RowPlace&, const RowPlace&) = default;
};

template <typename T>
void PutAt(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}
template <typename T>
T GetAt(const char* at) {
  T value{};
  std::memcpy(&value, at, sizeof value);
  return value;
}

// An ItemPointerData: six bytes.
inline void PutBlock(char* at, uint32_t block) {
  PutAt(at, static_cast<uint16_t>(block >> 16));
  PutAt(at + 2, static_cast<uint16_t>(block));
}
inline uint32_t GetBlock(const char* at) {
  return static_cast<uint32_t>(GetAt<uint16_t>(at)) << 16 | GetAt<uint16_t>(at + 2);
}
inline void PutPlace(char* at, const RowPlace& place) {
  PutBlock(at, place.block);
  PutAt(at + 4, place.item);
}

// The items of a page that is there.
class PageReader {
 public:
  explicit PageReader(char* page) : page_(page) {}

  uint16_t items() const {
    return static_cast<uint16_t>((GetAt<uint16_t>(page_ + 12) - kPageHeaderBytes) /
                                 kItemPointerBytes);
  }
  char* item(uint16_t number) const {
    const size_t pointer = kPageHeaderBytes + kItemPointerBytes * (number - 1U);
    return page_ + (GetAt<uint32_t>(page_ + pointer) & 0x7fff);
  }

 private:
  char* page_;
};

// Writes one page. The bytes are the caller's.
class PageWriter {
 public:
  enum Flags : uint16_t { kNone = 0, kAllVisible = 4 };

  PageWriter() = default;
  // Makes the page empty, with `special_bytes` at its end for the kind of relation it is of.
  PageWriter(char* page, size_t special_bytes, Flags flags) : page_(page) {
    std::memset(page_, 0, kPageBytes);
    constexpr uint16_t kSizeAndVersion = kPageBytes | 4;
    const auto end = static_cast<uint16_t>(kPageBytes - special_bytes);
    PutAt(page_ + 10, static_cast<uint16_t>(flags));
    PutAt(page_ + 16, end);
    PutAt(page_ + 18, kSizeAndVersion);
    set_lower(kPageHeaderBytes);
    set_upper(end);
  }

  // What items and their pointers may still take, a pointer apiece.
  size_t room() const { return upper() - lower(); }
  bool Fits(size_t size) const { return room() >= MaxAlign(size) + kItemPointerBytes; }
  uint16_t items() const {
    return static_cast<uint16_t>((lower() - kPageHeaderBytes) / kItemPointerBytes);
  }
  char* special() const { return page_ + GetAt<uint16_t>(page_ + 16); }

  // Zeros for an item of `size`, which fits: the last one.
  char* Add(size_t size) {
    const size_t pointer = lower();
    set_lower(pointer + kItemPointerBytes);
    return Place(pointer, size);
  }
  // Keeps the pointer of the next item for SetReserved, or DropReserved, which moves those after it
  // up. Of the first alone.
  void Reserve() { set_lower(lower() + kItemPointerBytes); }
  char* SetReserved(size_t size) { return Place(kPageHeaderBytes, size); }
  void DropReserved() {
    char* first = page_ + kPageHeaderBytes;
    std::memmove(first, first + kItemPointerBytes, lower() - kPageHeaderBytes - kItemPointerBytes);
    set_lower(lower() - kItemPointerBytes);
    PutAt(page_ + lower(), uint32_t{0});
  }

 private:
  size_t lower() const { return GetAt<uint16_t>(page_ + 12); }
  size_t upper() const { return GetAt<uint16_t>(page_ + 14); }
  void set_lower(size_t lower) { PutAt(page_ + 12, static_cast<uint16_t>(lower)); }
  void set_upper(size_t upper) { PutAt(page_ + 14, static_cast<uint16_t>(upper)); }

  char* Place(size_t pointer, size_t size) {
    constexpr uint32_t kInUse = 1;
    const size_t at = upper() - MaxAlign(size);
    set_upper(at);
    PutAt(page_ + pointer,
          static_cast<uint32_t>(at) | kInUse << 15 | static_cast<uint32_t>(size) << 17);
    return page_ + at;
  }

  char* page_ = nullptr;
};

}  // namespace trunkline
