#include "archive/segment_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "archive/decoded_block.h"

namespace trunkline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A segment whose bytes are in order, whatever it holds: what no writer of ours makes.
class FakeReader : public SegmentReader {
 public:
  FakeReader(SegmentKind kind, uint64_t begin, uint64_t end) {
    header_.kind = kind;
    header_.begin = {begin};
    header_.end = {end};
  }

  // Adds a block of one slice with one insert, as a part of a transaction.
  FakeReader& Slice(uint64_t commit, uint64_t end, bool begins = true, bool ends = true) {
    TransactionSlice slice;
    slice.info.commit_lsn = {commit};
    slice.info.end_lsn = {end};
    slice.begins = begins;
    slice.ends = ends;
    slice.change_count = 1;
    slices_.push_back(slice);
    blocks_.push_back({});
    blocks_.back().offset = 100 * blocks_.size();
    blocks_.back().size = 100;
    transactions_ += ends ? 1 : 0;
    return *this;
  }
  FakeReader& Counts(uint64_t transactions, uint64_t changes) {
    transactions_ = transactions;
    changes_offset_ = changes - blocks_.size();
    return *this;
  }
  FakeReader& Operations(Operation operation) {
    operation_ = operation;
    return *this;
  }
  FakeReader& Digest(std::string digest) {
    digest_ = std::move(digest);
    return *this;
  }

  const std::string& name() const override { return digest_; }
  const SegmentHeader& header() const override { return header_; }
  const std::string& digest() const override { return digest_; }
  std::span<const Relation> relations() const override { return relations_; }
  std::span<const BlockStats> blocks() const override { return blocks_; }
  uint64_t transactions() const override { return transactions_; }
  uint64_t changes() const override { return blocks_.size() + changes_offset_; }
  Result<void> ReadBlock(size_t index, BlockForm, DecodedBlock* block) const override {
    Change change;
    change.operation = operation_;
    change.relation = &relations_[0];
    block->storage()->slices = {slices_[index]};
    block->storage()->changes = {change};
    return {};
  }
  Result<void> CheckDigest() const override { return {}; }

  Relation& relation() { return relations_[0]; }

 private:
  SegmentHeader header_;
  std::string digest_ = "digest";
  std::vector<Relation> relations_ = std::vector<Relation>(1);
  std::vector<BlockStats> blocks_;
  std::vector<TransactionSlice> slices_;
  uint64_t transactions_ = 0;
  uint64_t changes_offset_ = 0;
  Operation operation_ = Operation::kInsert;
};

void NoProgress(uint64_t) {}

std::string Problem(const Result<void>& result) { return result ? "" : result.error().message; }
std::string Changes(const SegmentReader& reader) {
  return Problem(CheckChanges(reader, NoProgress));
}

FakeReader Segment() { return FakeReader(SegmentKind::kChanges, 100, 200); }

TEST(CheckChangesTest, TakesTransactionsInOrder) {
  EXPECT_EQ(Changes(Segment()), "");
  EXPECT_EQ(Changes(Segment().Slice(100, 108).Slice(108, 116).Slice(192, 200)), "");
  EXPECT_EQ(Changes(Segment().Slice(150, 150)), "") << "a message that stands alone";
}

TEST(CheckChangesTest, TakesATransactionOverSeveralBlocks) {
  EXPECT_EQ(Changes(Segment()
                        .Slice(150, 0, true, false)
                        .Slice(150, 0, false, false)
                        .Slice(150, 158, false, true)
                        .Slice(158, 160)),
            "");
}

TEST(CheckChangesTest, FindsATransactionOutsideOfTheRange) {
  EXPECT_THAT(Changes(Segment().Slice(92, 100)), HasSubstr("ends at 0/64 is not of its range"));
  EXPECT_THAT(Changes(Segment().Slice(200, 208)), HasSubstr("not of its range"));
}

