#include "daemon/spooled_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "archive/appender.h"
#include "archive/directory_store.h"
#include "archive/verify.h"
#include "tests/unit/archive/sample_archive.h"

namespace trunkline {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint32_t kTimeline = SampleArchive::kTimeline;
constexpr uint32_t kServer = SampleArchive::kServer;

// A directory that is away for as long as the test says.
class AwayStore : public Store {
 public:
  AwayStore(const std::string& root, const std::atomic<bool>* away)
      : store_(NewDirectoryStore(root, root)), away_(away) {}
  std::string url() const override { return store_->url(); }
  Result<std::vector<ObjectInfo>> List(std::string_view prefix) const override {
    TRY(Reach());
    return store_->List(prefix);
  }
  Result<std::unique_ptr<ByteSource>> Open(std::string_view name) const override {
    TRY(Reach());
    return store_->Open(name);
  }
  Result<void> Put(std::span<const NewObject> objects) override {
    TRY(Reach());
    return store_->Put(objects);
  }
  Result<void> Remove(std::span<const std::string> names) override {
    TRY(Reach());
    return store_->Remove(names);
  }

 private:
  Result<void> Reach() const {
    if (*away_) return Fail(ErrorKind::kUnavailable, "the archive is away");
    return {};
  }

  const std::unique_ptr<Store> store_;
  const std::atomic<bool>* away_;
};

class SpooledStoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<SpooledStore>> Open(uint64_t max_bytes = 1 << 30,
                                             const std::string& archive = "archive") {
    return SpooledStore::Open(
        std::make_unique<AwayStore>(folder_ / archive, &away_),
        {.directory = folder_.path(), .max_bytes = max_bytes, .metrics = &metrics_});
  }
  static Result<void> Append(Appender* appender, uint64_t end) {
    return appender->AppendSegment(Transactions({end - 0x100}), {end}, kTimeline, kServer);
  }
  std::vector<ObjectInfo> Archived() {
    return Must(NewDirectoryStore(folder_ / "archive", "")->List(kSegmentPrefix));
  }
  std::vector<ObjectInfo> Spooled() {
    return Must(NewDirectoryStore(folder_ / "trunkline-confirmed", "")->List(kSegmentPrefix));
  }
  bool Reaches(size_t segments) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(20);
    while (Archived().size() < segments) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return true;
  }
  // An archive with a segment up to 0x2000, and the spool that goes with it.
  std::unique_ptr<SpooledStore> Begin(std::unique_ptr<Appender>* appender,
                                      uint64_t max_bytes = 1 << 30) {
    std::unique_ptr<SpooledStore> store = Must(Open(max_bytes));
    *appender = Must(Appender::Open(store.get(), SampleIdentity()));
    (*appender)->set_begin({0x1000});
    Must(Append(appender->get(), 0x2000));
    EXPECT_TRUE(Reaches(1));
    return store;
  }
  void ExpectWhole(uint64_t end) {
    const auto store = NewDirectoryStore(folder_ / "archive", "");
    const auto appender = Must(Appender::Open(store.get(), SampleIdentity()));
    EXPECT_EQ(appender->end(), Lsn{end});
    EXPECT_THAT(Must(Verify(*store, {})).findings, IsEmpty());
  }

  TemporaryFolder folder_;
  std::atomic<bool> away_ = false;
  Metrics metrics_;
};

TEST_F(SpooledStoreTest, SegmentsGoOnToTheArchive) {
  std::unique_ptr<Appender> appender;
  const auto store = Begin(&appender);
  for (uint64_t end = 0x3000; end <= 0x8000; end += 0x1000) Must(Append(appender.get(), end));
  EXPECT_TRUE(store->Drain(seconds(10)));
  EXPECT_EQ(Archived().size(), 7U);
  ExpectWhole(0x8000);
}

TEST_F(SpooledStoreTest, TakesSegmentsWhileTheArchiveIsAwayAndOverARestart) {
  std::unique_ptr<Appender> appender;
  auto store = Begin(&appender);
  away_ = true;
  for (uint64_t end = 0x3000; end <= 0x6000; end += 0x1000) Must(Append(appender.get(), end));
  EXPECT_EQ(appender->end(), Lsn{0x6000});
  store.reset();
  store = Must(Open());  // the archive is still away
  appender = Must(Appender::Open(store.get(), SampleIdentity()));
  EXPECT_EQ(appender->end(), Lsn{0x6000});
  Must(Append(appender.get(), 0x7000));
  EXPECT_EQ(Archived().size(), 1U);
  EXPECT_EQ(metrics_.Read().archived, Lsn{0x2000});
  EXPECT_GT(metrics_.Read().pending_bytes, 0U);
  away_ = false;
  EXPECT_TRUE(Reaches(6));
  EXPECT_TRUE(store->Drain(seconds(10)));
  ExpectWhole(0x7000);
  EXPECT_EQ(metrics_.Read().archived, Lsn{0x7000});
  EXPECT_EQ(metrics_.Read().pending_bytes, 0U);
  EXPECT_FALSE(metrics_.Read().errors.empty());
  EXPECT_LE(Spooled().size(), 2U) << "what the archive has is not kept";
}

