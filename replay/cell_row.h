// Packed rows: how a folded table keeps a row. Equal rows have equal bytes, and so have equal
// cells.
//
// A column is a code, and what it says:
//   0          NULL
//   1          an unchanged TOAST value, in rows that are not whole
//   2          a value in binary, likewise; a varint, and as many bytes
//   3 - 38     a number of n = (code - 3) % 9 bytes, little-endian, sign-extended; (code - 3) / 9
//   is
//              0 for an integer, 1 for a date, 2 for a timestamp, 3 for a timestamptz
//   39         a decimal: a byte of (decimals - 1) * 9 + n, and n bytes
//   40 - 254   text of code - 40 bytes
//   255        text; a varint, and as many bytes
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "archive/cell.h"
#include "replay/copy_bytes.h"

namespace trunkline {
namespace cell_row {

inline constexpr uint8_t kNull = 0;
inline constexpr uint8_t kUnchangedToast = 1;
inline constexpr uint8_t kBinary = 2;
inline constexpr uint8_t kNumber = 3;
inline constexpr uint8_t kDecimal = 39;
inline constexpr uint8_t kText = 40;
inline constexpr uint8_t kLongText = 255;
inline constexpr unsigned kSizes = 9;  // that a number may have, in bytes
inline constexpr size_t kLongestNumber = 10;
inline constexpr size_t kLongestHead = 6;  // of text

inline char* PutVarint(uint64_t value, char* out) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<char>(value | 0x80);
  *out++ = static_cast<char>(value);
  return out;
}

inline uint64_t GetVarint(const char** in) {
  uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*(*in)++);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

// The fewest bytes that a number keeps its value in.
inline unsigned SizeOf(int64_t number) {
  const auto magnitude = static_cast<uint64_t>(number < 0 ? ~number : number);
  return magnitude == 0 && number == 0 ? 0 : (std::bit_width(magnitude) + 8U) / 8;
}

template <typename T>
uint64_t Load(const char* in) {
  T value;
  std::memcpy(&value, in, sizeof value);
  return value;
}

// Two loads, which overlap, read any size.
inline int64_t GetNumber(const char* in, unsigned size) {
  static_assert(std::endian::native == std::endian::little);
  if (size == 0) return 0;
  uint64_t number = 0;
  if (size >= 4) {
    number = Load<uint32_t>(in) | Load<uint32_t>(in + size - 4) << (8 * (size - 4));
  } else if (size >= 2) {
    number = Load<uint16_t>(in) | Load<uint8_t>(in + size - 1) << (8 * (size - 1));
  } else {
    number = Load<uint8_t>(in);
  }
  const unsigned unused = 64 - 8 * size;
  return static_cast<int64_t>(number << unused) >> unused;
}

// Of integers and times, in the order of their codes.
inline constexpr ValueType kNumberTypes[] = {ValueType::kDecimal, ValueType::kDate,
                                             ValueType::kTimestamp, ValueType::kTimestampTz};
inline unsigned RankOf(ValueType type) {
  static_assert(static_cast<int>(ValueType::kDecimal) == 1 &&
                static_cast<int>(ValueType::kTimestampTz) == 4);
  return static_cast<unsigned>(type) - 1;
}

}  // namespace cell_row

// No fewer than PackCell writes, some of them in vain; also where text turns out to be a number's.
inline size_t PackedBound(const Cell& cell) {
  static_assert(cell_row::kLongestHead <= cell_row::kLongestNumber);
  const bool is_text = cell.kind == Cell::Kind::kText || cell.kind == Cell::Kind::kBinary;
  return cell_row::kLongestNumber + (is_text ? cell.size : 0);
}

