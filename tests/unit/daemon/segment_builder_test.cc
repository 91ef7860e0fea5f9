#include "daemon/segment_builder.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/unit/daemon/logged.h"

namespace trunkline {
namespace {

class SegmentBuilderTest : public ::testing::Test {
 protected:
  static constexpr Lsn kArchived{1000};

  void Build(std::optional<Lsn> end_position = std::nullopt, uint64_t max_bytes = 1 << 30) {
    builder_.emplace(
        SegmentOptions{}, max_bytes, kArchived, end_position,
        [this]() -> Result<void> {
          ++heartbeats_;
          return {};
        },
        nullptr);
  }
  void SetUp() override { Build(); }

  static TransactionInfo Info(uint32_t xid, uint64_t commit_lsn) {
    return {.xid = Xid{xid}, .commit_lsn = Lsn{commit_lsn}, .commit_time = Timestamp{1}};
  }
  void Begin(uint64_t commit_lsn, uint32_t xid = 7) {
    ASSERT_TRUE(builder_->Begin(Info(xid, commit_lsn)));
  }
  void Change() {
    trunkline::Change change;
    change.operation = Operation::kMessage;
    change.prefix = "p";
    change.content = "c";
    ASSERT_TRUE(builder_->OnChange(change));
  }
  void Commit(uint64_t commit_lsn, uint64_t end_lsn, uint32_t xid = 7) {
    TransactionInfo info = Info(xid, commit_lsn);
    info.end_lsn = Lsn{end_lsn};
    ASSERT_TRUE(builder_->Commit(info));
  }
  void Transaction(uint64_t commit_lsn, uint64_t end_lsn, uint32_t xid = 7) {
    Begin(commit_lsn, xid);
    Change();
    Commit(commit_lsn, end_lsn, xid);
  }

