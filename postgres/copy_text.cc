// COPY's text format: how a value is escaped in a line (manual: COPY, "Text Format").
#include "postgres/connection.h"

namespace trunkline::postgres {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// Reads the escape whose letter is at `text[position]`, after the backslash. Returns the byte it
// stands for and moves `position` past it.
char ReadEscape(std::string_view text, size_t* position) {
  const char letter = text[(*position)++];
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    default:
      break;
  }
  if (letter == 'x' && *position < text.size() && HexDigit(text[*position]) >= 0) {
    int byte = 0;
    for (int i = 0; i < 2 && *position < text.size() && HexDigit(text[*position]) >= 0; ++i) {
      byte = byte * 16 + HexDigit(text[(*position)++]);
    }
    return static_cast<char>(byte);
  }
  if (IsOctal(letter)) {
    int byte = letter - '0';
    for (int i = 0; i < 2 && *position < text.size() && IsOctal(text[*position]); ++i) {
      byte = byte * 8 + (text[(*position)++] - '0');
    }
    return static_cast<char>(byte);
  }
  return letter;
}

// The letter that stands for `c` after a backslash, or 0 where `c` stands for itself.
char EscapeLetter(char c) {
  switch (c) {
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\v':
      return 'v';
    case '\\':
      return '\\';
    default:
      return 0;
  }
}

}  // namespace

Result<std::string_view> UnescapeCopyText(std::string_view field, std::string* scratch) {
  if (field.find('\\') == std::string_view::npos) return field;
  scratch->clear();
  for (size_t position = 0; position < field.size();) {
    const char c = field[position++];
    if (c != '\\') {
      *scratch += c;
    } else if (position == field.size()) {
      return Fail(ErrorKind::kCorrupt, "a COPY field ends in the middle of an escape");
    } else {
      *scratch += ReadEscape(field, &position);
    }
  }
  return std::string_view(*scratch);
}

void AppendCopyText(std::string_view value, std::string* line) {
  size_t plain_begin = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    const char letter = EscapeLetter(value[i]);
    if (letter == 0) continue;
    line->append(value, plain_begin, i - plain_begin);
    *line += '\\';
    *line += letter;
    plain_begin = i + 1;
  }
  line->append(value, plain_begin);
}

}  // namespace trunkline::postgres
