#include "replay/csv_format.h"

#include <cstdint>
#include <cstring>
#include <utility>

#include "replay/fold_row.h"

namespace trunkline {
namespace {

// Lines are put together here, as far as their values are short.
constexpr size_t kCsvLineBytes = 512;
constexpr size_t kShortValueBytes = 128;

uint64_t LoadWord(const char* bytes, size_t size) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, size);
  return word;
}

// Whether one of the word's bytes is `c`.
uint64_t HasByte(uint64_t word, char c) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  const uint64_t zero_where_equal = word ^ (kOnes * static_cast<unsigned char>(c));
  return (zero_where_equal - kOnes) & ~zero_where_equal & (kOnes << 7);
}

uint64_t HasSpecial(uint64_t word) {
  return HasByte(word, ',') | HasByte(word, '"') | HasByte(word, '\n') | HasByte(word, '\r');
}

// Eight bytes at a time, the last ones perhaps twice.
bool HasSpecial(std::string_view value) {
  const char* const bytes = value.data();
  const size_t size = value.size();
  if (size < 4) {
    uint64_t word = 0;
    for (const char c : value) word = word << 8 | static_cast<unsigned char>(c);
    return HasSpecial(word) != 0;
  }
  if (size < 8) return HasSpecial(LoadWord(bytes, 4) | LoadWord(bytes + size - 4, 4) << 32) != 0;
  uint64_t special = HasSpecial(LoadWord(bytes + size - 8, 8));
  for (size_t i = 0; i + 8 < size; i += 8) special |= HasSpecial(LoadWord(bytes + i, 8));
  return special != 0;
}

// An empty string would read as NULL, and a lone \. as the end of the data.
bool NeedsQuotes(std::string_view value, bool alone) {
  return value.empty() || (alone && value == "\\.") || HasSpecial(value);
}

}  // namespace

void AppendCsvValue(std::string_view value, bool alone, std::string* out) {
  if (!NeedsQuotes(value, alone)) {
    out->append(value);
    return;
  }
  out->push_back('"');
  for (size_t quote = value.find('"'); quote != std::string_view::npos; quote = value.find('"')) {
    out->append(value.substr(0, quote + 1)).push_back('"');
    value.remove_prefix(quote + 1);
  }
  out->append(value).push_back('"');
}

void AppendCsvHeader(const Relation& relation, std::string* out) {
  const bool alone = relation.columns.size() == 1;
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendCsvValue(relation.columns[i].name, alone, out);
  }
  out->push_back('\n');
}

void AppendCsvRow(Tuple row, std::string* out) {
  const bool alone = row.size() == 1;
  char line[kCsvLineBytes];
  char* end = line;
  const auto flush = [&] {
    out->append(line, static_cast<size_t>(std::exchange(end, line) - line));
  };
  for (size_t i = 0; i < row.size(); ++i) {
    if (static_cast<size_t>(end - line) + kShortValueBytes + 2 > kCsvLineBytes) flush();
    if (i > 0) *end++ = ',';
    if (row[i].state == ValueState::kNull) continue;
    const std::string_view value = row[i].bytes;
    if (value.size() <= kShortValueBytes && !NeedsQuotes(value, alone)) {
      CopyBytes(value.data(), value.size(), end);
      end += value.size();
    } else {
      flush();
      AppendCsvValue(value, alone, out);
    }
  }
  *end++ = '\n';
  flush();
}

}  // namespace trunkline
