#include "tests/crash/log_check.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "tests/integration/log_lines.h"
#include "tests/support/trunkline.h"

namespace trunkline::crash {
namespace {

using test::LoggedLine;
using test::Outcome;

constexpr size_t kBytesShown = 300;

// What both decodings tell alike: no messages but our own, no definitions, no transaction that is
// empty without them.
std::vector<std::string> Comparable(const std::vector<std::string>& lines) {
  std::vector<std::string> kept;
  for (const std::string& line : lines) {
    if (line.starts_with("message: ") && line.find(" prefix: crash,") == std::string::npos)
      continue;
    kept.push_back(line);
    if (line.starts_with("COMMIT ") && kept[kept.size() - 2].starts_with("BEGIN ")) {
      kept.resize(kept.size() - 2);
    }
  }
  return kept;
}

std::string Excerpt(const std::vector<std::string>& lines, size_t at) {
  std::string text;
  for (size_t i = at < 3 ? 0 : at - 3; i < std::min(lines.size(), at + 3); ++i) {
    text += (i == at ? "    > " : "      ") + lines[i].substr(0, kBytesShown) + "\n";
  }
  return text;
}

std::optional<int64_t> NumberIn(const std::string& line) {
  constexpr std::string_view kInsert = "table crash.ledger: INSERT: n[bigint]:";
  if (!line.starts_with(kInsert)) return std::nullopt;
  return std::stoll(line.substr(kInsert.size()));
}

std::string Difference(const std::vector<std::string>& want, const std::vector<std::string>& have) {
  const auto [missing, found] = std::mismatch(want.begin(), want.end(), have.begin(), have.end());
  if (missing == want.end() && found == have.end()) return {};
  const auto at = static_cast<size_t>(missing - want.begin());
  return "the archive and the source's own decoding part at line " + std::to_string(at) + " of " +
         std::to_string(want.size()) + " (archived: " + std::to_string(have.size()) +
         ")\n    source:\n" + Excerpt(want, at) + "    archive:\n" + Excerpt(have, at);
}

}  // namespace

LoggedNumbers CompareLogs(const std::string& archive, const Layout& layout,
                          const std::string& conninfo, Findings* findings) {
  LoggedNumbers numbers;
  const std::vector<LoggedLine> decoded = test::TwinLog(conninfo);
  for (const LoggedLine& line : decoded) {
    if (const auto number = NumberIn(line.text)) numbers.decoded[*number] = line.end;
  }
  for (const Stretch& stretch : layout.stretches()) {
    const Outcome log =
        test::Trunkline({"log", archive, "--from", "lsn:" + stretch.begin.ToString(), "--to",
                         "lsn:" + stretch.end.ToString(), "--format", "text"});
    if (log.exit_code != 0) {
      findings->push_back("trunkline log fails: " + log.err);
      continue;
    }
    const std::vector<std::string> lines = test::LogLines(log.out);
    for (const std::string& line : lines) {
      if (const auto number = NumberIn(line)) numbers.archived.insert(*number);
    }
    std::vector<std::string> want;
    for (const LoggedLine& line : decoded) {
      if (stretch.Contains(line.end)) want.push_back(line.text);
    }
    const std::string difference = Difference(Comparable(want), Comparable(lines));
    if (!difference.empty()) findings->push_back(difference);
  }
  return numbers;
}

}  // namespace trunkline::crash
