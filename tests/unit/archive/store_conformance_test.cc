#include "tests/unit/archive/store_conformance.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/pattern_source.h"

namespace trunkline {
namespace {

using test::PatternSource;

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

// A source that fails half way.
class BreakingSource : public ByteSource {
 public:
  uint64_t size() const override { return 8 << 20; }
  Result<void> Read(uint64_t offset, char* buffer, size_t length) const override {
    if (offset + length > size() / 2) return Fail(ErrorKind::kFailed, "broken");
    std::memset(buffer, 'x', length);
    return {};
  }
};

std::vector<std::string> Names(const Store& store, std::string_view prefix = "") {
  const auto objects = store.List(prefix);
  if (!objects) return {"error: " + objects.error().ToString()};
  std::vector<std::string> names;
  for (const ObjectInfo& object : *objects) names.push_back(object.name);
  return names;
}

std::string Get(const Store& store, std::string_view name) {
  const auto bytes = GetObject(store, name, 1 << 20);
  return bytes ? *bytes : "error: " + bytes.error().ToString();
}

ErrorKind KindOf(const Result<void>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? ErrorKind::kFailed : result.error().kind;
}

Result<void> Remove(Store* store, const std::string& name) { return store->Remove({&name, 1}); }

bool SameBytes(const ByteSource& left, const ByteSource& right) {
  if (left.size() != right.size()) return false;
  std::string a(1 << 20, '\0');
  std::string b(1 << 20, '\0');
  for (uint64_t offset = 0; offset < left.size(); offset += a.size()) {
    const size_t length = std::min<uint64_t>(a.size(), left.size() - offset);
    if (!left.Read(offset, a.data(), length) || !right.Read(offset, b.data(), length)) return false;
    if (std::memcmp(a.data(), b.data(), length) != 0) return false;
  }
  return true;
}

TEST_P(StoreConformance, IsEmptyAtFirst) {
  EXPECT_THAT(Names(*store_), IsEmpty());
  EXPECT_EQ(store_->Open("identity").error().kind, ErrorKind::kNotFound);
}

TEST_P(StoreConformance, GivesBackWhatWasPut) {
  ASSERT_TRUE(PutObject(store_.get(), "changes/a.seg", std::string("one\0two", 7)));
  EXPECT_EQ(Get(*store_, "changes/a.seg"), std::string("one\0two", 7));
  EXPECT_EQ(Get(*place_->Connect(), "changes/a.seg"), std::string("one\0two", 7));
  EXPECT_EQ(store_->List(""), (std::vector<ObjectInfo>{{"changes/a.seg", 7}}));
}

TEST_P(StoreConformance, KeepsEmptyObjects) {
  ASSERT_TRUE(PutObject(store_.get(), "snapshots/1/complete", ""));
  EXPECT_EQ(Get(*store_, "snapshots/1/complete"), "");
  EXPECT_EQ(store_->List(""), (std::vector<ObjectInfo>{{"snapshots/1/complete", 0}}));
}

TEST_P(StoreConformance, PuttingTheSameAgainIsDoneAlready) {
  ASSERT_TRUE(PutObject(store_.get(), "a", "content"));
  EXPECT_TRUE(PutObject(store_.get(), "a", "content"));
  EXPECT_TRUE(PutObject(place_->Connect().get(), "a", "content"));
  EXPECT_THAT(Names(*store_), ElementsAre("a"));
}

TEST_P(StoreConformance, NeverChangesAnObject) {
  ASSERT_TRUE(PutObject(store_.get(), "a", "content"));
  for (const char* other : {"kontent", "content and more", "cont", ""}) {
    EXPECT_EQ(KindOf(PutObject(store_.get(), "a", other)), ErrorKind::kAlreadyExists);
  }
  EXPECT_EQ(Get(*store_, "a"), "content");
}

TEST_P(StoreConformance, PutsBatchesInOrder) {
  const auto first = NewMemorySource("1");
  const auto second = NewMemorySource("2");
  const NewObject objects[] = {{"p/z", first.get()}, {"a/marker", second.get()}};
  ASSERT_TRUE(store_->Put(objects));
  EXPECT_EQ(Get(*store_, "p/z"), "1");
  EXPECT_EQ(Get(*store_, "a/marker"), "2");
  EXPECT_TRUE(store_->Put({}));
}

TEST_P(StoreConformance, PutsNoMarkerAfterAFailure) {
  ASSERT_TRUE(PutObject(store_.get(), "part", "in the way"));
  const auto part = NewMemorySource("other");
  const auto marker = NewMemorySource("");
  const NewObject objects[] = {{"part", part.get()}, {"marker", marker.get()}};
  EXPECT_EQ(KindOf(store_->Put(objects)), ErrorKind::kAlreadyExists);
  EXPECT_THAT(Names(*store_), ElementsAre("part"));
}

TEST_P(StoreConformance, ListsInTheByteOrderOfNames) {
  const std::vector<std::string> sorted = {"a-b",  "a.b", "a/b",   "a/b-c",
                                           "a/b0", "a0",  "b/c/d", "identity"};
  std::vector<std::string> shuffled = sorted;
  std::reverse(shuffled.begin(), shuffled.end());
  for (const std::string& name : shuffled) ASSERT_TRUE(PutObject(store_.get(), name, name));
  EXPECT_THAT(Names(*store_), ElementsAreArray(sorted));
}

TEST_P(StoreConformance, ListsByPrefix) {
  for (const char* name : {"changes/10", "changes/11", "changes/2", "changesX", "snapshots/1/a",
                           "snapshots/1/b", "snapshots/10/a"}) {
    ASSERT_TRUE(PutObject(store_.get(), name, ""));
  }
  EXPECT_THAT(Names(*store_, "changes/"), ElementsAre("changes/10", "changes/11", "changes/2"));
  EXPECT_THAT(Names(*store_, "changes/1"), ElementsAre("changes/10", "changes/11"));
  EXPECT_THAT(Names(*store_, "changes"),
              ElementsAre("changes/10", "changes/11", "changes/2", "changesX"));
  EXPECT_THAT(Names(*store_, "snapshots/1/"), ElementsAre("snapshots/1/a", "snapshots/1/b"));
  EXPECT_THAT(Names(*store_, "snapshots/1"),
              ElementsAre("snapshots/1/a", "snapshots/1/b", "snapshots/10/a"));
  EXPECT_THAT(Names(*store_, "changes/2"), ElementsAre("changes/2"));
  EXPECT_THAT(Names(*store_, "changes/2/"), IsEmpty());
  EXPECT_THAT(Names(*store_, "none/"), IsEmpty());
}

TEST_P(StoreConformance, TakesNamesAsTheyAre) {
  const std::string longest(236, 'n');
  const std::vector<std::string> names = {"s/%2E%2e.%25", "s/A", "s/a", "s/a%20b.c~0.seg", longest};
  for (const std::string& name : names) ASSERT_TRUE(PutObject(store_.get(), name, name)) << name;
  for (const std::string& name : names) EXPECT_EQ(Get(*store_, name), name);
  EXPECT_EQ(Names(*store_).size(), names.size());
}

TEST_P(StoreConformance, RefusesNamesThatLeadElsewhere) {
  for (const char* name : {"", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/.", "."}) {
    EXPECT_EQ(KindOf(PutObject(store_.get(), name, "x")), ErrorKind::kInvalidArgument) << name;
    EXPECT_EQ(store_->Open(name).error().kind, ErrorKind::kInvalidArgument) << name;
    EXPECT_EQ(KindOf(Remove(store_.get(), name)), ErrorKind::kInvalidArgument) << name;
  }
  EXPECT_THAT(Names(*store_), IsEmpty());
}

TEST_P(StoreConformance, AFolderIsNoObject) {
  ASSERT_TRUE(PutObject(store_.get(), "changes/a", "x"));
  EXPECT_EQ(store_->Open("changes").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store_->Open("changes/a/b").error().kind, ErrorKind::kNotFound);
}

TEST_P(StoreConformance, ReadsRanges) {
  ASSERT_TRUE(PutObject(store_.get(), "a", "0123456789"));
  const auto source = store_->Open("a");
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->size(), 10);
  char buffer[16] = {};
  ASSERT_TRUE((*source)->Read(3, buffer, 4));
  EXPECT_EQ(std::string(buffer, 4), "3456");
  ASSERT_TRUE((*source)->Read(0, buffer, 10));
  EXPECT_EQ(std::string(buffer, 10), "0123456789");
  EXPECT_TRUE((*source)->Read(10, buffer, 0));
}

TEST_P(StoreConformance, ReadsNothingPastTheEnd) {
  ASSERT_TRUE(PutObject(store_.get(), "a", "0123456789"));
  const auto source = store_->Open("a");
  ASSERT_TRUE(source);
  char buffer[16] = {};
  EXPECT_FALSE((*source)->Read(9, buffer, 2));
  EXPECT_FALSE((*source)->Read(10, buffer, 1));
  EXPECT_FALSE((*source)->Read(11, buffer, 1));
  EXPECT_FALSE((*source)->Read(UINT64_MAX, buffer, 2));
  EXPECT_FALSE(GetObject(*store_, "a", 9));
}

TEST_P(StoreConformance, RemovesObjects) {
  for (const char* name : {"s/1/a", "s/1/b", "s/2/a"}) {
    ASSERT_TRUE(PutObject(store_.get(), name, "x"));
  }
  const std::vector<std::string> names = {"s/1/a", "s/1/b", "s/1/never-there", "no/such/folder"};
  ASSERT_TRUE(store_->Remove(names));
  EXPECT_THAT(Names(*store_), ElementsAre("s/2/a"));
  EXPECT_TRUE(store_->Remove(names));
  EXPECT_TRUE(PutObject(store_.get(), "s/1/a", "other content"));
  EXPECT_EQ(Get(*store_, "s/1/a"), "other content");
}

TEST_P(StoreConformance, HoldsBigObjectsInLittleMemory) {
  const PatternSource big(96 << 20, 1);
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  const NewObject object{"changes/big", &big};
  ASSERT_TRUE(store_->Put({&object, 1}));
  ASSERT_TRUE(store_->Put({&object, 1}));
  const auto read_back = store_->Open("changes/big");
  ASSERT_TRUE(read_back);
  EXPECT_TRUE(SameBytes(**read_back, big));
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 32 << 10) << "KiB";
}

TEST_P(StoreConformance, APutThatFailsHalfWayLeavesNothing) {
  const BreakingSource breaking;
  const NewObject object{"changes/a", &breaking};
  EXPECT_EQ(KindOf(store_->Put({&object, 1})), ErrorKind::kFailed);
  EXPECT_THAT(Names(*store_), IsEmpty());
  EXPECT_TRUE(PutObject(store_.get(), "changes/a", "whole"));
}

TEST_P(StoreConformance, TakesPutsFromManyThreads) {
  constexpr int kThreads = 8;
  constexpr int kObjects = 20;
  std::vector<std::string> errors(kThreads);
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kObjects; ++i) {
        const std::string own = "own/" + std::to_string(t) + "/" + std::to_string(i);
        const auto own_put = PutObject(store_.get(), own, own);
        if (!own_put) errors[t] = own_put.error().ToString();
        const auto shared_put = PutObject(store_.get(), "shared/" + std::to_string(i), "same");
        if (!shared_put) errors[t] = shared_put.error().ToString();
      }
    });
  }
  threads.clear();
  EXPECT_THAT(errors, testing::Each(""));
  EXPECT_EQ(Names(*store_, "own/").size(), kThreads * kObjects);
  EXPECT_EQ(Names(*store_, "shared/").size(), kObjects);
}

