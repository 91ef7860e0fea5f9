// Rebuilding without a transaction, beside a twin of the table on which it was never carried out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

#include "replay/skip_observer.h"
#include "replay/skipped.h"
#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

class CountingObserver final : public SkipObserver {
 public:
  void OnSkipped(const TransactionInfo&, const Change&) override { ++skipped; }
  void OnConflict(const Conflict& conflict) override { ++met[conflict.kind]; }

  int skipped = 0;
  std::map<ConflictKind, int> met;
};

Result<DatabaseState> RebuildWithout(const ArchiveBuilder& archive, std::vector<Lsn> skip,
                                     SkipObserver* observer, const RowsPart& part = {}) {
  ASSIGN_OR_RETURN(const ResolvedTarget target, archive.Resolve("latest"));
  StateOptions options;
  options.skip = std::move(skip);
  options.skip_observer = observer;
  options.part = part;
  return archive.Rebuild(target, options);
}

class WhatIfTest : public testing::Test {
 protected:
  std::string RowsWithout(uint64_t lsn, const std::string& table = "t") {
    const auto state = RebuildWithout(archive_, {Lsn{lsn}}, &observer_);
    return Rows(state, table);
  }

  const Relation table_ = MakeRelation(1, "t", {"id*", "a", "b"});
  ArchiveBuilder archive_;
  CountingObserver observer_;
};

TEST_F(WhatIfTest, ALaterUpdateDoesNotBringBackWhatWasLeftOut) {
  archive_.Snapshot(150, {{table_, {{"1", "a", "b"}, {"2", "a", "b"}}}});
  archive_.Commit(200, {Update(table_, {"1", "bad", "b"})});
  archive_.Commit(208, {Update(table_, {"1", kUnchanged, "later"})});
  archive_.Commit(216, {Update(table_, {"1", "bad", "latest"}), Update(table_, {"2", "x", "b"})});
  archive_.Publish(300);
  EXPECT_EQ(RowsWithout(200), "1,a,latest\n2,x,b\n");
  EXPECT_EQ(observer_.skipped, 1);
  EXPECT_EQ(observer_.met, (std::map<ConflictKind, int>{{ConflictKind::kBuiltOn, 2}}));
}

TEST_F(WhatIfTest, RowsThatAreNotThereArePassedOver) {
  archive_.Snapshot(150, {{table_, {}}});
  archive_.Commit(200, {Insert(table_, {"1", "a", "b"}), Insert(table_, {"2", "a", "b"})});
  archive_.Commit(208, {Update(table_, {"1", "c", "b"}), Delete(table_, {"2", nullptr, nullptr})});
  archive_.Commit(216, {UpdateKey(table_, {"1", nullptr, nullptr}, {"3", "c", kUnchanged})});
  archive_.Commit(224, {Update(table_, {"3", "d", "b"}), Insert(table_, {"2", "new", nullptr})});
  archive_.Publish(300);
  EXPECT_EQ(RowsWithout(200), "2,new,\n");
  EXPECT_EQ(observer_.met, (std::map<ConflictKind, int>{{ConflictKind::kMissingRow, 4}}));
}

TEST_F(WhatIfTest, OfTwoRowsWithAKeyTheLaterOneStays) {
  archive_.Snapshot(150, {{table_, {{"1", "old", "b"}, {"2", "old", "b"}, {"3", "c", "b"}}}});
  archive_.Commit(200, {Delete(table_, {"1", nullptr, nullptr}),
                        UpdateKey(table_, {"2", nullptr, nullptr}, {"9", "old", "b"})});
  archive_.Commit(208, {Insert(table_, {"1", "new", "b"}),
                        UpdateKey(table_, {"3", nullptr, nullptr}, {"2", "c", "b"})});
  archive_.Commit(216, {Update(table_, {"1", "newer", "b"})});
  archive_.Publish(300);
  EXPECT_EQ(RowsWithout(200), "2,c,b\n1,newer,b\n");
  EXPECT_EQ(observer_.met, (std::map<ConflictKind, int>{{ConflictKind::kTakenKey, 2}}));
}

TEST_F(WhatIfTest, ATruncateIsLeftOutAndADefinitionStays) {
  const Relation wider = MakeRelation(1, "t", {"id*", "a", "b", "c"});
  archive_.Snapshot(150, {{table_, {{"1", "a", "b"}}}});
  archive_.Commit(200, {Truncate({table_}),
                        Define(DefinitionOf({{.relation = wider, .missing = {{"c", "seven"}}}})),
                        Insert(wider, {"2", "x", "y", "z"})});
  archive_.Commit(208, {Insert(wider, {"3", "x", "y", "z"})});
  archive_.Publish(300);
  EXPECT_EQ(RowsWithout(200), "1,a,b,seven\n3,x,y,z\n");
  EXPECT_TRUE(observer_.met.empty());
}

