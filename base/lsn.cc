#include "base/lsn.h"

#include <charconv>
#include <cstdio>

namespace trunkline {
namespace {

bool ParseHex(std::string_view text, uint64_t* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value, 16);
  return error == std::errc() && end == text.data() + text.size() && text[0] != '-';
}

}  // namespace

std::string Lsn::ToString() const {
  char buffer[24];
  const int size = std::snprintf(buffer, sizeof buffer, "%X/%X", static_cast<unsigned>(value >> 32),
                                 static_cast<unsigned>(value & 0xFFFFFFFFU));
  return std::string(buffer, static_cast<size_t>(size));
}

std::string Lsn::ToHex16() const {
  char buffer[24];
  std::snprintf(buffer, sizeof buffer, "%016llX", static_cast<unsigned long long>(value));
  return std::string(buffer, 16);
}

Result<Lsn> Lsn::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  uint64_t high = 0;
  uint64_t low = 0;
  if (slash == std::string_view::npos || slash == 0 || slash > 8 || slash + 1 == text.size() ||
      text.size() - slash - 1 > 8 || !ParseHex(text.substr(0, slash), &high) ||
      !ParseHex(text.substr(slash + 1), &low)) {
    return Fail(ErrorKind::kInvalidArgument, "not an LSN: \"" + std::string(text) + "\"",
                "an LSN is two hexadecimal numbers with a slash between, such as 0/16B3748");
  }
  return Lsn{high << 32 | low};
}

Result<Lsn> Lsn::FromHex16(std::string_view text) {
  uint64_t value = 0;
  if (text.size() != 16 || text.find_first_not_of("0123456789ABCDEF") != std::string_view::npos ||
      !ParseHex(text, &value)) {
    return Fail(ErrorKind::kInvalidArgument,
                "not an LSN of 16 upper-case hexadecimal digits: \"" + std::string(text) + "\"");
  }
  return Lsn{value};
}

}  // namespace trunkline