TEST_P(StoreConformance, OneOfTwoRivalsWins) {
  for (int round = 0; round < 20; ++round) {
    const std::string name = "changes/" + std::to_string(round);
    std::vector<bool> won(2);
    {
      const std::unique_ptr<Store> rival = place_->Connect();
      bool rival_won = false;
      std::jthread thread([&] { rival_won = PutObject(rival.get(), name, "rival").has_value(); });
      won[0] = PutObject(store_.get(), name, "first").has_value();
      thread.join();
      won[1] = rival_won;
    }
    ASSERT_NE(won[0], won[1]);
    ASSERT_EQ(Get(*store_, name), won[0] ? "first" : "rival");
  }
}

// As an archive's writer appends a segment: behind `predecessor`, and alone with its beginning.
Result<void> PutBehind(Store* store, const std::string& predecessor, const std::string& name,
                       const ByteSource& content) {
  const NewObject object{name, &content, predecessor, name.substr(0, name.find('-') + 1)};
  return store->Put({&object, 1});
}

TEST_P(StoreConformance, PutsBehindAPredecessorOnly) {
  const auto content = NewMemorySource("content");
  EXPECT_EQ(KindOf(PutBehind(store_.get(), "identity", "changes/1-2", *content)),
            ErrorKind::kUnavailable);
  EXPECT_THAT(Names(*store_), IsEmpty());
  ASSERT_TRUE(PutObject(store_.get(), "identity", "x"));
  EXPECT_TRUE(PutBehind(store_.get(), "identity", "changes/1-2", *content));
  ASSERT_TRUE(Remove(store_.get(), "identity"));
  EXPECT_TRUE(PutBehind(store_.get(), "identity", "changes/1-2", *content)) << "done already";
}