TEST_F(WhatIfTest, WithoutAKeyARowIsKnownByAllOfItsValues) {
  const Relation full = MakeRelation(2, "f", {"a", "b"}, ReplicaIdentity::kFull);
  archive_.Snapshot(150, {{full, {{"1", "p"}, {"1", "p"}, {"2", "q"}}}});
  archive_.Commit(200, {UpdateFull(full, {"2", "q"}, {"2", "bad"}), DeleteFull(full, {"1", "p"})});
  archive_.Commit(208, {DeleteFull(full, {"2", "bad"}), DeleteFull(full, {"1", "p"})});
  archive_.Publish(300);
  EXPECT_EQ(RowsWithout(200, "f"), "1,p\n2,q\n");
  EXPECT_EQ(observer_.met, (std::map<ConflictKind, int>{{ConflictKind::kMissingRow, 1}}));
}

TEST_F(WhatIfTest, TheRebuildBeginsBeforeWhatIsLeftOut) {
  archive_.Snapshot(150, {{table_, {{"1", "a", "b"}}}});
  archive_.Commit(200, {Update(table_, {"1", "bad", "b"})});
  archive_.Publish(250);
  archive_.Snapshot(250, {{table_, {{"1", "bad", "b"}}}});
  archive_.Commit(260, {Update(table_, {"1", "bad", "c"})});
  archive_.Publish(300);
  EXPECT_EQ(RowsWithout(200), "1,a,c\n");
  EXPECT_EQ(RowsWithout(260), "1,bad,b\n");
}

TEST_F(WhatIfTest, TransactionsAreFoundByNameOrRefused) {
  archive_.Snapshot(150, {{table_, {}}});
  archive_.Commit(200, {Insert(table_, {"1", "a", "b"})}, {}, 7);
  archive_.Commit(208, {Insert(table_, {"2", "a", "b"})}, {}, 8);
  archive_.Commit(216, {Insert(table_, {"3", "a", "b"})}, {}, 7);
  archive_.Publish(300);
  const auto find = [&](std::vector<std::string> names, uint64_t limit = 300) -> std::string {
    const auto found = FindSkipped(archive_.store(), archive_.ReadCatalog(), Lsn{limit}, names);
    if (!found) return found.error().ToString();
    std::string lsns;
    for (const TransactionInfo& transaction : *found) {
      lsns += std::to_string(transaction.commit_lsn.value) + " ";
    }
    return lsns;
  };
  EXPECT_EQ(find({"xid:8", "lsn:0/C8", "lsn:0/D0"}), "200 208 ");
  EXPECT_EQ(find({"xid:7"}, 216), "200 ");
  EXPECT_THAT(find({"xid:7"}), testing::HasSubstr("ambiguous: 2 transactions fit (choose with "
                                                  "--skip one of lsn:0/C8 lsn:0/D8)"));
  EXPECT_THAT(find({"xid:9"}), testing::HasSubstr("no transaction xid:9"));
  EXPECT_THAT(find({"lsn:0/C9"}), testing::HasSubstr("no transaction lsn:0/C9"));
  EXPECT_THAT(find({"8"}), testing::HasSubstr("write --skip xid:1234"));
  EXPECT_THAT(find({"xid:8x"}), testing::HasSubstr("names no transaction"));
}

// The property: a command is a statement that both sides carry out, each on its own rows.
using TwinRow = std::array<std::string, 3>;
using TwinRows = std::map<int, TwinRow>;

class TwinWorkload {
 public:
  explicit TwinWorkload(unsigned seed) : random_(seed) {}

  // A transaction's changes as the source records them; carried out on the twin too unless skipped.
  std::vector<ChangeSpec> Transaction(bool skipped) {
    std::vector<ChangeSpec> changes;
    for (int i = Below(6); i >= 0; --i) {
      if (auto change = Step(skipped)) changes.push_back(std::move(*change));
    }
    return changes;
  }

  const Relation relation = MakeRelation(1, "t", {"id*", "a", "b", "c"});
  TwinRows real;
  TwinRows twin;
  std::map<ConflictKind, int> met;

