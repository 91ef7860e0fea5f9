#include "archive/quoted_names.h"

#include <algorithm>
#include <iterator>

namespace trunkline {
namespace {

constexpr std::string_view kQuotedKeywords[] = {
#include "archive/quoted_keywords.inc"
};

bool IsPlain(std::string_view name) {
  const auto starts = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const auto goes_on = [&](char c) { return starts(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && starts(name.front()) && std::all_of(name.begin(), name.end(), goes_on) &&
         !std::binary_search(std::begin(kQuotedKeywords), std::end(kQuotedKeywords), name);
}

}  // namespace

std::string QuoteWhereNeeded(std::string_view name) {
  if (IsPlain(name)) return std::string(name);
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string QuoteQualified(std::string_view schema, std::string_view name) {
  return QuoteWhereNeeded(schema) + "." + QuoteWhereNeeded(name);
}

}  // namespace trunkline
