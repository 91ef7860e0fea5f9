#include "daemon/publisher.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "archive/byte_source.h"
#include "archive/catalog.h"
#include "archive/store.h"

namespace trunkline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A store in memory whose Put does as the test says.
class ScriptedStore : public Store {
 public:
  std::string url() const override { return "memory:"; }
  Result<std::vector<ObjectInfo>> List(std::string_view prefix) const override {
    const std::scoped_lock lock(mutex_);
    std::vector<ObjectInfo> infos;
    for (const auto& [name, bytes] : objects_) {
      if (name.starts_with(prefix)) infos.push_back({name, bytes.size()});
    }
    return infos;
  }
  Result<std::unique_ptr<ByteSource>> Open(std::string_view name) const override {
    const std::scoped_lock lock(mutex_);
    const auto found = objects_.find(std::string(name));
    if (found == objects_.end()) return Fail(ErrorKind::kNotFound, "no object");
    return NewMemorySource(found->second);
  }
  Result<void> Put(std::span<const NewObject> objects) override {
    while (stalled) std::this_thread::sleep_for(milliseconds(1));
    ++puts;
    if (failures > 0) {
      --failures;
      return Fail(failure_kind, "scripted");
    }
    for (const NewObject& object : objects) {
      Result<std::string> bytes = ReadAll(*object.content, 1 << 30);
      if (!bytes) return Fail(bytes.error());
      const std::scoped_lock lock(mutex_);
      objects_.emplace(object.name, *std::move(bytes));
    }
    return {};
  }
  Result<void> Remove(std::span<const std::string>) override { return {}; }

  std::atomic<bool> stalled = false;
  std::atomic<int> failures = 0;
  ErrorKind failure_kind = ErrorKind::kUnavailable;
  std::atomic<int> puts = 0;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> objects_;
};

class PublisherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Identity identity;
    identity.system_identifier = "1";
    Result<std::unique_ptr<Appender>> appender = Appender::Open(&store_, identity);
    ASSERT_TRUE(appender);
    appender_ = *std::move(appender);
    appender_->set_begin(Lsn{1000});
    publisher_ = std::make_unique<Publisher>(appender_.get(), Source{}, &wakeup_, &metrics_);
  }
  void TearDown() override { store_.stalled = false; }

  // An empty segment that follows the one before it.
  void Submit() {
    publisher_->Submit(SegmentWriter(SegmentOptions{}), Lsn{next_end_ - 100}, Lsn{next_end_}, 0);
    next_end_ += 100;
  }
  // Waits as the capture loop does.
  bool WaitUntil(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      WaitFor(wakeup_, milliseconds(20));
      wakeup_.Clear();
    }
    return true;
  }
  size_t Segments() { return LoadCatalog(store_)->segments.size(); }

  ScriptedStore store_;
  Wakeup wakeup_;
  Metrics metrics_;
  std::unique_ptr<Appender> appender_;
  std::unique_ptr<Publisher> publisher_;
  uint64_t next_end_ = 1100;
};

TEST_F(PublisherTest, AppendsInOrderAndTellsWhenItIsDurable) {
  EXPECT_EQ(publisher_->durable_end(), Lsn{});
  Submit();
  EXPECT_TRUE(WaitUntil([this] { return publisher_->durable_end() == Lsn{1100}; }));
  Submit();
  EXPECT_TRUE(WaitUntil([this] { return publisher_->idle(); }));
  EXPECT_EQ(publisher_->durable_end(), Lsn{1200});
  EXPECT_EQ(Segments(), 2u);
}

TEST_F(PublisherTest, AStalledStoreHoldsNobodyUpAndNothingCountsAsDurable) {
  store_.stalled = true;
  while (!publisher_->full()) Submit();
  EXPECT_EQ(publisher_->durable_end(), Lsn{});
  EXPECT_FALSE(publisher_->idle());
  store_.stalled = false;
  EXPECT_TRUE(WaitUntil([this] { return publisher_->idle(); }));
  EXPECT_EQ(publisher_->durable_end(), Lsn{next_end_ - 100});
}