TEST_P(StoreConformance, PutsNothingBesideWhatIsToBeAlone) {
  const auto content = NewMemorySource("content");
  ASSERT_TRUE(PutObject(store_.get(), "identity", "x"));
  ASSERT_TRUE(PutBehind(store_.get(), "identity", "changes/1-2", *content));
  EXPECT_EQ(KindOf(PutBehind(store_.get(), "identity", "changes/1-3", *content)),
            ErrorKind::kAlreadyExists);
  EXPECT_TRUE(PutBehind(store_.get(), "changes/1-2", "changes/2-3", *content));
  EXPECT_TRUE(PutBehind(store_.get(), "identity", "changes/1-2", *content)) << "done already";
  EXPECT_THAT(Names(*store_), ElementsAre("changes/1-2", "changes/2-3", "identity"));
}

TEST_P(StoreConformance, OneOfTwoRivalsAppends) {
  ASSERT_TRUE(PutObject(store_.get(), "identity", "x"));
  const auto content = NewMemorySource("content");
  for (int round = 0; round < 20; ++round) {
    const std::string begin = "changes/" + std::to_string(round);
    bool rival_won = false;
    bool won = false;
    {
      const std::unique_ptr<Store> rival = place_->Connect();
      const std::jthread thread([&] {
        rival_won = PutBehind(rival.get(), "identity", begin + "-a", *content).has_value();
      });
      won = PutBehind(store_.get(), "identity", begin + "-b", *content).has_value();
    }
    ASSERT_NE(won, rival_won);
    ASSERT_THAT(Names(*store_, begin + "-"), ElementsAre(begin + (won ? "-b" : "-a")));
  }
}