  std::optional<SegmentBuilder> builder_;
  int heartbeats_ = 0;
};

TEST_F(SegmentBuilderTest, KnowsTheOldestCommitThatItHolds) {
  EXPECT_FALSE(builder_->oldest_commit().has_value());
  Transaction(500, 510);  // the archive has it
  EXPECT_FALSE(builder_->oldest_commit().has_value());
  Transaction(1010, 1020);
  EXPECT_EQ(builder_->oldest_commit(), Timestamp{1});
  (void)builder_->Take();
  EXPECT_FALSE(builder_->oldest_commit().has_value());
}

TEST_F(SegmentBuilderTest, CollectsWholeTransactions) {
  EXPECT_EQ(builder_->position(), kArchived);
  Transaction(1010, 1020);
  Transaction(1030, 1040);
  EXPECT_EQ(builder_->transactions(), 2u);
  EXPECT_EQ(builder_->position(), Lsn{1040});
  EXPECT_EQ(builder_->Take().transactions(), 2u);
  EXPECT_TRUE(builder_->empty());
}

TEST_F(SegmentBuilderTest, TransactionsThatTheArchiveHasArePassedOver) {
  Transaction(900, 1000);
  EXPECT_TRUE(builder_->empty());
  Transaction(1000, 1008);  // begins where the archive ends
  EXPECT_EQ(builder_->transactions(), 1u);
}

TEST_F(SegmentBuilderTest, MessagesOfTheirOwnGoByTheirEnd) {
  Transaction(1000, 1000, /*xid=*/0);
  EXPECT_TRUE(builder_->empty());
  Transaction(1001, 1001, /*xid=*/0);
  EXPECT_EQ(builder_->transactions(), 1u);
}

TEST_F(SegmentBuilderTest, TransactionsWithoutChangesLeaveNoTraceButCountAsProgress) {
  Begin(1010);
  Commit(1010, 1020);
  EXPECT_TRUE(builder_->empty());
  EXPECT_EQ(builder_->position(), Lsn{1020});
}

TEST_F(SegmentBuilderTest, CannotBeTakenWithATransactionHalfWritten) {
  Begin(1010);
  EXPECT_TRUE(builder_->can_take());  // nothing of it is written
  Change();
  EXPECT_FALSE(builder_->can_take());
  EXPECT_EQ(builder_->position(), kArchived);
  Commit(1010, 1020);
  EXPECT_TRUE(builder_->can_take());
}

TEST_F(SegmentBuilderTest, KeepalivesAreProgressBetweenTransactions) {
  builder_->Progress(Lsn{1100});
  EXPECT_EQ(builder_->position(), Lsn{1100});
  builder_->Progress(Lsn{1050});
  EXPECT_EQ(builder_->position(), Lsn{1100});
  Begin(1200);
  builder_->Progress(Lsn{1300});
  EXPECT_EQ(builder_->position(), Lsn{1100});
}

TEST_F(SegmentBuilderTest, StopsAheadOfATransactionPastTheEnd) {
  Build(Lsn{2000});
  Transaction(1990, 2000);
  EXPECT_TRUE(builder_->reached_end());
  Build(Lsn{2000});
  Transaction(1990, 1999);
  EXPECT_FALSE(builder_->reached_end());
  Transaction(2005, 2010);
  EXPECT_TRUE(builder_->reached_end());
  EXPECT_EQ(builder_->transactions(), 1u);
  EXPECT_EQ(builder_->position(), Lsn{2005});
  Transaction(2020, 2030);
  builder_->Progress(Lsn{3000});
  EXPECT_EQ(builder_->transactions(), 1u);
  EXPECT_EQ(builder_->position(), Lsn{2005});
}

TEST_F(SegmentBuilderTest, ATransactionWhoseCommitRecordHoldsTheEndBelongs) {
  Build(Lsn{2000});
  Transaction(1990, 2010);
  EXPECT_EQ(builder_->transactions(), 1u);
  EXPECT_TRUE(builder_->reached_end());
  EXPECT_EQ(builder_->position(), Lsn{2010});
}

TEST_F(SegmentBuilderTest, AKeepalivePastTheEndReachesIt) {
  Build(Lsn{2000});
  builder_->Progress(Lsn{1999});
  EXPECT_FALSE(builder_->reached_end());
  builder_->Progress(Lsn{2001});
  EXPECT_TRUE(builder_->reached_end());
  EXPECT_EQ(builder_->position(), Lsn{2001});
}

TEST_F(SegmentBuilderTest, ClosesBySizeAndOnRequestAtTransactionEnds) {
  Transaction(1010, 1020);
  EXPECT_FALSE(builder_->full());
  builder_->CloseAtNextCommit();
  EXPECT_FALSE(builder_->full());
  Transaction(1030, 1040);
  EXPECT_TRUE(builder_->full());
  (void)builder_->Take();
  EXPECT_FALSE(builder_->full());
  Build(std::nullopt, /*max_bytes=*/1);
  Begin(1050);
  for (int i = 0; i < 100'000; ++i) Change();
  EXPECT_FALSE(builder_->full());
  Commit(1050, 1060);
  EXPECT_TRUE(builder_->full());
}

TEST_F(SegmentBuilderTest, AMessageOfAnUnknownTypeIsArchivedAndWarnedOfOnce) {
  const Logged logged;
  trunkline::Change raw;
  raw.operation = Operation::kRaw;
  raw.content = "zsecret";
  for (const uint64_t lsn : {1010, 1030}) {
    Begin(lsn);
    ASSERT_TRUE(builder_->OnChange(raw));
    Commit(lsn, lsn + 10);
  }
  EXPECT_EQ(builder_->changes(), 2u);
  EXPECT_EQ(logged.lines(),
            "warning the source sent a message of the unknown type 0x7a in the transaction that "
            "commits at 0/3F2: archived as it came. Targets past it need a version of trunkline "
            "that knows the type\n");
}

TEST_F(SegmentBuilderTest, ALongTransactionBeatsTheHeart) {
  Begin(1010);
  for (int i = 0; i < 5000; ++i) Change();
  EXPECT_GE(heartbeats_, 4);
}

}  // namespace
}  // namespace trunkline
