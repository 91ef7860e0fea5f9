#include "daemon/spool_change_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "archive/scratch_folder.h"
#include "daemon/metrics.h"
#include "tests/unit/archive/temporary_folder.h"

namespace trunkline {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Held {
  uint32_t sub_xid;
  std::string message;
  friend bool operator==(const Held&, const Held&) = default;
};

std::vector<Held> HeldBy(ChangeStore* store, uint32_t xid) {
  std::vector<Held> held;
  const Result<void> visited =
      store->ForEach(Xid{xid}, [&](Xid sub_xid, std::string_view message) -> Result<void> {
        held.push_back({sub_xid.value, std::string(message)});
        return {};
      });
  EXPECT_TRUE(visited) << visited.error().ToString();
  return held;
}

void Append(ChangeStore* store, uint32_t xid, uint32_t sub_xid, std::string_view message) {
  const Result<void> appended = store->Append(Xid{xid}, Xid{sub_xid}, message);
  ASSERT_TRUE(appended) << appended.error().ToString();
}

// Bytes that no compression makes less.
std::string Noise(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

uint64_t BytesBelow(const std::string& folder) {
  uint64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

class SpoolChangeStoreTest : public testing::Test {
 protected:
  // A store that keeps next to nothing in memory.
  SpoolChangeStore Small() {
    return SpoolChangeStore({.directory = folder_.path(), .memory_bytes = 100, .chunk_bytes = 50});
  }

  TemporaryFolder folder_;
};

TEST_F(SpoolChangeStoreTest, KeepsTransactionsApartAndInOrder) {
  SpoolChangeStore store({.directory = folder_.path()});
  Append(&store, 1, 1, "a");
  Append(&store, 2, 2, "b");
  Append(&store, 1, 3, "");
  EXPECT_THAT(HeldBy(&store, 1), ElementsAre(Held{1, "a"}, Held{3, ""}));
  Append(&store, 1, 1, "c");
  EXPECT_THAT(HeldBy(&store, 1), ElementsAre(Held{1, "a"}, Held{3, ""}, Held{1, "c"}));
  EXPECT_THAT(HeldBy(&store, 2), ElementsAre(Held{2, "b"}));
  EXPECT_THAT(HeldBy(&store, 9), IsEmpty());
}

TEST_F(SpoolChangeStoreTest, DropsTransactionsAndSubtransactions) {
  SpoolChangeStore store({.directory = folder_.path()});
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

TEST_F(SpoolChangeStoreTest, AgreesWithTheMemoryStoreWhateverTheSizes) {
  for (const size_t chunk_bytes : {1, 13, 64, 4096}) {
    SpoolChangeStore store({.directory = folder_.path(),
                            .memory_bytes = 100 * chunk_bytes,
                            .chunk_bytes = chunk_bytes});
    const std::unique_ptr<ChangeStore> model = NewMemoryChangeStore();
    std::mt19937 random(static_cast<unsigned>(chunk_bytes));
    for (uint32_t sub_xid = 10; sub_xid < 60; ++sub_xid) {
      for (int i = 0; i < 10; ++i) {
        const std::string message(random() % 200, static_cast<char>('a' + i));
        const uint32_t xid = 1 + random() % 3;
        Append(&store, xid, sub_xid, message);
        Append(model.get(), xid, sub_xid, message);
      }
      if (random() % 10 == 0) {
        const Xid dropped{static_cast<uint32_t>(1 + random() % 3)};
        ASSERT_TRUE(store.Drop(dropped));
        ASSERT_TRUE(model->Drop(dropped));
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

TEST_F(SpoolChangeStoreTest, PassesTheVisitorsErrorOn) {
  for (const size_t size : {1, 1000}) {
    SpoolChangeStore store = Small();
    Append(&store, 1, 1, std::string(size, 'a'));
    const Result<void> visited = store.ForEach(
        Xid{1}, [](Xid, std::string_view) { return Fail(ErrorKind::kCancelled, "enough"); });
    ASSERT_FALSE(visited);
    EXPECT_EQ(visited.error().kind, ErrorKind::kCancelled);
  }
}

TEST_F(SpoolChangeStoreTest, SmallTransactionsNeverTouchTheDisk) {
  SpoolChangeStore store({.directory = folder_.path(), .memory_bytes = 1 << 20});
  for (uint32_t xid = 1; xid < 1000; ++xid) {
    Append(&store, xid, xid, std::string(1000, 'x'));
    ASSERT_TRUE(store.Drop(Xid{xid > 500 ? xid - 500 : 0}));
  }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(SpoolChangeStoreTest, GivesTheDiskBackWithTheTransaction) {
  Metrics metrics;
  SpoolChangeStore store({.directory = folder_.path(),
                          .memory_bytes = 1 << 20,
                          .chunk_bytes = 64 << 10,
                          .metrics = &metrics});
  Append(&store, 1, 1, "the one that stays");
  for (uint32_t i = 0; i < 64; ++i) Append(&store, 2, 2, Noise(1 << 20, i));
  EXPECT_GT(BytesBelow(folder_.path()), 40U << 20);
  EXPECT_GT(metrics.Read().spool_bytes, 40U << 20);
  ASSERT_TRUE(store.Drop(Xid{2}));
  EXPECT_EQ(metrics.Read().spool_bytes, 0U);
  EXPECT_LT(BytesBelow(folder_.path()), 1U << 20);
  for (uint32_t i = 0; i < 16; ++i) Append(&store, 3, 3, Noise(1 << 20, i));
  EXPECT_EQ(HeldBy(&store, 3).size(), 16U);
  EXPECT_EQ(HeldBy(&store, 1).size(), 1U);
}

TEST_F(SpoolChangeStoreTest, LeavesNothingBehind) {
  {
    SpoolChangeStore store = Small();
    Append(&store, 1, 1, std::string(1000, 'x'));
    EXPECT_FALSE(fs::is_empty(folder_.path()));
  }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

// A suite, and with it a process, of its own: RocksDB's threads do not survive fork().
using SpoolOfAKilledProcessTest = SpoolChangeStoreTest;

TEST_F(SpoolOfAKilledProcessTest, IsRemoved) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    SpoolChangeStore store = Small();
    _exit(store.Append(Xid{1}, Xid{1}, std::string(1000, 'x')) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_FALSE(fs::is_empty(folder_.path()));
  const SpoolChangeStore store = Small();
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(SpoolChangeStoreTest, LeavesWhatAnotherProcessUses) {
  SpoolChangeStore first = Small();
  Append(&first, 1, 1, std::string(1000, 'x'));
  SpoolChangeStore second = Small();
  Append(&second, 1, 1, std::string(500, 'y'));
  Append(&first, 1, 1, std::string(1000, 'z'));
  EXPECT_EQ(HeldBy(&first, 1).size(), 2U);
  EXPECT_EQ(HeldBy(&second, 1).size(), 1U);
}

TEST_F(SpoolChangeStoreTest, RemovesNobodyElsesFolders) {
  fs::create_directory(folder_ / "trunkline-archive");
  fs::create_directory(folder_ / "real");
  fs::create_directory_symlink("real", folder_ / "trunkline-scratch-link");
  WriteFile(folder_ / "real/kept", "x");
  ScratchFolder::RemoveAbandoned(folder_.path());
  EXPECT_TRUE(fs::exists(folder_ / "trunkline-archive"));
  EXPECT_TRUE(fs::exists(folder_ / "real/kept"));
}

TEST_F(SpoolChangeStoreTest, AFolderThatIsNotThereIsAnErrorOnceItIsNeeded) {
  SpoolChangeStore store({.directory = "/nonexistent/trunkline", .memory_bytes = 10});
  ASSERT_FALSE(store.Append(Xid{1}, Xid{1}, std::string(100, 'x')));
}

TEST_F(SpoolChangeStoreTest, AFullDiskIsSaidAndPasses) {
  const std::string disk = folder_ / "disk";
  fs::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=24m") != 0) {
    GTEST_SKIP() << "needs the right to mount";
  }
  {
    SpoolChangeStore store({.directory = disk, .memory_bytes = 1 << 20, .chunk_bytes = 64 << 10});
    Result<void> appended;
    for (uint32_t i = 0; i < 200 && appended; ++i) {
      appended = store.Append(Xid{1}, Xid{1}, Noise(1 << 20, i));
    }
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().kind, ErrorKind::kUnavailable);
    EXPECT_THAT(appended.error().ToString(), HasSubstr("free space"));
  }
  EXPECT_TRUE(fs::is_empty(disk)) << "the next attempt has all the space";
  EXPECT_EQ(umount(disk.c_str()), 0);
}

}  // namespace
}  // namespace trunkline
