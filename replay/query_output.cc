#include "replay/query_output.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
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

bool IsNumber(Oid type) {
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

class AlignedTable {
 public:
  explicit AlignedTable(const PGresult* result) : columns_(PQnfields(result)) {
    for (int c = 0; c < columns_; ++c) {
      right_.push_back(IsNumber(PQftype(result, c)));
      header_.push_back(SplitLines(PQfname(result, c)));
    }
    for (int r = 0; r < PQntuples(result); ++r) {
      std::vector<Cell> row;
      for (int c = 0; c < columns_; ++c) row.push_back(SplitLines(ValueOf(result, r, c)));
      rows_.push_back(std::move(row));
    }
    Measure();
  }

  std::string Render() {
    RenderHeader();
    for (const auto& row : rows_) RenderRow(row);
    text_ += "(" + std::to_string(rows_.size()) + (rows_.size() == 1 ? " row)\n" : " rows)\n");
    return std::move(text_) + "\n";
  }

 private:
  void Measure() {
    widths_.assign(header_.size(), 0);
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

  void RenderHeader() {
    for (size_t number = 0; number < Height(header_); ++number) {
      for (size_t c = 0; c < header_.size(); ++c) {
        const Line line = LineOf(header_[c], number);
        const size_t space = widths_[c] - line.width;
        text_ += (c == 0 ? " " : "| ") + Spaces(space / 2) + line.text + Spaces(space - space / 2);
        text_ += Mark(header_[c], number);
      }
      text_ += '\n';
    }
    for (size_t c = 0; c < header_.size(); ++c) {
      text_ += (c == 0 ? "" : "+") + std::string(widths_[c] + 2, '-');
    }
    text_ += '\n';
  }

  void RenderRow(const std::vector<Cell>& row) {
    for (size_t number = 0; number < Height(row); ++number) {
      for (size_t c = 0; c < row.size(); ++c) {
        const Line line = LineOf(row[c], number);
        const std::string space = Spaces(widths_[c] - line.width);
        const char mark = Mark(row[c], number);
        text_ += c == 0 ? " " : "| ";
        text_ += right_[c] ? space + line.text : line.text;
        if (c + 1 == row.size() && mark == ' ') break;  // nothing at the end of a line
        text_ += right_[c] ? "" : space;
        text_ += mark;
      }
      text_ += '\n';
    }
  }

  int columns_;
  std::vector<bool> right_;
  std::vector<Cell> header_;
  std::vector<std::vector<Cell>> rows_;
  std::vector<size_t> widths_;
  std::string text_;
};

}  // namespace

std::string ResultAsCsv(const postgres::Rows& rows) {
  const PGresult* result = rows.get();
  std::string text;
  const int columns = PQnfields(result);
  for (int c = 0; c < columns; ++c) {
    if (c > 0) text += ',';
    AppendCsvValue(PQfname(result, c), columns == 1, &text);
  }
  text += '\n';
  for (int r = 0; r < PQntuples(result); ++r) {
    for (int c = 0; c < columns; ++c) {
      if (c > 0) text += ',';
      if (!PQgetisnull(result, r, c)) AppendCsvValue(ValueOf(result, r, c), columns == 1, &text);
    }
    text += '\n';
  }
  return text;
}

std::string ResultAsTable(const postgres::Rows& rows) { return AlignedTable(rows.get()).Render(); }

}  // namespace trunkline
