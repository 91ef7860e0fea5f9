// Random archives that are looked after at random: segments merged, history removed, each of them
// killed between any two writes, rivals at work on what they listed before. Every target yields
// what it did before, the log says the same, and the archive verifies. The seed stands in the
// test's name and in each failure.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "archive/compaction.h"
#include "archive/retention.h"
#include "archive/verify.h"
#include "replay/command.h"
#include "tests/unit/replay/random_table.h"

namespace trunkline::test {
namespace {

template <typename T>
T Held(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
  return std::move(*result);
}

// A store whose process dies after so many writes: no further call does anything.
class MortalStore final : public Store {
 public:
  explicit MortalStore(Store* store) : store_(*store) {}

  void LiveFor(std::optional<int> writes) { left_ = writes; }
  // Somebody else does something just before the so many-th listing or write from now on.
  void InterruptAt(uint64_t call, std::function<void()> rival) {
    calls_ = call;
    rival_ = std::move(rival);
  }
  bool alive() const { return !left_ || *left_ >= 0; }

  std::string url() const override { return store_.url(); }
  Result<std::vector<ObjectInfo>> List(std::string_view prefix) const override {
    if (!alive()) return Killed();
    LetRivalIn();
    return store_.List(prefix);
  }
  Result<std::unique_ptr<ByteSource>> Open(std::string_view name) const override {
    if (!alive()) return Killed();
    return store_.Open(name);
  }
  Result<void> Put(std::span<const NewObject> objects) override {
    for (const NewObject& object : objects) {
      if (!Survives()) return Killed();
      TRY(store_.Put({&object, 1}));
    }
    return {};
  }
  Result<void> Remove(std::span<const std::string> names) override {
    for (const std::string& name : names) {
      if (!Survives()) return Killed();
      TRY(store_.Remove({&name, 1}));
    }
    return {};
  }

 private:
  static tl::unexpected<Error> Killed() { return Fail(ErrorKind::kCancelled, "killed"); }
  bool Survives() {
    LetRivalIn();
    return !left_ || --*left_ >= 0;
  }
  void LetRivalIn() const {
    if (!rival_ || calls_-- > 0) return;
    std::exchange(rival_, nullptr)();
  }

  Store& store_;
  std::optional<int> left_;
  mutable uint64_t calls_ = 0;
  mutable std::function<void()> rival_;
};

std::string TimeOf(int64_t seconds) { return Timestamp{seconds * 1'000'000}.ToString(); }

// Segments of 1 to 9 transactions on tables of every replica identity, with times out of order,
// xids and restore points that come again, messages, truncates, columns that come and go, a table
// that joins the publication (and is in doubt until its snapshot), a table copied in parts at two
// LSNs, base snapshots in between, and a gap.
class RandomHistory {
 public:
  explicit RandomHistory(unsigned seed) : random_(seed), tables_(RandomTables(&random_)) {
    TakeBase(150);
    gap_at_ = static_cast<int>(4 + Below(4));
    for (int segment = 0; segment < kSegments; ++segment) AddSegment(segment);
  }

  const ArchiveBuilder& archive() const { return archive_; }
  // Of all kinds.
  std::vector<std::string> targets() const { return {targets_.begin(), targets_.end()}; }
  uint64_t end() const { return lsn_; }

 private:
  static constexpr int kSegments = 12;
  uint64_t Below(uint64_t limit) { return random_() % limit; }

  std::string DefinitionNow() const {
    std::vector<TableSpec> specs;
    for (const RandomTable& table : tables_) specs.push_back({.relation = table.relation()});
    specs.push_back({.relation = evolving_, .attnums = attnums_, .missing = missing_});
    if (late_joined_) specs.push_back({.relation = late_});
    return DefinitionOf(specs);
  }

  static std::vector<Row> Cells(const std::vector<PlainRow>& rows) {
    std::vector<Row> cells;
    for (const PlainRow& row : rows) {
      Row& made = cells.emplace_back();
      for (const auto& value : row) made.push_back(value ? Cell(*value) : Cell(nullptr));
    }
    return cells;
  }

