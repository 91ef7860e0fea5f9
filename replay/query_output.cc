#include "replay/query_output.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include "replay/csv_format.h"

namespace trunkline {
namespace {

constexpr int kUtf8 = 6;  // pg_char_to_encoding("UTF8"), part of the protocol

// One line of a cell, and the columns it takes on a terminal.
struct Line {
  std::string text;
  size_t width = 0;
};

using Cell = std::vector<Line>;

std::string_view ValueOf(const PGresult* result, int row, int column) {
  return {PQgetvalue(result, row, column), static_cast<size_t>(PQgetlength(result, row, column))};
}

// Appends the character at the start of `rest`; yields its bytes. Control characters are written
// out, so that no value can draw on a terminal.
size_t AppendCharacter(std::string_view rest, Line* line) {
  const auto byte = static_cast<unsigned char>(rest[0]);
  if (byte == '\t') {
    do {
      line->text += ' ';
    } while (++line->width % 8 != 0);
    return 1;
  }
  if (byte < 0x20 || byte == 0x7f) {
    char escaped[5];
    std::snprintf(escaped, sizeof(escaped), byte == '\r' ? "\\r" : "\\x%02X", byte);
    line->text += escaped;
    line->width += std::string_view(escaped).size();
    return 1;
  }
  const std::string character(rest.substr(0, 4));  // ends in a null byte, as libpq needs
  const int length =
      std::clamp(PQmblen(character.c_str(), kUtf8), 1, static_cast<int>(character.size()));
  line->text.append(rest, 0, static_cast<size_t>(length));
  line->width += static_cast<size_t>(std::max(PQdsplen(character.c_str(), kUtf8), 0));
  return static_cast<size_t>(length);
}

Cell SplitLines(std::string_view value) {
  Cell cell(1);
  for (size_t i = 0; i < value.size();) {
    if (value[i] == '\n') {
      cell.emplace_back();
      ++i;
    } else {
      i += AppendCharacter(value.substr(i), &cell.back());
    }
  }
  return cell;
}

bool IsRightAligned(Oid type) {
  switch (type) {
    case 20:    // int8
    case 21:    // int2
    case 23:    // int4
    case 26:    // oid
    case 28:    // xid
    case 29:    // cid
    case 700:   // float4
    case 701:   // float8
    case 790:   // money
    case 1700:  // numeric
    case 5069:  // xid8
      return true;
    default:
      return false;
  }
}

std::string Spaces(size_t count) { return std::string(count, ' '); }

class TablePrinter final : public ResultPrinter {
 public:
  explicit TablePrinter(size_t memory_bytes) : memory_bytes_(memory_bytes) {}

  void Add(const PGresult* part, std::string* text) override {
    if (header_.empty()) Begin(part);
    for (int r = 0; r < PQntuples(part); ++r) {
      std::vector<Cell> row;
      for (int c = 0; c < PQnfields(part); ++c) {
        row.push_back(SplitLines(ValueOf(part, r, c)));
        for (const Line& line : row.back()) held_bytes_ += sizeof(Line) + line.text.size();
      }
      rows_.push_back(std::move(row));
      ++count_;
      if (held_bytes_ >= memory_bytes_) Render(text);
    }
  }

  void End(std::string* text) override {
    Render(text);
    *text += "(" + std::to_string(count_) + (count_ == 1 ? " row)\n\n" : " rows)\n\n");
    *this = TablePrinter(memory_bytes_);
  }

 private:
  void Begin(const PGresult* part) {
    for (int c = 0; c < PQnfields(part); ++c) {
      right_.push_back(IsRightAligned(PQftype(part, c)));
      header_.push_back(SplitLines(PQfname(part, c)));
    }
    widths_.assign(header_.size(), 0);
  }

  // Prints the rows held, below the header if they are the first.
  void Render(std::string* text) {
    Measure();
    if (!header_printed_) RenderHeader(text);
    header_printed_ = true;
    for (const auto& row : rows_) RenderRow(row, text);
    rows_.clear();
    held_bytes_ = 0;
  }

  void Measure() {
    const auto widen = [&](const std::vector<Cell>& cells) {
      for (size_t c = 0; c < cells.size(); ++c) {
        for (const Line& line : cells[c]) widths_[c] = std::max(widths_[c], line.width);
      }
    };
    widen(header_);
    for (const auto& row : rows_) widen(row);
  }

  static size_t Height(const std::vector<Cell>& cells) {
    size_t height = 1;
    for (const Cell& cell : cells) height = std::max(height, cell.size());
    return height;
  }

  static Line LineOf(const Cell& cell, size_t number) {
    return number < cell.size() ? cell[number] : Line();
  }

  // '+' marks a value that goes on in the next line.
  static char Mark(const Cell& cell, size_t number) { return number + 1 < cell.size() ? '+' : ' '; }

  void RenderHeader(std::string* text) {
    for (size_t number = 0; number < Height(header_); ++number) {
      for (size_t c = 0; c < header_.size(); ++c) {
        const Line line = LineOf(header_[c], number);
        const size_t space = widths_[c] - line.width;
        *text += (c == 0 ? " " : "| ") + Spaces(space / 2) + line.text + Spaces(space - space / 2);
        *text += Mark(header_[c], number);
      }
      *text += '\n';
    }
    for (size_t c = 0; c < header_.size(); ++c) {
      *text += (c == 0 ? "" : "+") + std::string(widths_[c] + 2, '-');
    }
    *text += '\n';
  }

  void RenderRow(const std::vector<Cell>& row, std::string* text) {
    for (size_t number = 0; number < Height(row); ++number) {
      for (size_t c = 0; c < row.size(); ++c) {
        const Line line = LineOf(row[c], number);
        const std::string space = Spaces(widths_[c] - line.width);
        const char mark = Mark(row[c], number);
        *text += c == 0 ? " " : "| ";
        *text += right_[c] ? space + line.text : line.text;
        if (c + 1 == row.size() && mark == ' ') break;  // nothing at the end of a line
        *text += right_[c] ? "" : space;
        *text += mark;
      }
      *text += '\n';
    }
  }

  size_t memory_bytes_;
  std::vector<bool> right_;
  std::vector<Cell> header_;
  std::vector<std::vector<Cell>> rows_;
  std::vector<size_t> widths_;
  bool header_printed_ = false;
  size_t held_bytes_ = 0;
  uint64_t count_ = 0;
};

class CsvPrinter final : public ResultPrinter {
 public:
  void Add(const PGresult* part, std::string* text) override {
    const int columns = PQnfields(part);
    if (!std::exchange(header_printed_, true)) {
      for (int c = 0; c < columns; ++c) {
        if (c > 0) *text += ',';
        AppendCsvValue(PQfname(part, c), columns == 1, text);
      }
      *text += '\n';
    }
    for (int r = 0; r < PQntuples(part); ++r) {
      for (int c = 0; c < columns; ++c) {
        if (c > 0) *text += ',';
        if (!PQgetisnull(part, r, c)) AppendCsvValue(ValueOf(part, r, c), columns == 1, text);
      }
      *text += '\n';
    }
  }
  void End(std::string*) override { header_printed_ = false; }

 private:
  bool header_printed_ = false;
};

}  // namespace

std::unique_ptr<ResultPrinter> NewCsvPrinter() { return std::make_unique<CsvPrinter>(); }

std::unique_ptr<ResultPrinter> NewTablePrinter(size_t memory_bytes) {
  return std::make_unique<TablePrinter>(memory_bytes);
}

}  // namespace trunkline
