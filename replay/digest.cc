#include "replay/digest.h"

#include <algorithm>
#include <mutex>
#include <string_view>
#include <thread>

#include "archive/sha256.h"
#include "replay/parallel.h"

namespace trunkline {
namespace {

// Small enough that the threads end together, large enough that taking one costs nothing.
constexpr uint64_t kRowsAtOnce = 32 << 10;

struct RowRange {
  size_t table = 0;
  uint64_t first = 0;
  uint64_t count = 0;
};

std::vector<RowRange> CutRows(const DatabaseState& state) {
  std::vector<RowRange> pieces;
  for (size_t table = 0; table < state.tables.size(); ++table) {
    const uint64_t rows = state.tables[table]->row_count();
    for (uint64_t first = 0; first < rows; first += kRowsAtOnce) {
      pieces.push_back({table, first, std::min(kRowsAtOnce, rows - first)});
    }
  }
  return pieces;
}

uint64_t BigEndian(std::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes.substr(0, 8)) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

// Of one thread.
class RowHasher {
 public:
  TableDigest Hash(Tuple row) {
    encoding_.clear();
    AppendRowEncoding(row, &encoding_);
    if (used_) sha_.Restart();
    used_ = true;
    sha_.Update(encoding_);
    const std::string hash = sha_.Finish();
    return {.rows = 1, .high = BigEndian(hash), .low = BigEndian(std::string_view(hash).substr(8))};
  }

 private:
  Sha256 sha_;
  bool used_ = false;
  std::string encoding_;
};

void AppendRowLiteral(std::string_view value, std::string* text) {
  const bool escapes = value.find('\\') != std::string_view::npos;
  if (escapes) *text += 'E';
  *text += '\'';
  if (!escapes && value.find('\'') == std::string_view::npos) {
    *text += value;
  } else {
    for (const char c : value) {
      if (c == '\'' || c == '\\') *text += c;
      *text += c;
    }
  }
  *text += '\'';
}

void AppendHexDigits(uint64_t number, std::string* text) {
  for (int shift = 60; shift >= 0; shift -= 4) *text += "0123456789abcdef"[number >> shift & 15];
}

}  // namespace

TableDigest& TableDigest::operator+=(const TableDigest& other) {
  rows += other.rows;
  high += other.high;
  low += other.low;
  return *this;
}

std::string TableDigest::ToString() const {
  std::string text;
  AppendHexDigits(high, &text);
  AppendHexDigits(low, &text);
  return text;
}

void AppendRowEncoding(Tuple row, std::string* encoding) {
  for (const Value& value : row) {
    if (value.state == ValueState::kNull) {
      *encoding += "NULL";
    } else {
      AppendRowLiteral(value.bytes, encoding);
    }
    *encoding += ',';
  }
}

Result<std::vector<TableDigest>> DigestTables(const DatabaseState& state) {
  const std::vector<RowRange> pieces = CutRows(state);
  const size_t threads = std::max<size_t>(std::thread::hardware_concurrency(), 1);
  std::vector<RowHasher> hashers(threads);
  std::vector<TableDigest> digests(state.tables.size());
  std::mutex mutex;  // of digests
  const auto add = [&](size_t worker, size_t number) -> Result<void> {
    const RowRange& piece = pieces[number];
    TableDigest sum;
    TRY(state.tables[piece.table]->ForEachRow(piece.first, piece.count, [&](Tuple row) {
      sum += hashers[worker].Hash(row);
      return Result<void>();
    }));
    const std::scoped_lock lock(mutex);
    digests[piece.table] += sum;
    return {};
  };
  TRY(InParallel(threads, pieces.size(), add));
  return digests;
}

}  // namespace trunkline