TEST(CheckChangesTest, FindsTransactionsOutOfOrder) {
  EXPECT_THAT(Changes(Segment().Slice(150, 158).Slice(120, 128)), HasSubstr("out of commit order"));
  EXPECT_THAT(Changes(Segment().Slice(150, 158).Slice(150, 158)), HasSubstr("out of commit order"));
  EXPECT_THAT(Changes(Segment().Slice(150, 158).Slice(154, 162)), HasSubstr("out of commit order"));
  EXPECT_THAT(Changes(Segment().Slice(158, 150)), HasSubstr("out of commit order"));
}

TEST(CheckChangesTest, FindsPartsOfTransactions) {
  EXPECT_THAT(Changes(Segment().Slice(150, 158, false, true)), HasSubstr("out of turn"));
  EXPECT_THAT(Changes(Segment().Slice(150, 0, true, false).Slice(160, 168)),
              HasSubstr("out of turn"));
  EXPECT_THAT(Changes(Segment().Slice(150, 0, true, false)), HasSubstr("has no end"));
}

TEST(CheckChangesTest, FindsWrongCounts) {
  EXPECT_THAT(Changes(Segment().Slice(150, 158).Counts(2, 1)), HasSubstr("transactions is wrong"));
  EXPECT_THAT(Changes(Segment().Slice(150, 158).Counts(1, 2)), HasSubstr("changes is wrong"));
}

TEST(CheckChangesTest, FindsChangesInAGap) {
  EXPECT_EQ(Changes(FakeReader(SegmentKind::kGap, 100, 200)), "");
  EXPECT_THAT(Changes(FakeReader(SegmentKind::kGap, 100, 200).Slice(150, 158)),
              HasSubstr("records a gap"));
}

TEST(CheckChangesTest, TellsItsProgress) {
  std::vector<uint64_t> seen;
  FakeReader reader = Segment().Slice(150, 158).Slice(160, 168);
  ASSERT_TRUE(CheckChanges(reader, [&seen](uint64_t bytes) { seen.push_back(bytes); }));
  EXPECT_THAT(seen, ElementsAre(200, 300));
}

class CheckSnapshotPartTest : public testing::Test {
 protected:
  CheckSnapshotPartTest() : reader_(SegmentKind::kSnapshot, 150, 150) {
    reader_.Slice(150, 150);
    part_.digest = "digest";
    part_.rows = 1;
  }
  std::string Check() { return Problem(CheckSnapshotPart(reader_, part_, NoProgress)); }

  FakeReader reader_;
  SnapshotPart part_;
};

TEST_F(CheckSnapshotPartTest, TakesThePartOfTheManifest) { EXPECT_EQ(Check(), ""); }

TEST_F(CheckSnapshotPartTest, FindsAnotherDigest) {
  part_.digest = "other";
  EXPECT_THAT(Check(), HasSubstr("not the part"));
}

TEST_F(CheckSnapshotPartTest, FindsAnotherNumberOfRows) {
  part_.rows = 2;
  EXPECT_EQ(Check(), "it has 1 rows instead of 2");
}

TEST_F(CheckSnapshotPartTest, FindsRowsOfAnotherTable) {
  reader_.relation().name = "other";
  EXPECT_THAT(Check(), HasSubstr("more than rows of its table"));
}

TEST_F(CheckSnapshotPartTest, FindsOtherChangesThanInserts) {
  reader_.Operations(Operation::kDelete);
  EXPECT_THAT(Check(), HasSubstr("more than rows of its table"));
}

TEST(CheckManifestTest, WantsOneDefinition) {
  const auto check = [](const FakeReader& reader) {
    return Problem(CheckManifest(reader, NoProgress));
  };
  FakeReader manifest(SegmentKind::kManifest, 150, 150);
  EXPECT_THAT(check(manifest), HasSubstr("one definition"));
  manifest.Slice(150, 150).Operations(Operation::kDefinition);
  EXPECT_EQ(check(manifest), "");
  manifest.Operations(Operation::kInsert);
  EXPECT_THAT(check(manifest), HasSubstr("more than a definition"));
  manifest.Operations(Operation::kDefinition).Slice(150, 150);
  EXPECT_THAT(check(manifest), HasSubstr("one definition"));
}

}  // namespace
}  // namespace trunkline
