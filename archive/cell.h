// Cell: a value as a block keeps it. Where its text is one of a number, it is that number: text is
// made only for who reads it.
#pragma once

#include <cstdint>
#include <string_view>

#include "archive/value_format.h"
#include "decoder/change.h"

namespace trunkline {

struct Cell {
  enum class Kind : uint8_t { kNull, kUnchangedToast, kText, kBinary, kNumber };

  static Cell Null() { return {}; }
  static Cell UnchangedToast() { return Of(Kind::kUnchangedToast, {}); }
  // Borrow their bytes, of which there are fewer than 2^32.
  static Cell Text(std::string_view text) { return Of(Kind::kText, text); }
  static Cell Binary(std::string_view bytes) { return Of(Kind::kBinary, bytes); }
  static Cell Number(ValueShape shape, int64_t number) {
    Cell cell;
    cell.number = number;
    cell.kind = Kind::kNumber;
    cell.shape = shape;
    return cell;
  }

  bool is_null() const { return kind == Kind::kNull; }
  std::string_view text() const { return {bytes, size}; }  // kText, kBinary

  union {
    const char* bytes = nullptr;  // kText, kBinary
    int64_t number;               // kNumber
  };
  uint32_t size = 0;
  Kind kind = Kind::kNull;
  ValueShape shape = {};  // kNumber: neither kText nor kUuid
  uint8_t unused = 0;     // without a hole at its end a cell is copied by two plain moves

 private:
  static Cell Of(Kind kind, std::string_view bytes) {
    Cell cell;
    cell.bytes = bytes.data();
    cell.size = static_cast<uint32_t>(bytes.size());
    cell.kind = kind;
    return cell;
  }
};

// A number wherever a number has this text, so that equal values are equal cells. Borrow.
Cell CellOf(std::string_view text);
Cell CellOf(const Value& value);
// Writes the text of a number at `*out`, which has room for kMaxFormattedBytes, and moves it past
// that; else borrows from the cell.
Value ValueOf(const Cell& cell, ValueFormatter* formatter, char** out);

}  // namespace trunkline