TEST_F(PublisherTest, SegmentsThatWaitedGoIntoTheStoreTogether) {
  store_.stalled = true;
  Submit();
  ASSERT_TRUE(WaitUntil([&] { return publisher_->store_called().has_value(); }));
  Submit();
  Submit();
  EXPECT_TRUE(publisher_->full());
  store_.stalled = false;
  EXPECT_TRUE(WaitUntil([&] { return publisher_->idle(); }));
  EXPECT_EQ(publisher_->durable_end(), Lsn{1300});
  EXPECT_EQ(store_.puts, 3) << "the identity, the first segment, the other two";
}

TEST_F(PublisherTest, TellsSinceWhenTheStoreHasNotReturned) {
  EXPECT_FALSE(publisher_->store_called().has_value());
  store_.stalled = true;
  const auto before = Publisher::Clock::now();
  Submit();
  EXPECT_TRUE(WaitUntil([this] { return publisher_->store_called().has_value(); }));
  const auto called = publisher_->store_called().value();
  EXPECT_GE(called, before);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(publisher_->store_called(), called);
  store_.stalled = false;
  EXPECT_TRUE(WaitUntil([this] { return !publisher_->store_called().has_value(); }));
}

TEST_F(PublisherTest, AnUnavailableStoreIsTriedAgainWithTheSameSegment) {
  store_.failures = 2;
  Submit();
  EXPECT_TRUE(WaitUntil([this] { return publisher_->durable_end() == Lsn{1100}; }));
  EXPECT_FALSE(publisher_->failure().has_value());
  EXPECT_EQ(Segments(), 1u);
  const MetricsReading reading = metrics_.Read();
  EXPECT_EQ(reading.segments, 1u);
  EXPECT_EQ(reading.archived, Lsn{1100});
  EXPECT_EQ(reading.errors.at({ErrorArea::kArchive, ErrorKind::kUnavailable}), 2u);
  EXPECT_FALSE(reading.archive_away);
}

TEST_F(PublisherTest, AStoreWhoseRightsWereTakenAwayIsTriedUntilTheyAreBack) {
  store_.failures = 2;
  store_.failure_kind = ErrorKind::kDenied;
  Submit();
  EXPECT_TRUE(WaitUntil([this] { return publisher_->durable_end() == Lsn{1100}; }));
  EXPECT_FALSE(publisher_->failure().has_value());
}

TEST_F(PublisherTest, AnotherWritersSegmentEndsIt) {
  store_.failures = 1;
  store_.failure_kind = ErrorKind::kAlreadyExists;
  Submit();
  EXPECT_TRUE(WaitUntil([this] { return publisher_->failure().has_value(); }));
  EXPECT_EQ(publisher_->failure()->kind, ErrorKind::kConflict);
  EXPECT_EQ(publisher_->durable_end(), Lsn{});
}

TEST_F(PublisherTest, AnotherFailureIsFinal) {
  store_.failures = 1;
  store_.failure_kind = ErrorKind::kCorrupt;
  Submit();
  EXPECT_TRUE(WaitUntil([this] { return publisher_->failure().has_value(); }));
  EXPECT_EQ(publisher_->failure()->kind, ErrorKind::kCorrupt);
  EXPECT_EQ(publisher_->durable_end(), Lsn{});
  EXPECT_EQ(Segments(), 0u);
}

TEST_F(PublisherTest, EndsWhileTheStoreIsAway) {
  store_.failures = 1'000'000;
  Submit();
  Submit();
  EXPECT_TRUE(WaitUntil([this] { return store_.puts > 1; }));
  const auto begun = std::chrono::steady_clock::now();
  publisher_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(5));
}

}  // namespace
}  // namespace trunkline
