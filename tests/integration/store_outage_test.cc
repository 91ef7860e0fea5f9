// The archive's store goes away, fills up or becomes read-only while the daemon runs; so does the
// disk under the spool. The daemon stays, keeps its slot, and goes on by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <filesystem>

#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

// A small disk of its own; only root can have one.
class Disk {
 public:
  Disk(std::string path, const std::string& size) : path_(std::move(path)) {
    fs::create_directories(path_);
    mounted_ = mount("tmpfs", path_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  ~Disk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  bool mounted() const { return mounted_; }
  void Remount(const std::string& options, unsigned long flags = 0) {
    ASSERT_EQ(mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | flags, options.c_str()), 0);
  }

 private:
  std::string path_;
  bool mounted_ = false;
};

class StoreOutageTest : public testing::Test {
 protected:
  StoreOutageTest()
      // Less than an outage: a daemon that waits for its store would lose its slot.
      : source_({.settings = {"wal_sender_timeout = 1s", "logical_decoding_work_mem = 64kB"}}) {
    source_.Connect().Do(
        "CREATE TABLE public.t (id bigserial PRIMARY KEY, v text); "
        "CREATE PUBLICATION trunkline FOR TABLE public.t");
  }

  Daemon NewDaemon(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.end(), {"--segment-max-age", "100ms"});
    return Daemon({.source = source_.conninfo(), .archive = archive(), .arguments = arguments});
  }
  std::string archive() const { return folder_ / "disk/archive"; }
  // `rows` rows of a kibibyte that does not compress well, in one transaction.
  void Insert(int rows) {
    source_.Connect().Do(
        "INSERT INTO public.t (v) SELECT (SELECT pg_catalog.string_agg(pg_catalog.md5("
        "(g * random() + i)::text), '') FROM pg_catalog.generate_series(1, 32) i)"
        " FROM pg_catalog.generate_series(1, " +
        std::to_string(rows) + ") g");
  }
  bool SaysWithin(Daemon* daemon, const std::string& words, milliseconds deadline = seconds(30)) {
    return Eventually(deadline, [&] { return daemon->log().find(words) != std::string::npos; });
  }
  // Inserts rows; a position before which they are, and past which a segment ends once the last one
  // is archived.
  Lsn InsertedUpTo() {
    Insert(10);
    const Lsn lsn = source_.Connect().CurrentLsn();
    Insert(1);
    return lsn;
  }
  // The process that holds the slot, "" for none.
  std::string Walsender() {
    return source_.Connect().One(
        "SELECT active_pid FROM pg_catalog.pg_replication_slots WHERE slot_name = 'trunkline'");
  }
  void ExpectComplete(Daemon* daemon) {
    const ExactState state = TakeExactState(source_.conninfo(), "trunkline");
    Insert(1);  // so that a segment ends past it
    daemon->AwaitEnd(state.lsn, seconds(60));
    EXPECT_EQ(daemon->Stop().exit_code, 0) << daemon->log();
    const Outcome verified = Trunkline({"verify", archive()});
    EXPECT_EQ(verified.exit_code, 0) << verified;
    const Outcome replayed = Trunkline({"replay", archive(), "--at", "lsn:" + state.lsn.ToString(),
                                        "--to", "csv:" + (folder_ / "csv")});
    ASSERT_EQ(replayed.exit_code, 0) << replayed;
    EXPECT_EQ(FolderDifference(state.tables, folder_ / "csv"), "");
  }
  // As where its file system is unmounted: an empty folder is left.
  void TakeArchiveAway() {
    fs::rename(folder_ / "disk", folder_ / "away");
    fs::create_directories(archive());
  }
  void BringArchiveBack() {
    EXPECT_TRUE(fs::is_empty(archive())) << "written underneath";
    fs::remove_all(folder_ / "disk");
    fs::rename(folder_ / "away", folder_ / "disk");
  }

  Source source_;
  TempFolder folder_;
};

TEST_F(StoreOutageTest, AwayForLongerThanTheServersPatience) {
  Daemon daemon = NewDaemon();
  daemon.Start();
  daemon.AwaitSnapshot();
  daemon.AwaitEnd(InsertedUpTo());
  const std::string walsender = Walsender();
  TakeArchiveAway();
  for (int i = 0; i < 20; ++i) {
    Insert(100);
    std::this_thread::sleep_for(milliseconds(200));
  }
  EXPECT_TRUE(SaysWithin(&daemon, "does not take the segment"));
  EXPECT_EQ(Walsender(), walsender) << "feedback did not flow";
  BringArchiveBack();
  EXPECT_TRUE(SaysWithin(&daemon, "over, after", seconds(60)));
  ExpectComplete(&daemon);
}

