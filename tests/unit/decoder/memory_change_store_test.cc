#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "decoder/assembler.h"

namespace trunkline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MemoryChangeStoreTest : public testing::Test {
 protected:
  void Append(uint32_t xid, uint32_t sub_xid, std::string_view message) {
    ASSERT_TRUE(store_->Append(Xid{xid}, Xid{sub_xid}, message));
  }
  std::vector<std::string> Held(uint32_t xid) {
    std::vector<std::string> held;
    const Result<void> visited =
        store_->ForEach(Xid{xid}, [&](Xid sub_xid, std::string_view message) -> Result<void> {
          held.push_back(std::to_string(sub_xid.value) + ":" + std::string(message));
          return {};
        });
    EXPECT_TRUE(visited);
    return held;
  }

  std::unique_ptr<ChangeStore> store_ = NewMemoryChangeStore();
};

TEST_F(MemoryChangeStoreTest, KeepsMessagesInOrderATransactionAtATime) {
  Append(1, 1, "a");
  Append(2, 2, "b");
  Append(1, 3, "");
  Append(1, 1, std::string(1000, 'x'));
  EXPECT_THAT(Held(1), ElementsAre("1:a", "3:", "1:" + std::string(1000, 'x')));
  EXPECT_THAT(Held(2), ElementsAre("2:b"));
}

TEST_F(MemoryChangeStoreTest, DropsASubtransactionWhereverItStands) {
  for (const uint32_t sub_xid : {1, 2, 2, 3, 2, 1}) Append(1, sub_xid, "m");
  ASSERT_TRUE(store_->DropSubtransaction(Xid{1}, Xid{2}));
  ASSERT_TRUE(store_->DropSubtransaction(Xid{1}, Xid{9}));
  ASSERT_TRUE(store_->DropSubtransaction(Xid{9}, Xid{2}));
  EXPECT_THAT(Held(1), ElementsAre("1:m", "3:m", "1:m"));
}

TEST_F(MemoryChangeStoreTest, DropsTransactions) {
  Append(1, 1, "a");
  ASSERT_TRUE(store_->Drop(Xid{1}));
  ASSERT_TRUE(store_->Drop(Xid{1}));
  EXPECT_THAT(Held(1), IsEmpty());
}

TEST_F(MemoryChangeStoreTest, MessagesOfManySizesComeBackWhole) {
  std::vector<std::string> expected;
  for (uint32_t i = 0; i < 40; ++i) {
    const std::string message(i * i * 100, static_cast<char>('a' + i % 26));
    Append(1, 5, message);
    expected.push_back("5:" + message);
  }
  Append(1, 5, std::string(3 << 20, 'z'));
  Append(1, 5, "after");
  expected.push_back("5:" + std::string(3 << 20, 'z'));
  expected.push_back("5:after");
  EXPECT_EQ(Held(1), expected);
}

TEST_F(MemoryChangeStoreTest, TheVisitorsErrorEndsTheVisit) {
  Append(1, 1, "a");
  Append(1, 1, "b");
  int visits = 0;
  const Result<void> visited = store_->ForEach(Xid{1}, [&](Xid, std::string_view) -> Result<void> {
    ++visits;
    return Fail(ErrorKind::kCancelled, "stop");
  });
  ASSERT_FALSE(visited);
  EXPECT_EQ(visited.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(visits, 1);
}

}  // namespace
}  // namespace trunkline
