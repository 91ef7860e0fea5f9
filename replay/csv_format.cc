#include "replay/csv_format.h"

namespace trunkline {
namespace {

// An empty string would read as NULL, and a lone \. as the end of the data.
bool NeedsQuotes(std::string_view value, bool alone) {
  if (value.empty() || (alone && value == "\\.")) return true;
  // Without a jump for each byte, the compiler looks at many bytes at once.
  bool needs = false;
  for (const char c : value) needs |= (c == ',') | (c == '"') | (c == '\n') | (c == '\r');
  return needs;
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
  for (size_t i = 0; i < row.size(); ++i) {
    if (i > 0) out->push_back(',');
    if (row[i].state != ValueState::kNull) AppendCsvValue(row[i].bytes, alone, out);
  }
  out->push_back('\n');
}

}  // namespace trunkline