TEST_F(StoreOutageTest, NotThereWhenTheSourceComesBack) {
  Daemon daemon = NewDaemon();
  daemon.Start();
  daemon.AwaitSnapshot();
  daemon.AwaitEnd(InsertedUpTo());
  TakeArchiveAway();
  source_.Connect().Do("SELECT pg_catalog.pg_terminate_backend(" + Walsender() + ")");
  EXPECT_TRUE(SaysWithin(&daemon, "mounted"));
  Insert(10);
  BringArchiveBack();
  ExpectComplete(&daemon);
}

TEST_F(StoreOutageTest, AStopDoesNotWaitForIt) {
  Daemon daemon = NewDaemon();
  daemon.Start();
  daemon.AwaitSnapshot();
  daemon.AwaitEnd(InsertedUpTo());
  TakeArchiveAway();
  Insert(10);
  EXPECT_TRUE(SaysWithin(&daemon, "does not take the segment"));
  daemon.program().Signal(SIGTERM);
  const Outcome stopped = daemon.program().Wait(seconds(50));
  EXPECT_EQ(stopped.exit_code, 1) << stopped;
  EXPECT_THAT(stopped.err, HasSubstr("the archive does not take the changes from 0/"));
  EXPECT_THAT(stopped.err, HasSubstr("they stay with the source"));
  BringArchiveBack();
  daemon.Start();
  ExpectComplete(&daemon);
}

TEST_F(StoreOutageTest, FullThenEnlarged) {
  Disk disk(folder_ / "disk", "4m");
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount";
  Daemon daemon = NewDaemon();
  daemon.Start();
  daemon.AwaitSnapshot();
  ASSERT_TRUE(Eventually(seconds(60), [&] {
    Insert(500);
    return daemon.log().find("free space") != std::string::npos;
  }));
  std::this_thread::sleep_for(seconds(2));
  EXPECT_THAT(daemon.log(), Not(HasSubstr("trying again in"))) << "the stream was given up";
  disk.Remount("size=64m");
  ExpectComplete(&daemon);
}

TEST_F(StoreOutageTest, ReadOnlyThenWritable) {
  Disk disk(folder_ / "disk", "64m");
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount";
  Daemon daemon = NewDaemon();
  daemon.Start();
  daemon.AwaitSnapshot();
  disk.Remount("size=64m", MS_RDONLY);
  Insert(10);
  EXPECT_TRUE(SaysWithin(&daemon, "read-only"));
  disk.Remount("size=64m");
  ExpectComplete(&daemon);
}

TEST_F(StoreOutageTest, TheSpoolsDiskIsFullThenEnlarged) {
  fs::create_directories(folder_ / "disk");
  Disk disk(folder_ / "spool", "8m");
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount";
  Daemon daemon = NewDaemon({"--spool", folder_ / "spool"});
  daemon.Start();
  daemon.AwaitSnapshot();
  Insert(40'000);
  EXPECT_TRUE(SaysWithin(&daemon, "free space", seconds(60)));
  disk.Remount("size=256m");
  ExpectComplete(&daemon);
  EXPECT_TRUE(fs::is_empty(folder_ / "spool"));
}

// The disk ends before --spool-max-bytes does.
TEST_F(StoreOutageTest, TheDiskOfWhatIsConfirmedIsFull) {
  fs::create_directories(folder_ / "disk");
  Disk disk(folder_ / "spool", "2m");
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount";
  // Segments well below what the disk holds, however much the loop below inserts.
  Daemon daemon = NewDaemon(
      {"--confirm", "spooled", "--spool", folder_ / "spool", "--segment-max-bytes", "200kB"});
  daemon.Start();
  daemon.AwaitSnapshot();
  daemon.AwaitEnd(InsertedUpTo());
  const std::string walsender = Walsender();
  TakeArchiveAway();
  ASSERT_TRUE(Eventually(seconds(60), [&] {
    Insert(500);
    return daemon.log().find("free space") != std::string::npos;
  }));
  std::this_thread::sleep_for(seconds(2));
  EXPECT_EQ(Walsender(), walsender) << "feedback did not flow";
  BringArchiveBack();
  ExpectComplete(&daemon);
}

}  // namespace
}  // namespace trunkline::test
