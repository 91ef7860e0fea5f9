#include "replay/csv_format.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "replay/copy_bytes.h"

namespace trunkline {
namespace {

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

// Room for so many bytes behind the text.
char* CsvText::Room(size_t bytes) {
  if (bytes_.size() - size_ < bytes) bytes_.resize(std::max(size_ + bytes, 2 * bytes_.size()));
  return bytes_.data() + size_;
}

// Writes a value of any length at `out`, and yields its end, with room for `more` bytes behind it.
char* CsvText::AppendQuoted(std::string_view value, bool alone, char* out, size_t more) {
  std::string quoted;
  AppendCsvValue(value, alone, &quoted);
  size_ = static_cast<size_t>(out - bytes_.data());
  out = Room(quoted.size() + more);
  std::memcpy(out, quoted.data(), quoted.size());
  return out + quoted.size();
}

void CsvText::AppendHeader(const Relation& relation) {
  const bool alone = relation.columns.size() == 1;
  std::string header;
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    if (i > 0) header.push_back(',');
    AppendCsvValue(relation.columns[i].name, alone, &header);
  }
  header.push_back('\n');
  std::memcpy(Room(header.size()), header.data(), header.size());
  size_ += header.size();
}

void CsvText::AppendRow(std::span<const Cell> row) {
  static_assert(kMaxFormattedBytes <= kShortValueBytes);
  if (formatters_.size() < row.size()) formatters_.resize(row.size());
  const bool alone = row.size() == 1;
  const size_t line = row.size() * (kShortValueBytes + 1) + 1;  // where its values are short
  char* out = Room(line);
  for (size_t i = 0; i < row.size(); ++i) {
    const Cell& cell = row[i];
    if (i > 0) *out++ = ',';
    if (cell.kind == Cell::Kind::kNumber) {
      out = formatters_[i].Format(cell.shape, cell.number, out);
    } else if (!cell.is_null()) {
      const std::string_view value = cell.text();
      if (value.size() <= kShortValueBytes && !NeedsQuotes(value, alone)) {
        CopyBytes(value.data(), value.size(), out);
        out += value.size();
      } else {
        out = AppendQuoted(value, alone, out, line);
      }
    }
  }
  *out++ = '\n';
  size_ = static_cast<size_t>(out - bytes_.data());
}

}  // namespace trunkline
