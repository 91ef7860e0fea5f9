#include "tests/crash/checks.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "tests/integration/log_lines.h"
#include "tests/support/csv.h"
#include "tests/support/must.h"
#include "tests/support/trunkline.h"

namespace trunkline::crash {
namespace {

using test::Must;
using test::Outcome;
using test::TempFolder;

constexpr size_t kNumbersShown = 5;
constexpr size_t kBytesShown = 300;

Findings CheckVerify(const std::string& archive) {
  const Outcome outcome = test::Trunkline({"verify", archive});
  if (outcome.exit_code == 0) return {};
  return {"trunkline verify exits " + std::to_string(outcome.exit_code) + ": " + outcome.out +
          outcome.err};
}

// What both decodings tell alike: no messages without a transaction ahead of the first one, which
// may be older than the archive; no definitions; no transaction that is empty without them.
std::vector<std::string> Comparable(const std::vector<std::string>& lines) {
  std::vector<std::string> kept;
  for (const std::string& line : lines) {
    if (line.starts_with("message: ") && line.find(" prefix: crash,") == std::string::npos)
      continue;
    if (kept.empty() && !line.starts_with("BEGIN ")) continue;
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

Findings CheckLog(const std::string& archive, const std::string& conninfo) {
  const std::vector<std::string> segments = test::Segments(archive);
  if (segments.empty()) return {"the archive has no segment"};
  const Lsn begin =
      Must(Lsn::FromHex16(segments[0].substr(std::string_view("changes/").size(), 16)));
  const Outcome log = test::Trunkline({"log", archive, "--format", "text"});
  if (log.exit_code != 0) return {"trunkline log fails: " + log.err};
  const std::vector<std::string> have = Comparable(test::LogLines(log.out));
  const std::vector<std::string> want = Comparable(test::TwinLogLines(conninfo, begin));
  const auto [missing, found] = std::mismatch(want.begin(), want.end(), have.begin(), have.end());
  if (missing == want.end() && found == have.end()) return {};
  const auto at = static_cast<size_t>(missing - want.begin());
  return {"the archive and the source's own decoding part at line " + std::to_string(at) + " of " +
          std::to_string(want.size()) + " (archived: " + std::to_string(have.size()) +
          ")\n    source:\n" + Excerpt(want, at) + "    archive:\n" + Excerpt(have, at)};
}

// The LSN of the oldest snapshot that a rebuild can start from.
std::optional<Lsn> FirstSnapshot(const std::string& archive) {
  std::optional<Lsn> first;
  for (const std::string& name : test::FilesBelow(archive + "/snapshots")) {
    if (!name.ends_with("/complete")) continue;
    const Lsn lsn = Must(Lsn::FromHex16(name.substr(0, 16)));
    if (!first.has_value() || lsn < *first) first = lsn;
  }
  return first;
}

// What differs; empty where the state at `lsn` is `tables`. A table made while a state was taken is
// not part of it, but of what is rebuilt.
std::string StateDifference(const std::string& archive, Lsn lsn,
                            const std::map<std::string, std::string>& tables) {
  TempFolder folder;
  const Outcome outcome = test::Trunkline(
      {"replay", archive, "--at", "lsn:" + lsn.ToString(), "--to", "csv:" + (folder / "csv")});
  if (outcome.exit_code != 0) return outcome.err;
  for (const auto& [name, content] : tables) {
    if (!test::Exists(folder / ("csv/" + name))) return name + " is not there";
    const std::string difference =
        test::CsvDifference(content, test::ReadFile(folder / ("csv/" + name)));
    if (!difference.empty()) return name + "\n" + difference;
  }
  return {};
}

Findings CheckStates(const std::string& archive, Lsn first_snapshot,
                     const std::vector<test::ExactState>& states) {
  Findings findings;
  for (const test::ExactState& state : states) {
    if (state.lsn < first_snapshot) continue;
    const std::string difference = StateDifference(archive, state.lsn, state.tables);
    if (difference.empty()) continue;
    findings.push_back("the state at " + state.lsn.ToString() +
                       " is not the source's: " + difference);
  }
  return findings;
}

std::multiset<int64_t> NumbersLogged(const std::string& archive, Lsn from) {
  constexpr std::string_view kInsert = "table crash.ledger: INSERT: n[bigint]:";
  const Outcome log = test::Trunkline(
      {"log", archive, "--from", "lsn:" + from.ToString(), "--table", "crash.ledger"});
  if (log.exit_code != 0) throw std::runtime_error("trunkline log fails: " + log.err);
  std::multiset<int64_t> numbers;
  for (const std::string& line : test::LogLines(log.out)) {
    if (line.starts_with(kInsert)) numbers.insert(std::stoll(line.substr(kInsert.size())));
  }
  return numbers;
}

std::multiset<int64_t> NumbersRebuilt(const std::string& archive, Lsn at) {
  TempFolder folder;
  const Outcome outcome =
      test::Trunkline({"replay", archive, "--at", "lsn:" + at.ToString(), "--tables",
                       "crash.ledger", "--to", "csv:" + (folder / "csv")});
  if (outcome.exit_code != 0) throw std::runtime_error("trunkline replay fails: " + outcome.err);
  std::multiset<int64_t> numbers;
  const std::string csv = test::ReadFile(folder / "csv/crash.ledger.csv");
  for (const std::string_view record : test::CsvRecords(csv)) {
    if (record != "n") numbers.insert(std::stoll(std::string(record)));
  }
  return numbers;
}

std::string Shown(const std::vector<int64_t>& numbers) {
  std::string text = std::to_string(numbers.size()) + ":";
  for (size_t i = 0; i < std::min(numbers.size(), kNumbersShown); ++i) {
    text += " " + std::to_string(numbers[i]);
  }
  return text;
}

// Every committed number is in the archive exactly once: in the first snapshot or after it.
Findings CheckLedger(const std::string& archive, const std::string& conninfo, Lsn first_snapshot,
                     const Ledger& ledger) {
  std::set<int64_t> at_source;
  for (const auto& row : test::Session(conninfo).Table("SELECT n FROM crash.ledger")) {
    at_source.insert(std::stoll(row[0]));
  }
  std::multiset<int64_t> archived = NumbersRebuilt(archive, first_snapshot);
  archived.merge(NumbersLogged(archive, first_snapshot));
  std::vector<int64_t> lost;
  std::vector<int64_t> repeated;
  std::vector<int64_t> invented;
  std::vector<int64_t> source_disagrees;
  for (const auto& [number, fate] : ledger) {
    const bool committed =
        fate == Fate::kUnknown ? at_source.contains(number) : fate == Fate::kCommitted;
    if (committed != at_source.contains(number)) source_disagrees.push_back(number);
    const size_t count = archived.count(number);
    if (committed && count == 0) lost.push_back(number);
    if (committed && count > 1) repeated.push_back(number);
    if (!committed && count > 0) invented.push_back(number);
  }
  Findings findings;
  const auto note = [&](const char* what, const std::vector<int64_t>& numbers) {
    if (!numbers.empty()) findings.push_back(what + (" " + Shown(numbers)));
  };
  note("committed, but not in the archive:", lost);
  note("in the archive more than once:", repeated);
  note("rolled back, but in the archive:", invented);
  note("the source does not keep to its answers:", source_disagrees);
  return findings;
}

}  // namespace

Findings CheckArchive(const std::string& archive, const std::string& conninfo, const Ledger& ledger,
                      const std::vector<test::ExactState>& states) {
  Findings findings = CheckVerify(archive);
  const auto add = [&](Findings more) {
    findings.insert(findings.end(), more.begin(), more.end());
  };
  add(CheckLog(archive, conninfo));
  const std::optional<Lsn> first_snapshot = FirstSnapshot(archive);
  if (!first_snapshot.has_value()) {
    findings.emplace_back("the archive has no complete snapshot");
    return findings;
  }
  add(CheckLedger(archive, conninfo, *first_snapshot, ledger));
  add(CheckStates(archive, *first_snapshot, states));
  return findings;
}

Findings CheckConfirmed(const std::string& archive, const std::string& conninfo) {
  // Asked in this order, as both only grow.
  const auto slots = test::Session(conninfo).Table(
      "SELECT confirmed_flush_lsn FROM pg_catalog.pg_replication_slots "
      "WHERE slot_name = 'trunkline' AND confirmed_flush_lsn IS NOT NULL");
  const Lsn end = test::ArchiveEnd(archive);
  if (slots.empty() || !end.valid()) return {};
  const Lsn confirmed = Must(Lsn::Parse(slots[0][0]));
  if (confirmed <= end) return {};
  return {"confirmed to the source up to " + confirmed.ToString() + ", but the archive ends at " +
          end.ToString()};
}

}  // namespace trunkline::crash
