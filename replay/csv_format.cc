#include "replay/csv_format.h"

#include <cstdint>
#include <cstring>
#include <utility>

#include "replay/copy_bytes.h"

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

class LineWriter {
 public:
  // `alone`: there is one value in the line.
  LineWriter(bool alone, std::string* out) : alone_(alone), out_(out) {}

  // Before each value; one that nothing is added to is NULL.
  void Begin() {
    if (static_cast<size_t>(end_ - line_) + kShortValueBytes + 2 > kCsvLineBytes) Flush();
    if (!std::exchange(first_, false)) *end_++ = ',';
  }
  void AddText(std::string_view value) {
    if (value.size() <= kShortValueBytes && !NeedsQuotes(value, alone_)) {
      CopyBytes(value.data(), value.size(), end_);
      end_ += value.size();
    } else {
      Flush();
      AppendCsvValue(value, alone_, out_);
    }
  }
  // None of its characters is special.
  void AddNumber(const Cell& cell, ValueFormatter* formatter) {
    static_assert(kMaxFormattedBytes <= kShortValueBytes);
    end_ = formatter->Format(cell.shape, cell.number, end_);
  }
  void End() {
    *end_++ = '\n';
    Flush();
  }

 private:
  void Flush() { out_->append(line_, static_cast<size_t>(std::exchange(end_, line_) - line_)); }

  const bool alone_;
  std::string* const out_;
  bool first_ = true;
  char line_[kCsvLineBytes];
  char* end_ = line_;
};

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
  LineWriter line(row.size() == 1, out);
  for (const Value& value : row) {
    line.Begin();
    if (value.state != ValueState::kNull) line.AddText(value.bytes);
  }
  line.End();
}

void AppendCsvRow(std::span<const Cell> row, std::span<ValueFormatter> formatters,
                  std::string* out) {
  LineWriter line(row.size() == 1, out);
  for (size_t i = 0; i < row.size(); ++i) {
    line.Begin();
    if (row[i].kind == Cell::Kind::kNumber) {
      line.AddNumber(row[i], &formatters[i]);
    } else if (!row[i].is_null()) {
      line.AddText(row[i].text());
    }
  }
  line.End();
}

}  // namespace trunkline