  void TakeBase(uint64_t lsn) {
    std::vector<ArchiveBuilder::Contents> contents;
    for (const RandomTable& table : tables_) {
      contents.emplace_back(table.relation(), Cells(table.rows()));
    }
    std::vector<Row> evolving;
    for (const std::string& id : ids_) evolving.push_back(EvolvingRow(id));
    contents.emplace_back(evolving_, evolving);
    if (late_joined_) contents.emplace_back(late_, std::vector<Row>{Row{"base"}});
    const Timestamp time =
        Below(2) == 0 ? Timestamp{static_cast<int64_t>(lsn) * 1'000'000} : Timestamp{};
    archive_.Snapshot(lsn, contents, DefinitionNow(), time);
  }

  Row EvolvingRow(const std::string& id) {
    Row row{id};
    while (row.size() < evolving_.columns.size()) row.emplace_back(std::to_string(Below(100)));
    return row;
  }

  void AddSegment(int number) {
    for (uint64_t i = Below(9) + 1; i > 0; --i, lsn_ += 8 + Below(3) * 8) AddTransaction();
    if (Below(3) == 0) archive_.Emit(lsn_ + 4, "note", "outside");
    lsn_ += 16;
    archive_.Publish(lsn_);
    targets_.insert("lsn:" + Lsn{lsn_}.ToString());
    if (number == gap_at_) {
      lsn_ += 48;
      archive_.Gap(lsn_);
      targets_.insert("lsn:" + Lsn{lsn_ - 8}.ToString());
    }
    if (number == gap_at_ || (number != 3 && Below(4) == 0)) TakeBase(lsn_);
    if (number == 3) CopyInParts();
    if (late_joined_ && Below(3) == 0) {
      archive_.TableSnapshots(lsn_ - 4, {{late_, {Row{"a"}, Row{nullptr}}}}, DefinitionNow());
    }
  }

  // One page now, the rest after some more changes.
  void CopyInParts() {
    const RandomTable& keyed = tables_.front();
    const std::vector<Row> rows = Cells(keyed.rows());
    if (rows.size() < 2) return;
    const SnapshotPart page = archive_.Pages(lsn_ - 6, {keyed.relation(), {rows.front()}}, 0);
    AddTransaction();
    lsn_ += 24;
    archive_.Publish(lsn_);
    archive_.TableSnapshotWith(lsn_ - 2, {keyed.relation(), Cells(tables_.front().rows())}, {page});
  }

  void AddTransaction() {
    std::vector<ChangeSpec> changes;
    for (uint64_t change = Below(7); change > 0; --change) changes.push_back(OneChange());
    if (Below(8) == 0) AddDdl(&changes);
    if (Below(6) == 0) {
      const std::string name = "p" + std::to_string(Below(12));
      changes.push_back(Message("trunkline.restore_point", name));
      targets_.insert({"name:" + name, "before:name:" + name});
    }
    const auto xid = static_cast<uint32_t>(Below(300) + 1);
    const auto seconds = static_cast<int64_t>(lsn_ + Below(60));
    archive_.Commit(lsn_, changes, seconds, xid);
    if (Below(3) > 0) return;
    const std::string at = Lsn{lsn_ + Below(9)}.ToString();
    targets_.insert({"lsn:" + at, "before:lsn:" + at, "xid:" + std::to_string(xid),
                     "before:xid:" + std::to_string(xid), TimeOf(seconds), TimeOf(seconds - 1),
                     "before:" + TimeOf(seconds)});
  }

  ChangeSpec OneChange() {
    if (Below(4) > 0) return tables_[Below(tables_.size())].Step();
    if (late_joined_ && Below(3) == 0) return Insert(late_, {std::to_string(lsn_)});
    const std::string id = std::to_string(Below(20));
    const bool is_new = ids_.insert(id).second;
    const Row row = EvolvingRow(id);
    return is_new ? Insert(evolving_, row) : Update(evolving_, row);
  }

  void AddDdl(std::vector<ChangeSpec>* changes) {
    const uint64_t what = Below(4);
    if (what == 0 && !late_joined_) {
      late_joined_ = true;
    } else if (what == 1 && evolving_.columns.size() > 2) {
      evolving_.columns.pop_back();
      attnums_.pop_back();
      missing_.clear();
    } else {
      RelationColumn column = evolving_.columns.back();
      column.name = "c" + std::to_string(++last_attnum_);
      column.key = false;
      evolving_.columns.push_back(column);
      attnums_.push_back(last_attnum_);
      missing_.clear();
      if (what == 2) missing_ = {{column.name, "was " + column.name}};
    }
    changes->push_back(Define(DefinitionNow()));
  }

