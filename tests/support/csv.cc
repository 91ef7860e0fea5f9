#include "tests/support/csv.h"

#include <algorithm>
#include <set>

#include "tests/support/files.h"

namespace trunkline::test {
namespace {

constexpr size_t kRecordsShown = 3;
constexpr size_t kBytesShown = 600;

// Up to where `a` and `b` part, a little of the common part before it.
std::string Excerpt(std::string_view record, size_t from) {
  const size_t start = from > 40 ? from - 40 : 0;
  std::string text = start > 0 ? "[+" + std::to_string(start) + "]..." : "";
  text += record.substr(start, kBytesShown);
  if (record.size() > start + kBytesShown) {
    text += "... (" + std::to_string(record.size()) + " bytes)";
  }
  return text;
}

size_t CommonPrefix(std::string_view a, std::string_view b) {
  const auto at = std::mismatch(a.begin(), a.begin() + std::min(a.size(), b.size()), b.begin());
  return static_cast<size_t>(at.first - a.begin());
}

std::string Shown(const std::vector<std::string_view>& records,
                  const std::vector<std::string_view>& others, const char* side) {
  std::string text = "  " + std::to_string(records.size()) + " only " + side + "\n";
  for (size_t i = 0; i < std::min(records.size(), kRecordsShown); ++i) {
    const size_t from = i < others.size() ? CommonPrefix(records[i], others[i]) : 0;
    text += "    " + Excerpt(records[i], from) + "\n";
  }
  return text;
}

}  // namespace

std::vector<std::string_view> CsvRecords(std::string_view text) {
  std::vector<std::string_view> records;
  size_t start = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] != '\n' || quoted) continue;
    records.push_back(text.substr(start, i - start));
    start = i + 1;
  }
  if (start < text.size()) records.push_back(text.substr(start));
  return records;
}

std::string CsvDifference(std::string_view expected, std::string_view actual) {
  std::vector<std::string_view> want = CsvRecords(expected);
  std::vector<std::string_view> have = CsvRecords(actual);
  if (want.empty() || have.empty()) {
    return want.empty() == have.empty() ? "" : "  one side has no header line\n";
  }
  if (want[0] != have[0]) {
    return "  header expected: " + Excerpt(want[0], 0) +
           "\n  header found:    " + Excerpt(have[0], 0) + "\n";
  }
  std::sort(want.begin() + 1, want.end());
  std::sort(have.begin() + 1, have.end());
  std::vector<std::string_view> missing;
  std::vector<std::string_view> extra;
  std::set_difference(want.begin() + 1, want.end(), have.begin() + 1, have.end(),
                      std::back_inserter(missing));
  std::set_difference(have.begin() + 1, have.end(), want.begin() + 1, want.end(),
                      std::back_inserter(extra));
  if (missing.empty() && extra.empty()) return "";
  return "  records expected " + std::to_string(want.size() - 1) + ", found " +
         std::to_string(have.size() - 1) + "\n" + Shown(missing, extra, "expected") +
         Shown(extra, missing, "found");
}

std::string FolderDifference(const std::map<std::string, std::string>& expected,
                             const std::string& folder) {
  std::string text;
  std::set<std::string> files;
  for (const std::string& name : FilesBelow(folder)) {
    if (name.ends_with(".csv")) files.insert(name);
  }
  for (const auto& [name, content] : expected) {
    if (files.erase(name) == 0) {
      text += name + ": not there\n";
    } else if (std::string what = CsvDifference(content, ReadFile(folder + "/" + name));
               !what.empty()) {
      text += name + ":\n" + what;
    }
  }
  for (const std::string& name : files) text += name + ": not expected\n";
  return text;
}

}  // namespace trunkline::test
