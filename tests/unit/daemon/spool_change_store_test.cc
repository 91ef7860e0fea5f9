#include "daemon/spool_change_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace trunkline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Held {
  uint32_t sub_xid;
  std::string message;
  friend bool operator==(const Held&, const Held&) = default;
};

std::vector<Held> HeldBy(ChangeStore* store, uint32_t xid) {
  std::vector<Held> held;
  EXPECT_TRUE(store->ForEach(Xid{xid}, [&](Xid sub_xid, std::string_view message) -> Result<void> {
    held.push_back({sub_xid.value, std::string(message)});
    return {};
  }));
  return held;
}

void Append(ChangeStore* store, uint32_t xid, uint32_t sub_xid, std::string_view message) {
  ASSERT_TRUE(store->Append(Xid{xid}, Xid{sub_xid}, message));
}

TEST(SpoolChangeStore, KeepsTransactionsApartAndInOrder) {
  SpoolChangeStore store({});
  Append(&store, 1, 1, "a");
  Append(&store, 2, 2, "b");
  Append(&store, 1, 3, "");
  EXPECT_THAT(HeldBy(&store, 1), ElementsAre(Held{1, "a"}, Held{3, ""}));
  Append(&store, 1, 1, "c");
  EXPECT_THAT(HeldBy(&store, 1), ElementsAre(Held{1, "a"}, Held{3, ""}, Held{1, "c"}));
  EXPECT_THAT(HeldBy(&store, 2), ElementsAre(Held{2, "b"}));
  EXPECT_THAT(HeldBy(&store, 9), IsEmpty());
}

TEST(SpoolChangeStore, DropsTransactionsAndSubtransactions) {
  SpoolChangeStore store({});
  Append(&store, 1, 1, "a");
  Append(&store, 1, 2, "b");
  Append(&store, 1, 1, "c");
  ASSERT_TRUE(store.DropSubtransaction(Xid{1}, Xid{2}));
  ASSERT_TRUE(store.DropSubtransaction(Xid{9}, Xid{2}));
  EXPECT_THAT(HeldBy(&store, 1), ElementsAre(Held{1, "a"}, Held{1, "c"}));
  ASSERT_TRUE(store.Drop(Xid{1}));
  ASSERT_TRUE(store.Drop(Xid{1}));
  EXPECT_THAT(HeldBy(&store, 1), IsEmpty());
}

TEST(SpoolChangeStore, AgreesWithTheMemoryStoreWhateverTheSizes) {
  for (const size_t write_bytes : {1, 13, 64, 4096}) {
    SpoolChangeStore store({.memory_bytes = 100, .write_bytes = write_bytes});
    const std::unique_ptr<ChangeStore> model = NewMemoryChangeStore();
    std::mt19937 random(static_cast<unsigned>(write_bytes));
    for (uint32_t sub_xid = 10; sub_xid < 60; ++sub_xid) {
      for (int i = 0; i < 10; ++i) {
        const std::string message(random() % 200, static_cast<char>('a' + i));
        const uint32_t xid = 1 + random() % 3;
        Append(&store, xid, sub_xid, message);
        Append(model.get(), xid, sub_xid, message);
      }
      if (random() % 2 == 0) continue;
      for (uint32_t xid = 1; xid <= 3; ++xid) {
        ASSERT_TRUE(store.DropSubtransaction(Xid{xid}, Xid{sub_xid}));
        ASSERT_TRUE(model->DropSubtransaction(Xid{xid}, Xid{sub_xid}));
      }
    }
    for (uint32_t xid = 1; xid <= 3; ++xid) {
      EXPECT_EQ(HeldBy(&store, xid), HeldBy(model.get(), xid));
    }
  }
}

TEST(SpoolChangeStore, PassesTheVisitorsErrorOn) {
  SpoolChangeStore store({});
  Append(&store, 1, 1, "a");
  const Result<void> visited = store.ForEach(
      Xid{1}, [](Xid, std::string_view) { return Fail(ErrorKind::kCancelled, "enough"); });
  ASSERT_FALSE(visited);
  EXPECT_EQ(visited.error().kind, ErrorKind::kCancelled);
}

TEST(SpoolChangeStore, AFolderThatIsNotThereIsAnErrorOnceItIsNeeded) {
  SpoolChangeStore store(
      {.directory = "/nonexistent/trunkline", .memory_bytes = 10, .write_bytes = 1});
  ASSERT_FALSE(store.Append(Xid{1}, Xid{1}, std::string(100, 'x')));
}

}  // namespace
}  // namespace trunkline
