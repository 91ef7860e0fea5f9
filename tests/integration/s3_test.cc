// An archive in S3: the daemon killed, restarted, and kept waiting by its store; then rebuilt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/catalog.h"
#include "tests/s3_server/process.h"
#include "tests/s3_server/server.h"
#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/must.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;

class S3ArchiveTest : public testing::Test {
 protected:
  S3ArchiveTest() : store_(Must(OpenStore(archive()))) {
    source_.Connect().Do(
        "CREATE TABLE public.\"t.1\" (id bigserial PRIMARY KEY, v text); "
        "CREATE PUBLICATION trunkline FOR ALL TABLES");
    Insert(1000);
  }

  std::string archive() const { return S3Url(server_.endpoint(), "demo archive"); }
  Daemon NewDaemon(const std::string& place) {
    return Daemon({.source = source_.conninfo(),
                   .archive = place,
                   .arguments = {"--segment-max-age", "50ms"}});
  }
  void Insert(int rows) {
    source_.Connect().Do(
        "INSERT INTO public.\"t.1\" (v) SELECT pg_catalog.md5(g::text) "
        "FROM pg_catalog.generate_series(1, " +
        std::to_string(rows) + ") g; DELETE FROM public.\"t.1\" WHERE id % 7 = 3");
  }
  size_t Segments() const { return Must(store_->List("changes/")).size(); }
  // Inserts until so many segments more are archived.
  bool Grows(size_t segments) {
    const size_t enough = Segments() + segments;
    return Eventually(seconds(60), [&] {
      Insert(20);
      return Segments() >= enough;
    });
  }

  S3TestServer server_;
  Source source_;
  TempFolder folder_;
  std::unique_ptr<Store> store_;
};

TEST_F(S3ArchiveTest, KilledAndKeptWaitingItRebuildsWhatTheSourceHad) {
  Daemon daemon = NewDaemon(archive());
  for (int round = 0; round < 3; ++round) {
    daemon.Start();
    ASSERT_TRUE(Grows(3)) << daemon.log();
    daemon.Kill();
  }
  daemon.Start();
  ASSERT_TRUE(Grows(1)) << daemon.log();
  server_.program().Signal(SIGSTOP);
  for (int i = 0; i < 20; ++i) Insert(20);
  server_.program().Signal(SIGCONT);
  ASSERT_TRUE(Grows(1)) << daemon.log();
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();

  const ExactState state = TakeExactState(source_.conninfo(), "trunkline");
  Insert(1);  // so that a segment ends past it
  EXPECT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  const Outcome verified = Trunkline({"verify", archive()});
  EXPECT_EQ(verified.exit_code, 0) << verified;
  const Outcome replayed = Trunkline({"replay", archive(), "--at", "lsn:" + state.lsn.ToString(),
                                      "--to", "csv:" + (folder_ / "csv")});
  ASSERT_EQ(replayed.exit_code, 0) << replayed;
  EXPECT_EQ(FolderDifference(state.tables, folder_ / "csv"), "");
}

TEST_F(S3ArchiveTest, SaysWhatIsWrongWithABucketOrItsKeys) {
  const auto run = [&](const std::string& bucket) {
    const Outcome outcome =
        NewDaemon("s3://" + bucket + "/x?endpoint=" + server_.endpoint()).RunTo("now");
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_EQ(outcome.err.find(kS3SecretKey), std::string::npos);
    return outcome.err;
  };
  EXPECT_THAT(run("nowhere"), HasSubstr("create the bucket"));
  setenv("AWS_ACCESS_KEY_ID", "somebody", 1);
  EXPECT_THAT(run(kS3Bucket), HasSubstr("InvalidAccessKeyId"));
  unsetenv("AWS_ACCESS_KEY_ID");
  unsetenv("AWS_SECRET_ACCESS_KEY");
  EXPECT_THAT(run(kS3Bucket), HasSubstr("there are no credentials for S3"));
  UseS3Credentials();
}

}  // namespace
}  // namespace trunkline::test