TEST_F(SpooledStoreTest, TakesNoMoreThanItsBound) {
  std::unique_ptr<Appender> appender;
  const auto store = Begin(&appender, 2000);
  away_ = true;
  Result<void> appended;
  uint64_t end = 0x2000;
  while (appended && end < 0x100000) appended = Append(appender.get(), end += 0x1000);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(appended.error().ToString(), HasSubstr("--spool-max-bytes"));
  EXPECT_LE(Spooled().size(), 8U);
  away_ = false;
  EXPECT_TRUE(store->Drain(seconds(10)));
  EXPECT_TRUE(appender->PublishPending());
  EXPECT_TRUE(store->Drain(seconds(10)));
  ExpectWhole(end);
}

TEST_F(SpooledStoreTest, TakesWhatIsPutTogetherAsThereIsRoom) {
  std::unique_ptr<Appender> appender;
  const auto store = Begin(&appender, 2000);
  for (uint64_t end = 0x3000; end <= 0x12000; end += 0x1000) {
    Must(appender->AddSegment(Transactions({end - 0x100}), {end}, kTimeline, kServer));
  }
  away_ = true;
  EXPECT_FALSE(appender->PublishPending());
  away_ = false;
  int tries = 1;
  for (; tries < 20 && !appender->PublishPending(); ++tries) {
    EXPECT_TRUE(store->Drain(seconds(10)));
    EXPECT_EQ(metrics_.Read().pending_bytes, 0U);
  }
  EXPECT_LT(tries, 20);
  EXPECT_TRUE(store->Drain(seconds(10)));
  ExpectWhole(0x12000);
}

TEST_F(SpooledStoreTest, GoesOnBehindAnArchiveThatGrewWithoutIt) {
  std::unique_ptr<Appender> appender;
  auto store = Begin(&appender);
  store.reset();
  const auto archive = NewDirectoryStore(folder_ / "archive", "");
  Must(Append(Must(Appender::Open(archive.get(), SampleIdentity())).get(), 0x3000));
  store = Must(Open());
  appender = Must(Appender::Open(store.get(), SampleIdentity()));
  EXPECT_EQ(appender->end(), Lsn{0x3000});
  Must(Append(appender.get(), 0x4000));
  EXPECT_TRUE(store->Drain(seconds(10)));
  ExpectWhole(0x4000);
}

// Only the answer of a Put was lost; the daemon opens the archive anew instead of trying again.
TEST_F(SpooledStoreTest, LeavesNothingOutThatItHasShown) {
  std::unique_ptr<Appender> appender;
  const auto store = Begin(&appender);
  const auto folder = NewDirectoryStore(folder_ / "trunkline-confirmed", "");
  Must(Append(Must(Appender::Open(folder.get(), SampleIdentity())).get(), 0x3000));
  EXPECT_TRUE(store->Drain(seconds(10)));
  EXPECT_EQ(Archived().size(), 1U);
  appender = Must(Appender::Open(store.get(), SampleIdentity()));
  EXPECT_EQ(appender->end(), Lsn{0x3000});
  EXPECT_TRUE(store->Drain(seconds(10)));
  EXPECT_EQ(Archived().size(), 2U);
  Must(Append(appender.get(), 0x4000));
  EXPECT_TRUE(store->Drain(seconds(10)));
  ExpectWhole(0x4000);
}

TEST_F(SpooledStoreTest, RefusesToContinueAnotherArchive) {
  std::unique_ptr<Appender> appender;
  auto store = Begin(&appender);
  away_ = true;
  Must(Append(appender.get(), 0x3000));
  store.reset();
  away_ = false;
  // Of the same source, but with another past.
  fs::remove_all(folder_ / "archive");
  const auto archive = NewDirectoryStore(folder_ / "archive", "");
  const auto other = Must(Appender::Open(archive.get(), SampleIdentity()));
  other->set_begin({0x1000});
  Must(other->AppendSegment(Transactions({}), {0x1800}, kTimeline, kServer));
  const auto refused = Open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kFailed);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("begin at 0/1000, and it ends at 0/1800"));
  EXPECT_EQ(Spooled().size(), 2U) << "nothing is thrown away";
}

TEST_F(SpooledStoreTest, RefusesTheArchiveOfAnotherSource) {
  std::unique_ptr<Appender> appender;
  Begin(&appender).reset();
  Identity identity = SampleIdentity();
  identity.slot = "another";
  const auto archive = NewDirectoryStore(folder_ / "other", "");
  Must(Appender::Open(archive.get(), identity));
  const auto refused = Open(1 << 30, "other");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kWrongSource);
}

TEST_F(SpooledStoreTest, SaysLaterThatTheArchiveWentOnDifferently) {
  std::unique_ptr<Appender> appender;
  const auto store = Begin(&appender);
  away_ = true;
  Must(Append(appender.get(), 0x3000));
  const auto archive = NewDirectoryStore(folder_ / "archive", "");
  Must(Must(Appender::Open(archive.get(), SampleIdentity()))
           ->AppendSegment(Transactions({}), {0x2800}, kTimeline, kServer));
  away_ = false;
  const Result<void> drained = store->Drain(seconds(10));
  ASSERT_FALSE(drained);
  EXPECT_THAT(drained.error().message, HasSubstr("do not continue the archive"));
  EXPECT_FALSE(Append(appender.get(), 0x4000)) << "nothing more is confirmed";
}

TEST_F(SpooledStoreTest, BelongsToOneProcess) {
  const auto store = Must(Open());
  const auto second = Open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kUnavailable);
}

TEST_F(SpooledStoreTest, AnArchiveNeverReachedIsAnError) {
  away_ = true;
  ASSERT_FALSE(Open());
}

}  // namespace
}  // namespace trunkline
