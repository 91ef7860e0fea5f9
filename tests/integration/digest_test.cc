// Digests of an archive and of its source are the same; an audit finds what is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/integration/load.h"
#include "tests/integration/refusal.h"
#include "tests/support/http.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;
using testing::Not;

void InstallDigests(const std::string& conninfo) {
  Session(conninfo).Do(ReadFile(SourceFile("sql/digest.sql")));
}

// As `trunkline digest` prints it.
std::string DigestsAtSource(const std::string& conninfo) {
  std::string text;
  for (const auto& row : Session(conninfo).Table("SELECT * FROM trunkline.digests('trunkline')")) {
    text += row[0] + " " + row[1] + " " + row[2] + "\n";
  }
  return text;
}

TEST(DigestTest, OfEveryTypeAndTableAgreesWithTheSource) {
  Source source;
  const std::string conninfo = source.NewDatabase("origin");
  CreateLoadSchema(conninfo);
  InstallDigests(conninfo);
  TempFolder folder;
  Daemon daemon({.source = conninfo, .archive = folder / "archive"});
  Writer writer(conninfo, 5);
  for (int i = 0; i < 300; ++i) writer.Step();
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  for (int i = 0; i < 300; ++i) writer.Step();
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();

  const std::string want = DigestsAtSource(conninfo);
  EXPECT_THAT(want, HasSubstr(" shop.every_type\n"));
  const Outcome digest = Trunkline({"digest", daemon.archive()});
  EXPECT_EQ(digest.exit_code, 0) << digest;
  EXPECT_EQ(digest.out, want);

  // Any row that is not the same shows, however small the difference.
  Session(conninfo).Do("INSERT INTO shop.no_key VALUES (1, NULL, 1.0, '-0')");
  EXPECT_NE(DigestsAtSource(conninfo), want);
  ExpectOneLine(Trunkline({"digest", daemon.archive(), "--tables", "nothing"}), kFailed,
                HasSubstr("no table \"nothing\""));
}

TEST(DigestTest, OfWhatIsPublishedAgreesWithTheSource) {
  Source source;
  if (source.major() < 15) GTEST_SKIP() << "publications have no column lists and row filters";
  const std::string conninfo = source.NewDatabase("origin", R"(
    CREATE TABLE public.t (secret text, id integer PRIMARY KEY, v text, twice integer
      GENERATED ALWAYS AS (id * 2) STORED);
    CREATE TABLE public.p (id integer PRIMARY KEY, v text) PARTITION BY RANGE (id);
    CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (0) TO (10);
    CREATE TABLE public.p2 (v text, id integer NOT NULL);
    ALTER TABLE public.p ATTACH PARTITION public.p2 DEFAULT;
    CREATE PUBLICATION trunkline FOR TABLE public.t (id, v) WHERE (id > 3), public.p
      WITH (publish_via_partition_root);
    INSERT INTO public.t SELECT 's', g, 'v' FROM pg_catalog.generate_series(1, 9) g;
    INSERT INTO public.p SELECT g, g FROM pg_catalog.generate_series(1, 20) g)");
  InstallDigests(conninfo);
  TempFolder folder;
  Daemon daemon({.source = conninfo, .archive = folder / "archive"});
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  Session session(conninfo);
  session.Do(
      "UPDATE public.t SET id = -id, v = NULL WHERE id % 2 = 0; UPDATE public.p SET v = 'x'");
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  const Outcome digest = Trunkline({"digest", daemon.archive()});
  EXPECT_EQ(digest.exit_code, 0) << digest;
  EXPECT_EQ(digest.out, DigestsAtSource(conninfo));
  EXPECT_THAT(digest.out, HasSubstr(" 20 public.p\n"));
  EXPECT_EQ(session.One("SELECT trunkline.digest('public.p')"), digest.out.substr(0, 32));
}

double AuditFigure(int port, const std::string& name) {
  std::istringstream lines(HttpGet(port, "/metrics").body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) return std::stod(line.substr(name.size() + 1));
  }
  return -1;
}

TEST(AuditTest, FindsNothingUnderLoadAndThenWhatTheArchiveLacks) {
  // The shorter, the oftener the daemon looks up from a silent stream.
  Source source({.settings = {"wal_sender_timeout = 3s"}});
  const std::string conninfo = source.NewDatabase("origin");
  CreateLoadSchema(conninfo);
  InstallDdlCapture(conninfo);
  TempFolder folder;
  const int port = FreePort();
  Daemon daemon({.source = conninfo,
                 .archive = folder / "archive",
                 .arguments = {"--segment-max-age", "300ms", "--audit-every", "200ms", "--http",
                               std::to_string(port)}});
  {
    ConcurrentLoad load(conninfo, 2, 4711);
    daemon.Start();
    daemon.AwaitSnapshot();
    EXPECT_TRUE(Eventually(seconds(90), [&] {
      return AuditFigure(port, "trunkline_audits_total") >= 2;
    })) << daemon.log();
  }
  EXPECT_EQ(AuditFigure(port, "trunkline_audit_mismatches_total"), 0) << daemon.log();

  // What nobody publishes is not archived, and nothing but an audit can tell.
  Session session(conninfo);
  session.Do("INSERT INTO shop.parent VALUES (987654, 'before')");
  session.Do("ALTER PUBLICATION trunkline SET (publish = 'insert')");
  session.Do("UPDATE shop.parent SET name = 'unseen' WHERE id = 987654");
  session.Do("ALTER PUBLICATION trunkline SET (publish = 'insert, update, delete, truncate')");
  EXPECT_TRUE(Eventually(seconds(90), [&] {
    return AuditFigure(port, "trunkline_audit_mismatches_total") >= 1;
  })) << daemon.log();
  EXPECT_EQ(HttpGet(port, "/readyz").status, 200);
  const Outcome stopped = daemon.Stop();
  EXPECT_EQ(stopped.exit_code, 0);
  EXPECT_THAT(daemon.log(), HasSubstr("the table shop.parent has "));
  EXPECT_THAT(daemon.log(), HasSubstr("THE ARCHIVE IS NOT WHAT THE SOURCE HOLDS in 1 of "));
  EXPECT_THAT(daemon.log(), Not(HasSubstr("unseen")));
}

}  // namespace
}  // namespace trunkline::test
