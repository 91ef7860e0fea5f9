// Random archives, compacted: every target yields the rows that it did before, and the log says the
// same. The seed stands in the test's name and in each failure.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <random>
#include <set>

#include "archive/compaction.h"
#include "archive/retention.h"
#include "archive/verify.h"
#include "replay/command.h"
#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

template <typename T>
T Held(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
  return std::move(*result);
}

// Writes segments of 1 to 9 transactions on two tables, with restore points, messages, truncates,
// and the snapshot of one table in between.
class RandomHistory {
 public:
  explicit RandomHistory(unsigned seed) : random_(seed) {
    archive_.Snapshot(150, {{keyed_, {}}, {plain_, {}}});
    for (int segment = 0; segment < 8; ++segment) AddSegment(segment);
  }

  ArchiveBuilder& archive() { return archive_; }
  const std::vector<uint64_t>& targets() const { return targets_; }

 private:
  uint64_t Below(uint64_t limit) { return random_() % limit; }

  void AddSegment(int number) {
    for (uint64_t i = Below(9) + 1; i > 0; --i, lsn_ += 8 + Below(3) * 8) {
      std::vector<ChangeSpec> changes;
      for (uint64_t change = Below(7); change > 0; --change) changes.push_back(OneChange());
      if (Below(6) == 0) {
        changes.push_back(Message("trunkline.restore_point", "p" + std::to_string(lsn_)));
      }
      archive_.Commit(lsn_, changes, {}, static_cast<uint32_t>(Below(1000) + 1));
      if (Below(3) == 0) targets_.push_back(lsn_ + Below(9));
    }
    if (Below(3) == 0) archive_.Emit(lsn_ + 4, "note", "outside");
    lsn_ += 16;
    archive_.Publish(lsn_);
    if (number != 4) return;
    archive_.TableSnapshots(lsn_ - 4, {{plain_, std::vector<Row>{Row{"a"}, Row{nullptr}}}},
                            DefinitionOf({{.relation = keyed_}, {.relation = plain_}}));
  }

  ChangeSpec OneChange() {
    const std::string key = std::to_string(Below(20));
    const std::string value = Below(5) == 0 ? std::string(Below(300), 'x') : std::to_string(lsn_);
    switch (Below(24)) {
      case 0:
        rows_.clear();
        return Truncate({keyed_, plain_});
      case 1:
      case 2:
      case 3:
        return Insert(plain_, {Below(4) == 0 ? Cell(nullptr) : Cell(value)});
      case 4:
        if (rows_.erase(key) > 0) return Delete(keyed_, {key, nullptr, nullptr});
        break;
      default:
        break;
    }
    if (!rows_.insert(key).second) return Update(keyed_, {key, value, kUnchanged});
    return Insert(keyed_, {key, value, "long"});
  }

  std::mt19937 random_;
  ArchiveBuilder archive_;
  Relation keyed_ = MakeRelation(1, "keyed", {"id*", "a", "b"});
  Relation plain_ = MakeRelation(2, "plain", {"a"}, ReplicaIdentity::kNothing);
  std::set<std::string> rows_;
  uint64_t lsn_ = 200;
  std::vector<uint64_t> targets_;
};

// What a target yields, or the error.
std::string StateAt(const ArchiveBuilder& archive, uint64_t lsn) {
  const auto state = archive.Rebuild("lsn:" + Lsn{lsn}.ToString());
  if (!state) return state.error().message;
  return Rows(*state, "keyed") + "--\n" + Rows(*state, "plain");
}

std::string LogOf(const std::string& url, const char* format) {
  CLI::App app;
  CommandContext context;
  AddLogCommand(&app, &context);
  app.parse(std::string("log --format ") + format + " " + url);
  testing::internal::CaptureStdout();
  const auto logged = context.run();
  std::string output = testing::internal::GetCapturedStdout();
  return logged ? output : logged.error().message;
}

class CompactionPropertyTest : public testing::TestWithParam<unsigned> {
 protected:
  CompactionPropertyTest()
      : history_(GetParam()), store_(Held(OpenStore(history_.archive().url()))) {}

  std::vector<std::string> AllStates() {
    std::vector<std::string> states;
    for (const uint64_t lsn : history_.targets())
      states.push_back(StateAt(history_.archive(), lsn));
    return states;
  }
  void Merge(uint64_t target_bytes) {
    CompactionOptions options;
    options.target_bytes = target_bytes;
    const CompactionPlan plan = Held(PlanCompaction(*store_, Held(LoadCatalog(*store_)), options));
    (void)Held(Compact(store_.get(), plan, options, nullptr));
  }

  RandomHistory history_;
  std::unique_ptr<Store> store_;
};

TEST_P(CompactionPropertyTest, EveryTargetAndTheLogStayAsTheyWere) {
  const std::vector<std::string> states = AllStates();
  const std::string url = history_.archive().url();
  const std::string text = LogOf(url, "text");
  const std::string lines = LogOf(url, "jsonl");
  const size_t segments = history_.archive().ReadCatalog().segments.size();
  for (const uint64_t target_bytes : {3000, 8000, 1 << 20}) {
    Merge(target_bytes);
    EXPECT_EQ(AllStates(), states) << "seed " << GetParam() << ", " << target_bytes;
    EXPECT_EQ(LogOf(url, "text"), text) << "seed " << GetParam() << ", " << target_bytes;
    EXPECT_EQ(LogOf(url, "jsonl"), lines) << "seed " << GetParam() << ", " << target_bytes;
    const VerifyReport report = Held(Verify(*store_, nullptr));
    EXPECT_TRUE(report.findings.empty()) << report.findings.front().problem;
  }
  EXPECT_LT(history_.archive().ReadCatalog().segments.size(), 4U);
  EXPECT_GT(segments, 6U);
}

TEST_P(CompactionPropertyTest, WhatRetentionKeepsStaysAsItWas) {
  const std::vector<std::string> states = AllStates();
  const auto& targets = history_.targets();
  const size_t middle = targets.size() / 2;
  const Lsn from{targets[middle]};
  // A base snapshot shortly before, of what the archive says.
  CLI::App app;
  CommandContext context;
  AddSnapshotCommand(&app, &context);
  app.parse("snapshot --at lsn:" + from.ToString() + " " + history_.archive().url());
  ASSERT_TRUE(context.run());
  const Catalog catalog = history_.archive().ReadCatalog();
  const RetentionPlan plan = Held(PlanRetention(*store_, catalog, catalog.end()));
  ASSERT_TRUE(Retain(store_.get(), catalog, plan));
  const Lsn base = history_.archive().ReadCatalog().snapshots.front().lsn;
  for (size_t i = 0; i < targets.size(); ++i) {
    const std::string now = StateAt(history_.archive(), targets[i]);
    if (targets[i] > base.value) {
      EXPECT_EQ(now, states[i]) << "seed " << GetParam() << ", target " << targets[i];
    }
  }
  EXPECT_TRUE(Held(Verify(*store_, nullptr)).findings.empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, CompactionPropertyTest, testing::Range(0U, 4U));

}  // namespace
}  // namespace trunkline::test