// Writes to `out`, which has room for PackedBound(cell), and returns the end of the packed cell.
// The cell is what CellOf makes of its text.
inline char* PackCell(const Cell& cell, char* out) {
  using namespace cell_row;  // NOLINT(google-build-using-namespace)
  switch (cell.kind) {
    case Cell::Kind::kNull:
      *out++ = static_cast<char>(kNull);
      return out;
    case Cell::Kind::kUnchangedToast:
      *out++ = static_cast<char>(kUnchangedToast);
      return out;
    case Cell::Kind::kNumber: {
      const unsigned size = SizeOf(cell.number);
      if (cell.shape.decimals > 0) {
        *out++ = static_cast<char>(kDecimal);
        *out++ = static_cast<char>((cell.shape.decimals - 1U) * kSizes + size);
      } else {
        *out++ = static_cast<char>(kNumber + RankOf(cell.shape.type) * kSizes + size);
      }
      std::memcpy(out, &cell.number, sizeof cell.number);
      return out + size;
    }
    case Cell::Kind::kText:
      if (cell.size < kLongText - kText) {
        *out++ = static_cast<char>(kText + cell.size);
        break;
      }
      *out++ = static_cast<char>(kLongText);
      out = PutVarint(cell.size, out);
      break;
    case Cell::Kind::kBinary:
      *out++ = static_cast<char>(kBinary);
      out = PutVarint(cell.size, out);
      break;
  }
  CopyBytes(cell.bytes, cell.size, out);
  return out + cell.size;
}

// Reads one cell, which borrows, and moves `*packed` past it.
inline Cell UnpackCell(const char** packed) {
  using namespace cell_row;  // NOLINT(google-build-using-namespace)
  const char*& in = *packed;
  const auto code = static_cast<uint8_t>(*in++);
  const auto take = [&in](uint64_t size) {
    return std::string_view(std::exchange(in, in + size), size);
  };
  if (code >= kText) return Cell::Text(take(code < kLongText ? code - kText : GetVarint(&in)));
  if (code == kNull) return Cell::Null();
  if (code == kUnchangedToast) return Cell::UnchangedToast();
  if (code == kBinary) return Cell::Binary(take(GetVarint(&in)));
  const bool decimal = code == kDecimal;
  const unsigned form = decimal ? static_cast<uint8_t>(*in++) : code - kNumber;
  const ValueShape shape =
      decimal ? ValueShape{ValueType::kDecimal, static_cast<uint8_t>(form / kSizes + 1)}
              : ValueShape{kNumberTypes[form / kSizes], 0};
  const unsigned size = form % kSizes;
  return Cell::Number(shape, GetNumber(std::exchange(in, in + size), size));
}

// The end of the cell at `packed`.
inline const char* SkipCell(const char* packed) {
  using namespace cell_row;  // NOLINT(google-build-using-namespace)
  const auto code = static_cast<uint8_t>(*packed++);
  if (code >= kText && code < kLongText) return packed + (code - kText);
  if (code <= kUnchangedToast) return packed;
  if (code == kDecimal) return packed + 1 + static_cast<uint8_t>(*packed) % kSizes;
  if (code >= kNumber && code < kDecimal) return packed + (code - kNumber) % kSizes;
  const uint64_t size = GetVarint(&packed);
  return packed + size;
}

inline void UnpackRow(const char* packed, std::span<Cell> row) {
  for (Cell& cell : row) cell = UnpackCell(&packed);
}

// All of a row's bytes, given where they begin.
inline std::string_view WholeRow(const char* packed, size_t columns) {
  const char* end = packed;
  for (size_t i = 0; i < columns; ++i) end = SkipCell(end);
  return {packed, static_cast<size_t>(end - packed)};
}

// Appends a row of text.
inline void AppendPacked(Tuple row, std::string* out) {
  size_t bound = out->size();
  const size_t first = bound;
  for (const Value& value : row) bound += cell_row::kLongestNumber + value.bytes.size();
  out->resize(bound);
  char* end = out->data() + first;
  for (const Value& value : row) end = PackCell(CellOf(value), end);
  out->resize(static_cast<size_t>(end - out->data()));
}

// Reads packed rows as text.
class RowReader {
 public:
  explicit RowReader(size_t columns)
      : row_(columns), formatters_(columns), text_(columns * kMaxFormattedBytes) {}
  // Borrows from `packed` and from this; valid until the next call.
  Tuple Read(const char* packed) {
    char* out = text_.data();
    for (size_t i = 0; i < row_.size(); ++i) {
      row_[i] = ValueOf(UnpackCell(&packed), &formatters_[i], &out);
    }
    return row_;
  }

 private:
  std::vector<Value> row_;
  std::vector<ValueFormatter> formatters_;
  std::vector<char> text_;
};

}  // namespace trunkline
