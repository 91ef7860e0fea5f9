#include "tests/crash/checks.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "tests/crash/layout.h"
#include "tests/crash/log_check.h"
#include "tests/support/csv.h"
#include "tests/support/must.h"
#include "tests/support/trunkline.h"

namespace trunkline::crash {
namespace {

using test::ExactState;
using test::Must;
using test::Outcome;
using test::TempFolder;

constexpr size_t kNumbersShown = 5;
constexpr int kDamaged = 3;

Findings CheckVerify(const std::string& archive) {
  const Outcome outcome = test::Trunkline({"verify", archive});
  if (outcome.exit_code == 0) return {};
  return {"trunkline verify exits " + std::to_string(outcome.exit_code) + ": " + outcome.out +
          outcome.err};
}

// No loss but those that were made, and after each of them a new base snapshot.
Findings CheckGaps(const Layout& layout, const Evidence& evidence) {
  Findings findings;
  const size_t most = static_cast<size_t>(evidence.losses);
  if (layout.gaps().size() > most) {
    findings.push_back(std::to_string(layout.gaps().size()) + " gaps, though the source lost " +
                       "changes " + std::to_string(most) + " times");
  }
  const Lsn last = evidence.states.back().lsn;
  if (layout.end() < last) {
    findings.push_back("the archive ends at " + layout.end().ToString() +
                       ", before the last state");
  }
  if (!layout.Reaches(last)) {
    findings.push_back("no base snapshot leads to the last state, at " + last.ToString());
  }
  return findings;
}

// The oldest target that was to be kept is reached.
Findings CheckKept(const Layout& layout, const Evidence& evidence) {
  if (!evidence.first_snapshot) return {};
  const Lsn oldest = std::max(evidence.kept_from, *evidence.first_snapshot);
  if (layout.first_snapshot() && *layout.first_snapshot() <= oldest) return {};
  return {"no base snapshot leads to " + oldest.ToString() + ", which was to be kept"};
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

// Numbers that are not in the archive as often as they should be.
class Miscounts {
 public:
  void Note(int64_t number, size_t due, size_t found) {
    if (found > 1) repeated_.push_back(number);
    if (found == 0 && due == 1) lost_.push_back(number);
    if (found == 1 && due == 0) invented_.push_back(number);
  }
  void AddTo(Findings* findings, const std::string& place) const {
    Add("not in " + place + ", though committed:", lost_, findings);
    Add("in " + place + " more than once:", repeated_, findings);
    Add("in " + place + ", though rolled back, lost or of another time:", invented_, findings);
  }
  static void Add(const std::string& what, const std::vector<int64_t>& numbers,
                  Findings* findings) {
    if (numbers.empty()) return;
    std::string text = what + " " + std::to_string(numbers.size()) + ":";
    for (size_t i = 0; i < std::min(numbers.size(), kNumbersShown); ++i) {
      text += " " + std::to_string(numbers[i]);
    }
    findings->push_back(text);
  }

 private:
  std::vector<int64_t> lost_;
  std::vector<int64_t> repeated_;
  std::vector<int64_t> invented_;
};

// Every committed number is in the segments exactly once, unless in a gap, and in the first
// snapshot if it is older than that.
Findings CheckLedger(const Evidence& evidence, const Layout& layout, const LoggedNumbers& numbers) {
  std::set<int64_t> at_source;
  for (const auto& row : test::Session(evidence.conninfo).Table("SELECT n FROM crash.ledger")) {
    at_source.insert(std::stoll(row[0]));
  }
  const Lsn snapshot = *layout.first_snapshot();
  const std::multiset<int64_t> rebuilt = NumbersRebuilt(evidence.archive, snapshot);
  std::vector<int64_t> source_disagrees;
  Miscounts in_segments;
  Miscounts in_snapshot;
  for (const auto& [number, fate] : evidence.ledger) {
    const bool there = at_source.contains(number);
    const bool committed = fate == Fate::kUnknown ? there : fate == Fate::kCommitted;
    const auto decoded = numbers.decoded.find(number);
    if (committed != there || committed != (decoded != numbers.decoded.end())) {
      source_disagrees.push_back(number);
      continue;
    }
    const bool archived =
        committed && std::any_of(layout.stretches().begin(), layout.stretches().end(),
                                 [end = decoded->second](const Stretch& stretch) {
                                   return stretch.Contains(end);
                                 });
    in_segments.Note(number, archived ? 1 : 0, numbers.archived.count(number));
    const bool older = committed && decoded->second <= snapshot;
    in_snapshot.Note(number, older ? 1 : 0, rebuilt.count(number));
  }
  Findings findings;
  in_segments.AddTo(&findings, "the segments");
  in_snapshot.AddTo(&findings, "the first snapshot");
  Miscounts::Add("the source does not keep to its answers:", source_disagrees, &findings);
  return findings;
}

// Rebuilds states, and compares them with what the source had.
class StateCheck {
 public:
  explicit StateCheck(const Evidence& evidence) : evidence_(evidence) {}

  // What differs; empty where the state at its LSN is that of the source.
  std::string Difference(const ExactState& state) {
    TempFolder folder;
    const std::string csv = folder / "csv";
    Outcome outcome = Rebuild(state.lsn, csv, {});
    const bool doubtful = !evidence_.ddl_captured && outcome.exit_code == kDamaged &&
                          outcome.err.find("table crash.redefined") != std::string::npos;
    if (doubtful) {
      ++doubts_;
      outcome = Rebuild(state.lsn, csv, OthersThanRedefined(state));
    }
    if (outcome.exit_code != 0) return outcome.err;
    if (evidence_.ddl_captured) {
      for (const std::string& unread : state.unread) std::filesystem::remove(csv + "/" + unread);
      return test::FolderDifference(state.tables, csv);
    }
    // A table that was dropped may be there for longer.
    for (const auto& [name, content] : state.tables) {
      if (doubtful && !IsAskedFor(name)) continue;
      if (!test::Exists(csv + "/" + name)) return name + " is not there";
      const std::string difference = test::CsvDifference(content, test::ReadFile(csv + "/" + name));
      if (!difference.empty()) return name + "\n" + difference;
    }
    return {};
  }

  // What a state within a gap, or behind one without a snapshot since, is to lead to.
  std::string Unrefused(const ExactState& state) const {
    TempFolder folder;
    const Outcome outcome = Rebuild(state.lsn, folder / "csv", {});
    if (outcome.exit_code == kDamaged) return {};
    return "its rebuild exits " + std::to_string(outcome.exit_code) + ": " + outcome.err;
  }

  int doubts() const { return doubts_; }

 private:
  // The table that gets columns with defaults: without DDL capture, the daemon may be kept from
  // asking for them.
  static constexpr std::string_view kRedefined = "crash.redefined.csv";

  // Names with a dot or a comma are encoded in a file's name, and cannot be told in --tables.
  static bool IsAskedFor(const std::string& file) {
    return file != kRedefined && file.find('%') == std::string::npos;
  }

  static std::string OthersThanRedefined(const ExactState& state) {
    std::string tables;
    for (const auto& [name, content] : state.tables) {
      if (!IsAskedFor(name)) continue;
      tables += (tables.empty() ? "" : ",") + name.substr(0, name.size() - 4);
    }
    return tables;
  }

  Outcome Rebuild(Lsn lsn, const std::string& folder, const std::string& tables) const {
    std::vector<std::string> command = {
        "replay", evidence_.archive, "--at", "lsn:" + lsn.ToString(), "--to", "csv:" + folder};
    if (!tables.empty()) command.insert(command.end(), {"--tables", tables});
    return test::Trunkline(command);
  }

  const Evidence& evidence_;
  int doubts_ = 0;
};

// Every state is rebuilt as it was, or refused where changes before it were lost.
Verdict CheckStates(const Evidence& evidence, const Layout& layout) {
  Verdict verdict;
  StateCheck check(evidence);
  for (const ExactState& state : evidence.states) {
    if (state.lsn < *layout.first_snapshot()) continue;
    const bool reached = layout.Reaches(state.lsn);
    const std::string wrong = reached ? check.Difference(state) : check.Unrefused(state);
    if (wrong.empty()) continue;
    verdict.findings.push_back("the state at " + state.lsn.ToString() +
                               (reached ? " is not the source's: " : " lies in or behind a gap: ") +
                               wrong);
  }
  verdict.doubts = check.doubts();
  return verdict;
}

}  // namespace

Verdict CheckArchive(const Evidence& evidence) {
  Verdict verdict;
  const auto add = [&](Findings more) {
    verdict.findings.insert(verdict.findings.end(), more.begin(), more.end());
  };
  add(CheckVerify(evidence.archive));
  const Layout layout(evidence.archive);
  add(CheckGaps(layout, evidence));
  add(CheckKept(layout, evidence));
  const LoggedNumbers numbers =
      CompareLogs(evidence.archive, layout, evidence.conninfo, &verdict.findings);
  if (!layout.first_snapshot().has_value()) {
    verdict.findings.emplace_back("the archive has no complete snapshot");
    return verdict;
  }
  add(CheckLedger(evidence, layout, numbers));
  const Verdict states = CheckStates(evidence, layout);
  add(states.findings);
  verdict.doubts = states.doubts;
  return verdict;
}

Findings CheckConfirmed(const std::string& archive, const std::string& spool,
                        const std::string& conninfo) {
  // Asked in this order, as all of them only grow; and what is spooled goes on to the archive.
  const auto slots = test::Session(conninfo).Table(
      "SELECT confirmed_flush_lsn FROM pg_catalog.pg_replication_slots "
      "WHERE slot_name = 'trunkline' AND confirmed_flush_lsn IS NOT NULL");
  const Lsn spooled = Layout(spool).end();
  const Lsn end = std::max(spooled, Layout(archive).end());
  if (slots.empty() || !end.valid()) return {};
  const Lsn confirmed = Must(Lsn::Parse(slots[0][0]));
  if (confirmed <= end) return {};
  return {"confirmed to the source up to " + confirmed.ToString() + ", but the archive ends at " +
          end.ToString()};
}

}  // namespace trunkline::crash
