#include "replay/query_tables.h"

#include <algorithm>

namespace trunkline {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsWordByte(char c) {
  const bool letter = Lower(c) >= 'a' && Lower(c) <= 'z';
  const bool digit = c >= '0' && c <= '9';
  return letter || digit || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

std::string LowerQuoted(std::string_view name) {
  std::string lower;
  for (const char c : name) {
    if (c == '"') lower += '"';
    lower += Lower(c);
  }
  return lower;
}

// The chain of partitioned tables above `table` ends.
constexpr int kDeepest = 1000;

bool IsBelow(const TableDefinition* table, const QualifiedName& above,
             const Definition& definition) {
  for (int depth = 0; table != nullptr && table->parent && depth < kDeepest; ++depth) {
    if (table->parent->name == above) return true;
    table = definition.FindTable(table->parent->name);
  }
  return false;
}

}  // namespace

bool NamesTable(std::string_view sql, std::string_view name) {
  const std::string wanted = LowerQuoted(name);
  const auto same = [](char a, char b) { return Lower(a) == b; };
  for (auto begin = sql.begin();; ++begin) {
    begin = std::search(begin, sql.end(), wanted.begin(), wanted.end(), same);
    if (begin == sql.end()) return false;
    const auto end = begin + static_cast<std::ptrdiff_t>(wanted.size());
    const bool starts = begin == sql.begin() || !IsWordByte(*(begin - 1));
    const bool ends = end == sql.end() || !IsWordByte(*end);
    if (starts && ends) return true;
  }
}

bool NeedsTable(std::string_view sql, const QualifiedName& table, const Definition& definition) {
  if (NamesTable(sql, table.second)) return true;
  const TableDefinition* asked = definition.FindTable(table);
  return std::any_of(definition.tables.begin(), definition.tables.end(), [&](const auto& other) {
    const bool related = IsBelow(asked, other.name, definition) ||
                         (asked != nullptr && IsBelow(&other, asked->name, definition));
    return related && NamesTable(sql, other.name.second);
  });
}

}  // namespace trunkline
