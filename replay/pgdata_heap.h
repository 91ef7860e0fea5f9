// Rows as the pages of a table in a data folder hold them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "archive/cell.h"
#include "base/error.h"
#include "decoder/relation.h"
#include "replay/binary_value.h"

namespace trunkline {

// A column as the server describes it (pg_attribute).
struct HeapAttribute {
  std::string name;
  uint32_t type_oid = 0;
  int length = 0;         // attlen: -1 where it varies
  char alignment = 'i';   // attalign
  char storage = 'p';     // attstorage
  int32_t modifier = -1;  // atttypmod: a length, a precision and the like
  bool not_null = false;
  bool generated = false;
};

class HeapFormat {
 public:
  // Empty where a column has another type than those whose layout is known here, or where rows do
  // not tell all of the table's columns. `sent` are the relation's columns that they tell.
  static std::optional<HeapFormat> For(const Relation& relation, const std::vector<size_t>& sent,
                                       const std::vector<HeapAttribute>& attributes);

  // An integer by whose order the server orders such values: 2, 4 or 8 bytes of it; 0 for others.
  size_t KeyBytes(size_t attribute) const;
  // Of a row that Form has just taken; nothing where it is null.
  std::optional<int64_t> Key(size_t attribute) const;

  // Makes `tuple` the row, with a header that says that it was written by `xid` and that all see
  // it; its own place is missing in it. False where the server had better take the row itself: it
  // is to refuse it, or to move values out of it.
  bool Form(std::span<const Cell> row, uint32_t xid, std::string* tuple);

 private:
  enum class Kind { kInteger, kBytes, kVarying, kNumeric };
  struct Field {
    size_t column = 0;
    std::optional<BinaryEncoder> encoder = {};
    Kind kind = Kind::kInteger;
    size_t size = 0;
    size_t alignment = 1;
    bool not_null = false;
    int32_t modifier = -1;
    uint32_t type_oid = 0;
    bool is_key = false;
    std::optional<int64_t> key = {};  // of the last row
  };

  static std::optional<Field> FieldFor(const HeapAttribute& attribute);
  // What the server would refuse or change is false.
  bool Fits(const Field& field, const Cell& cell);
  static bool FitsModifier(const Field& field, std::string_view text);
  void AppendFixed(Field* field, std::string* tuple);
  void AppendVarying(std::string_view content, std::string* tuple) const;

  std::vector<Field> fields_;
  ValueFormatter formatter_;
  std::string scratch_;  // a value as COPY's binary format has it
  std::string numeric_;
};

// The same of numbers: from COPY's binary format to what a table holds (utils/adt/numeric.c).
void AppendStoredNumeric(std::string_view binary, std::string* out);

}  // namespace trunkline