  std::mt19937 random_;
  ArchiveBuilder archive_;
  std::vector<RandomTable> tables_;
  Relation evolving_ = MakeRelation(91, "evolving", {"id*", "a"});
  std::vector<int> attnums_ = {1, 2};
  int last_attnum_ = 2;
  std::vector<std::pair<std::string, std::string>> missing_;
  std::set<std::string> ids_;
  Relation late_ = MakeRelation(92, "late", {"a"}, ReplicaIdentity::kNothing);
  bool late_joined_ = false;
  int gap_at_ = 0;
  uint64_t lsn_ = 200;
  std::set<std::string> targets_;
};

// What a target yields.
struct Answer {
  std::optional<Lsn> limit;  // none: an error
  bool ambiguous = false;
  std::string text;
  std::string around;  // the transactions on either side
};

Answer AnswerTo(const ArchiveBuilder& archive, const std::string& target) {
  Answer answer;
  const auto resolved = archive.Resolve(target);
  if (!resolved) {
    answer.ambiguous = resolved.error().kind == ErrorKind::kInvalidArgument;
    answer.text = resolved.error().ToString();
    return answer;
  }
  answer.limit = resolved->limit;
  answer.around = resolved->ToString();
  answer.text = resolved->instant ? resolved->instant->ToString() : "no instant";
  StateOptions options;
  options.leave_doubtful_out = true;
  const auto state = BuildState(archive.store(), archive.ReadCatalog(), *resolved, options);
  if (!state) {
    answer.text += "\n" + state.error().ToString();
    return answer;
  }
  for (const std::string& warning : state->warnings) answer.text += "\nwarning: " + warning;
  for (const auto& doubtful : state->doubtful) {
    answer.text += "\nin doubt: " + doubtful.relation.name + ": " + doubtful.doubt.message;
  }
  for (const auto& table : state->tables) {
    answer.text += "\n-- " + table->relation().name + "\n" + Rows(*state, table->relation().name);
  }
  return answer;
}

std::string LogOf(const std::string& url, const std::string& arguments) {
  CLI::App app;
  CommandContext context;
  AddLogCommand(&app, &context);
  app.parse("log " + arguments + " " + url);
  testing::internal::CaptureStdout();
  const auto logged = context.run();
  std::string output = testing::internal::GetCapturedStdout();
  return logged ? output : output + logged.error().message;
}

class MaintenancePropertyTest : public testing::TestWithParam<unsigned> {
 protected:
  MaintenancePropertyTest()
      : random_(GetParam() + 1000),
        history_(GetParam()),
        store_(Held(OpenStore(history_.archive().url()))),
        mortal_(store_.get()),
        targets_(history_.targets()) {
    for (const std::string& target : targets_) {
      before_[target] = AnswerTo(history_.archive(), target);
    }
  }

  uint64_t Below(uint64_t limit) { return random_() % limit; }
  Catalog Listed() const { return history_.archive().ReadCatalog(); }

  CompactionPlan PlanMerge() {
    CompactionOptions options;
    options.target_bytes = 1000 << Below(12);
    if (Below(3) == 0) options.up_to = Lsn{Below(history_.end())};
    return Held(PlanCompaction(*store_, Listed(), options));
  }
  // Of targets from here on nothing may change.
  std::optional<RetentionPlan> PlanRemoval() {
    const Answer& asked = before_[targets_[Below(targets_.size())]];
    if (!asked.limit) return std::nullopt;
    auto plan = PlanRetention(*store_, Listed(), *asked.limit);
    if (!plan) return std::nullopt;
    kept_from_ = std::max(kept_from_, *asked.limit);
    return std::move(*plan);
  }

