// Segments merged and history removed where archives live in PFS and S3: what a reader meets there,
// and what a process leaves that is killed between any two writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "archive/compaction.h"
#include "archive/listed_segment.h"
#include "archive/retention.h"
#include "archive/transaction_digest.h"
#include "archive/verify.h"
#include "tests/s3_server/process.h"
#include "tests/s3_server/server.h"
#include "tests/unit/archive/sample_archive.h"
#include "tests/unit/stores/pfs_place.h"

namespace trunkline {
namespace {

using testing::IsEmpty;

struct Backend {
  const char* name;
  std::function<std::function<std::unique_ptr<Store>()>()> make;  // yields what connects
};

std::function<std::unique_ptr<Store>()> InS3(const std::vector<std::string>& options) {
  auto server = std::make_shared<test::S3TestServer>(options);
  test::UseS3Credentials();
  return [server] { return Must(OpenStore(test::S3Url(server->endpoint(), "kept/archive"))); };
}

std::vector<Backend> Backends() {
  return {{"S3", [] { return InS3({}); }},
          {"Gateway",
           [] {
             return InS3({"--conditions", "ignored", "--first-version", "--page-keys", "3"});
           }},
          {"Pfs", []() -> std::function<std::unique_ptr<Store>()> {
             auto place = std::make_shared<test::PfsPlace>();
             return [place] { return place->Connect(); };
           }}};
}

// Passes on so many writes, and then nothing more, as if it had been killed.
class CutStore final : public Store {
 public:
  CutStore(Store* store, int writes) : store_(*store), left_(writes) {}
  std::string url() const override { return store_.url(); }
  Result<std::vector<ObjectInfo>> List(std::string_view prefix) const override {
    return left_ < 0 ? Cut() : store_.List(prefix);
  }
  Result<std::unique_ptr<ByteSource>> Open(std::string_view name) const override {
    return left_ < 0 ? Cut() : store_.Open(name);
  }
  Result<void> Put(std::span<const NewObject> objects) override {
    return --left_ < 0 ? Cut() : store_.Put(objects);
  }
  Result<void> Remove(std::span<const std::string> names) override {
    for (const std::string& name : names) {
      if (--left_ < 0) return Cut();
      TRY(store_.Remove({&name, 1}));
    }
    return {};
  }
  bool cut() const { return left_ < 0; }

 private:
  static tl::unexpected<Error> Cut() { return Fail(ErrorKind::kCancelled, "cut"); }

  Store& store_;
  int left_;
};

class StoreMaintenanceTest : public testing::TestWithParam<Backend> {
 protected:
  StoreMaintenanceTest() : connect_(GetParam().make()), store_(connect_()) {
    SampleArchive sample;
    sample.Fill();
    SampleArchive::TakeSnapshot(sample.Open().get(), {0x3800});
    const std::string identity(kIdentityObject);
    std::vector<ObjectInfo> objects = Must(sample.store()->List(""));
    for (const ObjectInfo& object : objects) {
      const auto content = Must(sample.store()->Open(object.name));
      const NewObject copy{object.name, content.get()};
      Must(store_->Put({&copy, 1}));
    }
  }

  Catalog Listed() const { return Must(LoadCatalog(*store_)); }
  std::string SaidFrom(Lsn from) const {
    TransactionDigest digest;
    for (const SegmentEntry& entry : Listed().segments) {
      if (entry.end > from) Must(Must(OpenListed(*store_, entry.name))->ForEach(&digest));
    }
    return digest.Finish();
  }
  std::vector<Finding> Found() const { return Must(Verify(*store_, nullptr)).findings; }
  CompactionPlan PlanMerge() const { return Must(PlanCompaction(*store_, Listed(), {})); }

  std::function<std::unique_ptr<Store>()> connect_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreMaintenanceTest, KilledBetweenAnyTwoWritesItIsMadeGoodByTheNext) {
  const std::string said = SaidFrom({});
  const std::string said_later = SaidFrom({0x3000});
  bool killed = true;
  for (int writes = 0; killed; ++writes) {
    CutStore cut(store_.get(), writes);
    killed = !Compact(&cut, PlanMerge(), {}, nullptr);
    EXPECT_EQ(killed, cut.cut());
    EXPECT_EQ(SaidFrom({}), said) << writes;
    EXPECT_THAT(Found(), IsEmpty()) << writes;
  }
  EXPECT_EQ(Listed().segments.size(), 3) << "retention can cut where the newest snapshot begins";
  killed = true;
  for (int writes = 0; killed; ++writes) {
    CutStore cut(store_.get(), writes);
    killed = !Retain(&cut, Must(PlanRetention(*store_, Listed(), {0x4000})));
    EXPECT_EQ(killed, cut.cut());
    EXPECT_EQ(SaidFrom({0x3000}), said_later) << writes;
    EXPECT_THAT(Found(), IsEmpty()) << writes;
    EXPECT_NE(Listed().SnapshotAtOrBefore({0x4000}), nullptr) << writes;
  }
  EXPECT_EQ(Listed().retained->end, Lsn{0x3000});
  EXPECT_EQ(Must(store_->List("snapshots/")).size(), 4);
}

// In S3 an object that is being read can vanish; in PFS a reader keeps to its PFS commit.
TEST_P(StoreMaintenanceTest, AReaderUnderWhichSegmentsAreMergedIsToldToListAgain) {
  const std::unique_ptr<Store> reading = connect_();
  const Catalog before = Must(LoadCatalog(*reading));
  const auto opened = Must(OpenListed(*reading, before.segments.front().name));
  (void)Must(Compact(store_.get(), PlanMerge(), {}, nullptr));
  TransactionDigest digest;
  const Result<void> read = opened->ForEach(&digest);
  const auto another = OpenListed(*reading, before.segments[1].name);
  if (!read) {
    EXPECT_EQ(read.error().kind, ErrorKind::kConflict) << read.error().ToString();
  }
  if (!another) {
    EXPECT_EQ(another.error().kind, ErrorKind::kConflict) << another.error().ToString();
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreMaintenanceTest, testing::ValuesIn(Backends()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace trunkline
