#include "tests/integration/log_lines.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "tests/support/twin_slot.h"

namespace trunkline::test {
namespace {

// Removes " name[type]:value" of the columns that pgoutput does not send: generated ones.
std::string WithoutGenerated(std::string change) {
  for (const std::string column : {" twice[integer]:", " upper_b[text]:"}) {
    for (size_t at; (at = change.find(column)) != std::string::npos;) {
      size_t end = at + column.size();
      if (change[end] == '\'') {
        for (++end; change[end] != '\'' || change[end + 1] == '\''; ++end) {
          if (change[end] == '\'') ++end;
        }
        ++end;
      } else {
        end = std::min(change.find(' ', end), change.size());
      }
      change.erase(at, end - at);
    }
  }
  return change;
}

// A TRUNCATE of a partitioned table names it; published are its partitions.
std::string WithoutPartitioned(std::string change) {
  if (change.find(": TRUNCATE: ") == std::string::npos) return change;
  for (const std::string table : {"shop.part, ", "shop.part_2020, "}) {
    if (const size_t at = change.find(table); at != std::string::npos) {
      change.erase(at, table.size());
    }
  }
  return change;
}

}  // namespace

std::vector<std::string> LogLines(const std::string& text) {
  std::vector<std::string> changes;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool starts = line.starts_with("table ") || line.starts_with("BEGIN ") ||
                        line.starts_with("COMMIT ") || line.starts_with("message: ");
    if (starts || changes.empty()) {
      changes.push_back(line);
    } else {
      changes.back() += "\n" + line;
    }
  }
  return changes;
}

std::vector<LoggedLine> TwinLog(const std::string& conninfo) {
  std::vector<LoggedLine> log;
  size_t begun = 0;
  for (TwinLine& line : TwinSlot(conninfo).Lines()) {
    // A message outside of transactions stands between them, and ends by itself.
    if (line.text.starts_with("BEGIN ")) begun = log.size();
    const bool ends = line.text.starts_with("COMMIT ");
    log.push_back({line.lsn, WithoutPartitioned(WithoutGenerated(std::move(line.text)))});
    if (!ends) continue;
    for (size_t i = begun; i < log.size(); ++i) log[i].end = line.lsn;
  }
  return log;
}

std::vector<std::string> TwinLogLines(const std::string& conninfo, Lsn from) {
  std::vector<std::string> changes;
  for (LoggedLine& line : TwinLog(conninfo)) {
    if (line.end > from) changes.push_back(std::move(line.text));
  }
  return changes;
}

}  // namespace trunkline::test