  // Killed at some write, or not.
  void CarryOut(const std::optional<CompactionPlan>& merge,
                const std::optional<RetentionPlan>& removal) {
    mortal_.LiveFor(Below(3) == 0 ? std::nullopt : std::optional(static_cast<int>(Below(20))));
    if (merge) ExpectExcused(Compact(&mortal_, *merge, {}, nullptr));
    if (removal) ExpectExcused(Retain(&mortal_, *removal));
    mortal_.LiveFor(std::nullopt);
  }
  template <typename T>
  static void ExpectExcused(const Result<T>& result) {
    if (result) return;
    EXPECT_TRUE(result.error().kind == ErrorKind::kCancelled ||
                result.error().kind == ErrorKind::kConflict)
        << result.error().ToString();
  }

  void ExpectAllAsBefore(const std::string& step) {
    SCOPED_TRACE("seed " + std::to_string(GetParam()) + ", " + step);
    const VerifyReport report = Held(Verify(*store_, nullptr));
    EXPECT_TRUE(report.findings.empty())
        << report.findings.front().object << ": " << report.findings.front().problem;
    for (const std::string& target : targets_) {
      const Answer& before = before_[target];
      const Answer now = AnswerTo(history_.archive(), target);
      const bool kept = !kept_from_.valid() || (before.limit && *before.limit >= kept_from_);
      if (kept) {
        EXPECT_EQ(now.limit, before.limit) << target << ": " << now.text;
        EXPECT_EQ(now.text, before.text) << target;
        if (!kept_from_.valid()) {
          EXPECT_EQ(now.around, before.around) << target;
        }
      } else if (now.limit && !before.ambiguous) {
        // Never another answer.
        EXPECT_EQ(now.limit, before.limit) << target << ": " << before.text;
        EXPECT_EQ(now.text, before.text) << target;
      }
    }
  }

  std::mt19937 random_;
  RandomHistory history_;
  std::unique_ptr<Store> store_;
  MortalStore mortal_;
  const std::vector<std::string> targets_;
  std::map<std::string, Answer> before_;
  Lsn kept_from_;
};

TEST_P(MaintenancePropertyTest, EveryTargetAndTheLogStayAsTheyWereWhenSegmentsAreMerged) {
  const std::string url = history_.archive().url();
  std::map<std::string, std::string> logs;
  const Catalog catalog = Listed();
  const auto gap = std::find_if(catalog.segments.begin(), catalog.segments.end(),
                                [](const SegmentEntry& entry) { return entry.gap; });
  ASSERT_NE(gap, catalog.segments.end());
  const std::string up_to = "--to lsn:" + gap->begin.ToString();
  const std::string from = "--from lsn:" + gap->end.ToString();
  for (const std::string& range : {up_to, from, std::string("--from xid:7")}) {
    for (const char* format : {"text", "jsonl"}) {
      const std::string arguments = range + " --format " + format;
      logs[arguments] = LogOf(url, arguments);
    }
  }
  for (int round = 0; round < 4; ++round) {
    // Rivals: both have listed before either writes.
    const CompactionPlan one = PlanMerge();
    const CompactionPlan other = PlanMerge();
    CarryOut(one, {});
    if (Below(2) == 0) CarryOut(other, {});
    ExpectAllAsBefore("round " + std::to_string(round));
    for (const auto& [arguments, text] : logs) {
      EXPECT_EQ(LogOf(url, arguments), text) << "seed " << GetParam() << ": log " << arguments;
    }
  }
}

TEST_P(MaintenancePropertyTest, WhatIsKeptStaysAsItWasWhateverIsMergedAndRemovedMeanwhile) {
  for (int round = 0; round < 6; ++round) {
    std::optional<CompactionPlan> merge;
    std::optional<RetentionPlan> removal;
    if (Below(3) > 0) merge = PlanMerge();
    if (Below(2) == 0) removal = PlanRemoval();
    // A rival that has listed before comes in at any point.
    const CompactionPlan rival = PlanMerge();
    mortal_.InterruptAt(Below(12),
                        [&] { ExpectExcused(Compact(store_.get(), rival, {}, nullptr)); });
    if (Below(2) == 0) {
      CarryOut(merge, {});
      CarryOut({}, removal);
    } else {
      CarryOut({}, removal);
      CarryOut(merge, {});
    }
    mortal_.InterruptAt(0, nullptr);
    ExpectAllAsBefore("round " + std::to_string(round));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, MaintenancePropertyTest, testing::Range(0U, 6U));

}  // namespace
}  // namespace trunkline::test
