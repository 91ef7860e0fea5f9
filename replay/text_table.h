// TextTable: columns aligned for people to read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline {

enum class Align { kLeft, kRight };

class TextTable {
 public:
  explicit TextTable(std::vector<Align> columns);
  // As many cells as there are columns.
  void Add(std::vector<std::string> cells);
  // Two spaces between columns, none at the end of a line; each line after `indent`.
  std::string Render(std::string_view indent) const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "1,234,567"
std::string FormatCount(uint64_t count);
// "1 segment", "1,234 segments"
std::string FormatCount(uint64_t count, std::string_view noun);
// With '?' for control characters, so that no name can draw on a terminal.
std::string Printable(std::string_view text);

}  // namespace trunkline
