#include "daemon/audit_comparison.h"

#include <unordered_map>
#include <unordered_set>

namespace trunkline {
namespace {

std::string NameOf(const DigestedTable& table) {
  return "the table " + table.schema + "." + table.name;
}

std::string CountOfRows(uint64_t rows) {
  return std::to_string(rows) + (rows == 1 ? " row" : " rows");
}

std::string Difference(const DigestedTable& source, const DigestedTable& archive) {
  if (source.rows == archive.rows) {
    return NameOf(source) + " has " + CountOfRows(source.rows) +
           " at the source and in the archive, which differ in their values";
  }
  return NameOf(source) + " has " + CountOfRows(source.rows) + " at the source, " +
         CountOfRows(archive.rows) + " in the archive";
}

}  // namespace

AuditReport CompareDigests(Lsn lsn, const std::vector<DigestedTable>& source,
                           const std::vector<DigestedTable>& archive) {
  AuditReport report{.lsn = lsn, .mismatches = {}, .left_out = {}};
  std::unordered_map<uint32_t, const DigestedTable*> archived;
  for (const DigestedTable& table : archive) archived.emplace(table.oid, &table);
  std::unordered_set<uint32_t> seen;
  for (const DigestedTable& table : source) {
    seen.insert(table.oid);
    const auto found = archived.find(table.oid);
    const DigestedTable* other = found == archived.end() ? nullptr : found->second;
    if (!table.left_out.empty()) {
      report.left_out.push_back(NameOf(table) + " " + table.left_out);
    } else if (other == nullptr) {
      if (table.rows > 0) report.left_out.push_back(NameOf(table) + " is not in the archive yet");
    } else if (!other->left_out.empty()) {
      report.left_out.push_back(NameOf(table) + " " + other->left_out);
    } else if (table.columns != other->columns) {
      report.left_out.push_back(NameOf(table) + " has other columns than the archive knows of yet");
    } else {
      ++report.tables;
      report.rows += table.rows;
      if (table.rows != other->rows || table.digest != other->digest) {
        report.mismatches.push_back(Difference(table, *other));
      }
    }
  }
  for (const DigestedTable& table : archive) {
    if (seen.contains(table.oid) || !table.left_out.empty() || table.rows == 0) continue;
    report.left_out.push_back(NameOf(table) + " is not published any more at the source");
  }
  return report;
}

}  // namespace trunkline
