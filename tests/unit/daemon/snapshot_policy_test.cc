#include "daemon/snapshot_policy.h"

#include <gtest/gtest.h>

#include "archive/catalog.h"
#include "tests/unit/archive/sample_archive.h"

namespace trunkline {
namespace {

using std::chrono::milliseconds;

class SnapshotPolicyTest : public testing::Test {
 protected:
  SnapshotPolicyTest() { archive_.Fill(); }

  void Add(SnapshotPolicy* policy, uint64_t begin, uint64_t end) {
    policy->AddSegment(*Must(OpenSegment(*archive_.store(), SegmentObjectName({begin}, {end}))));
  }
  // A commit's time is its LSN in seconds.
  static Timestamp At(int64_t seconds) { return {seconds * 1'000'000}; }

  SampleArchive archive_;
};

TEST_F(SnapshotPolicyTest, ByTheAgeOfTheOldestChangeSinceTheSnapshot) {
  SnapshotPolicy policy({.age = milliseconds(10'000), .bytes = {}});
  policy.NoteBase({0x1800});
  EXPECT_FALSE(policy.IsDue(At(1'000'000)));
  EXPECT_EQ(policy.NotDueFor(At(0)), std::nullopt);
  Add(&policy, 0x2000, 0x3000);
  EXPECT_FALSE(policy.IsDue(At(1'000'000))) << "there is no change in it";
  Add(&policy, 0x3000, 0x4000);
  EXPECT_FALSE(policy.IsDue(At(0x3000 + 9)));
  EXPECT_EQ(policy.NotDueFor(At(0x3000 + 9)), milliseconds(1000));
  EXPECT_TRUE(policy.IsDue(At(0x3000 + 10)));
  policy.NoteBase({0x4000});
  EXPECT_FALSE(policy.IsDue(At(1'000'000)));
  Add(&policy, 0x4000, 0x5000);
  EXPECT_TRUE(policy.IsDue(At(0x4100 + 10)));
}

TEST_F(SnapshotPolicyTest, ByTheBytesOfChangesSinceTheSnapshot) {
  SnapshotPolicy policy({.age = {}, .bytes = 100});
  policy.NoteBase({0x4000});
  Add(&policy, 0x1000, 0x2000);
  Add(&policy, 0x3000, 0x4000);
  EXPECT_FALSE(policy.IsDue(At(1'000'000))) << "all before the snapshot";
  Add(&policy, 0x4000, 0x5000);
  EXPECT_TRUE(policy.IsDue(At(0)));
  EXPECT_FALSE(SnapshotPolicy({}).IsDue(At(1'000'000)));
}

}  // namespace
}  // namespace trunkline
