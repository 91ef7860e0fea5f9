#include "replay/sorted_keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace trunkline {
namespace {

namespace fs = std::filesystem;

class SortedKeysTest : public testing::Test {
 protected:
  SortedKeysTest() : folder_(testing::TempDir() + "sorted_keys_" + std::to_string(getpid())) {
    fs::create_directory(folder_);
    std::mt19937 random(5);
    for (uint32_t i = 0; i < 5000; ++i) {
      std::string key(random() % 40, static_cast<char>(random()));
      expected_.push_back(key + "#" + std::to_string(i));
    }
    expected_.push_back("");
    expected_.push_back(std::string(5, '\xff'));
    expected_.push_back(std::string(200'000, '\xff'));
  }
  ~SortedKeysTest() override {
    EXPECT_TRUE(fs::is_empty(folder_));
    fs::remove_all(folder_);
  }

  SortedKeys Filled(uint64_t memory_bytes) const {
    SortedKeys keys(memory_bytes, folder_);
    for (const std::string& key : expected_) {
      EXPECT_TRUE(keys.Add(key));
      EXPECT_LE(keys.memory_bytes(), memory_bytes + (64 << 10));
    }
    keys.Sort();
    return keys;
  }

  std::vector<std::string> Sorted() const {
    std::vector<std::string> sorted = expected_;
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }

  static std::vector<std::string> Read(const SortedKeys& keys) {
    std::vector<std::string> read;
    EXPECT_TRUE(keys.ForEach([&](std::string_view key) -> Result<void> {
      read.emplace_back(key);
      return {};
    }));
    return read;
  }

  const std::string folder_;
  std::vector<std::string> expected_;
};

TEST_F(SortedKeysTest, AreTheSameInMemoryAndOnDisk) {
  for (const uint64_t memory_bytes : {0, 1 << 10, 100 << 10, 300 << 10, 4 << 20}) {
    const SortedKeys keys = Filled(memory_bytes);
    EXPECT_EQ(keys.on_disk(), memory_bytes < 4 << 20);
    EXPECT_EQ(Read(keys), Sorted());
    EXPECT_EQ(Read(keys), Sorted());  // again
  }
}

TEST_F(SortedKeysTest, MayMove) {
  for (const uint64_t memory_bytes : {0, 4 << 20}) {
    SortedKeys keys = Filled(memory_bytes);
    const SortedKeys moved = std::move(keys);
    EXPECT_EQ(Read(moved), Sorted());
  }
}

TEST_F(SortedKeysTest, AFolderThatIsNotThereIsNamed) {
  SortedKeys keys(0, "/nowhere/at/all");
  const Result<void> added = keys.Add("key");
  ASSERT_FALSE(added);
  EXPECT_NE(added.error().message.find("/nowhere/at/all"), std::string::npos);
}

TEST_F(SortedKeysTest, AnErrorOfAVisitEndsIt) {
  for (const uint64_t memory_bytes : {0, 4 << 20}) {
    const SortedKeys keys = Filled(memory_bytes);
    int visits = 0;
    const Result<void> done = keys.ForEach([&](std::string_view) -> Result<void> {
      return ++visits == 3 ? Fail(ErrorKind::kFailed, "enough") : Result<void>();
    });
    EXPECT_FALSE(done);
    EXPECT_EQ(visits, 3);
  }
}

}  // namespace
}  // namespace trunkline