// Starts tests/support/store_writer on the store. Nothing but exec follows the fork: the store's
// library may have threads.
pid_t StartWriter(StorePlace* place, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {TRUNKLINE_STORE_WRITER, place->url()});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    execv(argv[0], argv.data());
    _exit(127);
  }
  return child;
}

TEST_P(StoreConformance, AWriterThatWasStoppedAppendsNothingBesideItsSuccessor) {
  ASSERT_TRUE(PutObject(store_.get(), "identity", "x"));
  const pid_t child = StartWriter(place_.get(), {"stopped", "identity", "changes/1-old"});
  ASSERT_GE(child, 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status));
  EXPECT_TRUE(PutBehind(store_.get(), "identity", "changes/1-new", *NewMemorySource("y")));
  kill(child, SIGCONT);
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_THAT(Names(*store_, "changes/"), ElementsAre("changes/1-new"));
}

TEST_P(StoreConformance, PutsWhileItsFolderIsRemoved) {
  std::jthread remover([&](const std::stop_token& stop) {
    const std::unique_ptr<Store> other = place_->Connect();
    while (!stop.stop_requested()) static_cast<void>(Remove(other.get(), "s/1/passing"));
  });
  for (int i = 0; i < 300; ++i) {
    const auto put = PutObject(store_.get(), "s/1/passing", "x");
    ASSERT_TRUE(put) << put.error().ToString();
  }
}

TEST_P(StoreConformance, NothingHalfWrittenIsSeenAfterAKill) {
  // Each round lives longer than the one before; on a slow machine the first ones finish no object.
  for (uint64_t round = 0; round < 8 || Names(*store_).empty(); ++round) {
    ASSERT_LT(round, 100U) << "no object was ever finished";
    const pid_t child = StartWriter(place_.get(), {"endless", std::to_string(round)});
    ASSERT_GE(child, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 13 * round));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  for (const std::string& name : Names(*store_)) {
    const auto source = store_->Open(name);
    ASSERT_TRUE(source);
    const uint64_t seed = std::stoull(name.substr(name.find('-') + 1));
    EXPECT_TRUE(SameBytes(**source, PatternSource(4 << 20, seed))) << name;
  }
  EXPECT_TRUE(PutObject(place_->Connect().get(), "changes/after", "x"));
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformance);

}  // namespace trunkline
