// CSV as Postgres's COPY ... TO ... WITH (FORMAT csv, HEADER) writes it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "archive/cell.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

// Appends a value that is not NULL, quoted where COPY would. `alone`: it is its line's only one.
void AppendCsvValue(std::string_view value, bool alone, std::string* out);

// Lines put together in memory that is used again.
class CsvText {
 public:
  // One line each; NULL is nothing at all.
  void AppendHeader(const Relation& relation);
  void AppendRow(std::span<const Cell> row);

  std::string_view text() const { return {bytes_.data(), size_}; }
  void Clear() { size_ = 0; }

 private:
  char* Room(size_t bytes);
  char* AppendQuoted(std::string_view value, bool alone, char* out, size_t more);

  std::vector<char> bytes_;
  size_t size_ = 0;
  std::vector<ValueFormatter> formatters_;  // one a column
};

}  // namespace trunkline
