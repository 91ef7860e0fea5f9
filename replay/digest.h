// The digest of a table's rows: docs/digest.md. sql/digest.sql makes the same of a live table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "decoder/change.h"
#include "replay/state.h"

namespace trunkline {

// Depends on the rows, with how often each is there, and neither on their order nor on the names of
// table and columns.
struct TableDigest {
  uint64_t rows = 0;
  uint64_t high = 0;  // the sums, modulo 2^64, of two halves of each row's hash
  uint64_t low = 0;

  TableDigest& operator+=(const TableDigest& other);
  // 32 hexadecimal digits of the sums.
  std::string ToString() const;
  friend bool operator==(const TableDigest&, const TableDigest&) = default;
};

// Appends what is hashed of a row: of each value the literal that format('%L') makes of it, and a
// comma. Values are kNull or kText.
void AppendRowEncoding(Tuple row, std::string* encoding);

// Of each table of `state`, in its order; several threads share the work.
Result<std::vector<TableDigest>> DigestTables(const DatabaseState& state);

}  // namespace trunkline