 private:
  int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  std::string NewValue() { return "v" + std::to_string(++values_); }
  static Row Cells(int id, const TwinRow& row) {
    return {std::to_string(id), row[0], row[1], row[2]};
  }
  static Row KeyCells(int id) { return {std::to_string(id), nullptr, nullptr, nullptr}; }

  std::optional<ChangeSpec> Step(bool skipped) {
    const int id = Below(8);
    const int dice = Below(100);
    if (dice == 0) {
      real.clear();
      if (!skipped) twin.clear();
      return Truncate({relation});
    }
    if (!real.contains(id)) return Add(id, skipped);
    if (dice < 80) return Set(id, skipped);
    return dice < 90 ? Rename(id, Below(8), skipped) : Remove(id, skipped);
  }

  ChangeSpec Add(int id, bool skipped) {
    const TwinRow row = {NewValue(), NewValue(), NewValue()};
    real[id] = row;
    if (!skipped && !twin.insert_or_assign(id, row).second) ++met[ConflictKind::kTakenKey];
    return Insert(relation, Cells(id, row));
  }

  ChangeSpec Set(int id, bool skipped) {
    const auto column = static_cast<size_t>(Below(3));
    const std::string value = NewValue();
    real[id][column] = value;
    if (!skipped) {
      if (const auto row = twin.find(id); row != twin.end()) {
        row->second[column] = value;
      } else {
        ++met[ConflictKind::kMissingRow];
      }
    }
    Row cells = Cells(id, real[id]);
    for (size_t i = 0; i < 3; ++i) {
      if (i != column && Below(3) == 0) cells[i + 1] = kUnchanged;
    }
    return Update(relation, cells);
  }

  std::optional<ChangeSpec> Rename(int id, int to, bool skipped) {
    if (real.contains(to)) return std::nullopt;
    real[to] = real[id];
    real.erase(id);
    if (!skipped) {
      if (const auto row = twin.find(id); row != twin.end()) {
        const TwinRow moved = row->second;
        twin.erase(row);
        if (!twin.insert_or_assign(to, moved).second) ++met[ConflictKind::kTakenKey];
      } else {
        ++met[ConflictKind::kMissingRow];
      }
    }
    return UpdateKey(relation, KeyCells(id), Cells(to, real[to]));
  }

  ChangeSpec Remove(int id, bool skipped) {
    real.erase(id);
    if (!skipped && twin.erase(id) == 0) ++met[ConflictKind::kMissingRow];
    return Delete(relation, KeyCells(id));
  }

  std::mt19937 random_;
  int values_ = 0;
};

TwinRows TwinRowsOf(const DatabaseState& state) {
  TwinRows rows;
  const TableState* table = state.FindTable({"public", "t"});
  const auto visited = table->ForEachRow(0, table->row_count(), [&](Tuple row) -> Result<void> {
    rows[std::stoi(std::string(row[0].bytes))] = {
        std::string(row[1].bytes), std::string(row[2].bytes), std::string(row[3].bytes)};
    return {};
  });
  EXPECT_TRUE(visited);
  return rows;
}

class WhatIfPropertyTest : public testing::TestWithParam<unsigned> {};

TEST_P(WhatIfPropertyTest, EqualsATwinWithoutTheTransactions) {
  TwinWorkload load(GetParam());
  ArchiveBuilder archive;
  archive.Snapshot(150, {{load.relation, {}}});
  std::vector<Lsn> skip;
  for (uint64_t lsn = 200; lsn < 200 + 8 * 40; lsn += 8) {
    const bool skipped = lsn % 40 == 0;
    if (skipped) skip.push_back(Lsn{lsn});
    archive.Commit(lsn, load.Transaction(skipped));
  }
  archive.Publish(1000);
  CountingObserver observer;
  const auto state = RebuildWithout(archive, skip, &observer);
  ASSERT_TRUE(state) << "seed " << GetParam() << ": " << state.error().ToString();
  EXPECT_EQ(TwinRowsOf(*state), load.twin) << "seed " << GetParam();
  observer.met.erase(ConflictKind::kBuiltOn);
  EXPECT_EQ(observer.met, load.met) << "seed " << GetParam();
  TwinRows parts;
  for (const uint32_t number : {1U, 2U}) {
    const auto part = RebuildWithout(archive, skip, &observer, {.number = number, .count = 2});
    ASSERT_TRUE(part) << "seed " << GetParam() << ": " << part.error().ToString();
    parts.merge(TwinRowsOf(*part));
  }
  EXPECT_EQ(parts, load.twin) << "seed " << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Seeds, WhatIfPropertyTest, testing::Range(0U, 16U));

}  // namespace
}  // namespace trunkline::test
