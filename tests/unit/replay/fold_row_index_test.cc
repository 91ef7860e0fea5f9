#include "replay/fold_row_index.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>
#include <vector>

namespace trunkline {
namespace {

using RowId = RowIndex::RowId;

// Of the low bits that tell slots and tags apart there are few, so that hashes clash.
uint64_t HashOf(RowId row) { return row * 0x9e3779b97f4a7c15 >> 40; }

class RowIndexTest : public testing::Test {
 protected:
  size_t Find(RowId row) {
    return index_.Find(HashOf(row), [row](RowId other) { return other == row; });
  }
  void Insert(RowId row) {
    ASSERT_EQ(index_.FindOrInsert(HashOf(row), row, [row](RowId other) { return other == row; }),
              RowIndex::kNoSlot);
    there_[row] = true;
  }
  void Erase(RowId row) {
    const size_t slot = Find(row);
    ASSERT_NE(slot, RowIndex::kNoSlot);
    index_.Erase(slot);
    there_[row] = false;
  }
  void ExpectAll() {
    for (const auto& [row, there] : there_) {
      const size_t slot = Find(row);
      ASSERT_EQ(slot != RowIndex::kNoSlot, there) << row;
      if (there) {
        ASSERT_EQ(index_.row(slot), row);
      }
    }
  }

  RowIndex index_;
  std::unordered_map<RowId, bool> there_;
};

// Past the size from which it is made larger on another thread.
TEST_F(RowIndexTest, FindsWhatIsThereAsItGrows) {
  std::mt19937 random(7);
  RowId next = 0;
  std::vector<RowId> rows;
  for (int step = 0; step < 300'000; ++step) {
    if (rows.empty() || random() % 4 != 0) {
      Insert(next);
      rows.push_back(next++);
    } else {
      std::swap(rows[random() % rows.size()], rows.back());
      Erase(rows.back());
      rows.pop_back();
    }
    if (step % 60'000 == 0) ExpectAll();
  }
  ExpectAll();
}

TEST_F(RowIndexTest, MakesRoomAtAnyTime) {
  RowId next = 0;
  // One comes while a larger one is being made.
  for (const uint64_t rows : {0, 1, 100, 3000, 40'000, 65'000, 200'000}) {
    while (next < rows) Insert(next++);
    index_.Reserve(rows + rows / 3);
    const uint64_t bytes = index_.memory_bytes();
    EXPECT_LE(bytes, 16 * 8 * 2 + (rows + rows / 3) * RowIndex::kMostBytesPerRow);
    for (uint64_t i = rows; i < rows + rows / 3; ++i) Insert(next++);
    EXPECT_EQ(index_.memory_bytes(), bytes) << "it grew in spite of the room for " << rows;
    ExpectAll();
  }
}

}  // namespace
}  // namespace trunkline
