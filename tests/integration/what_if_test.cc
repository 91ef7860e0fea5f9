// --skip: a rebuild without a transaction is what a database holds that never had it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/refusal.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kStock[] = R"(
  CREATE TABLE public.stock (id integer PRIMARY KEY, name text, pieces integer, note text);
  CREATE PUBLICATION trunkline FOR ALL TABLES;
  INSERT INTO public.stock SELECT g, 'nut ' || g, 10, NULL FROM pg_catalog.generate_series(1, 9) g)";
constexpr char kMistake[] = R"(
  BEGIN; UPDATE public.stock SET pieces = 0, note = 'gone?'; DELETE FROM public.stock WHERE id = 9;
  INSERT INTO public.stock VALUES (20, 'secret', 1, NULL); COMMIT)";
constexpr char kLater[] = R"(
  UPDATE public.stock SET name = 'peanut' WHERE id = 1;
  UPDATE public.stock SET id = 30 WHERE id = 2;
  DELETE FROM public.stock WHERE id = 3;
  INSERT INTO public.stock VALUES (10, 'new', 5, ''))";

class SkipTest : public testing::Test {
 protected:
  SkipTest() : conninfo_(source_.NewDatabase("origin", kStock)), session_(conninfo_) { Capture(); }
  void Capture() { ASSERT_EQ(daemon_.RunTo("now").exit_code, 0) << daemon_.log(); }
  // Makes the mistake; its transaction id.
  std::string Err() {
    const std::string xid = session_.One("SELECT pg_catalog.txid_current() + 1");
    session_.Do(kMistake);
    return "xid:" + xid;
  }
  Outcome Query(std::vector<std::string> more) {
    std::vector<std::string> command = {"query",    daemon_.archive(),
                                        "--at",     "latest",
                                        "--format", "csv",
                                        "-c",       "SELECT * FROM public.stock ORDER BY id"};
    command.insert(command.end(), more.begin(), more.end());
    return Trunkline(command);
  }

  Source source_;
  std::string conninfo_;
  TempFolder folder_;
  Session session_;
  Daemon daemon_{{.source = conninfo_, .archive = folder_ / "archive"}};
};

TEST_F(SkipTest, EqualsATwinThatNeverHadTheTransaction) {
  const std::string twin = source_.NewDatabase("twin", kStock);
  const std::string skip = Err();
  for (Session* each : {&session_}) each->Do(kLater);
  Session(twin).Do(kLater);
  Capture();
  const Outcome without = Query({"--skip", skip});
  EXPECT_EQ(without.exit_code, 0) << without;
  EXPECT_EQ(without.out, "id,name,pieces,note\n" +
                             Session(twin).CopyOut("COPY (SELECT * FROM public.stock ORDER BY id) "
                                                   "TO STDOUT (FORMAT csv)"));
  EXPECT_THAT(without.err,
              AllOf(HasSubstr("11 changes of 1 table left out"), HasSubstr("\n0 conflicts"),
                    HasSubstr("2 updates of rows that it had changed")));
}

TEST_F(SkipTest, ConflictsAreCountedAndListedWithTheirKeysWhereAskedFor) {
  const std::string skip = Err();
  session_.Do("UPDATE public.stock SET pieces = 7 WHERE id = 20");
  session_.Do("INSERT INTO public.stock VALUES (9, 'again', 1, NULL)");
  Capture();
  const std::string file = folder_ / "conflicts";
  const Outcome without = Trunkline({"replay", daemon_.archive(), "--at", "latest", "--skip", skip,
                                     "--conflicts", file, "--to", "csv:" + (folder_ / "csv")});
  EXPECT_EQ(without.exit_code, 0) << without;
  EXPECT_THAT(without.err,
              AllOf(HasSubstr("2 conflicts:\n"),
                    HasSubstr("public.stock: 1 change of rows that are not there then"),
                    HasSubstr("public.stock: 1 row with a key that another one has then"),
                    testing::Not(HasSubstr("again"))));
  EXPECT_THAT(ReadFile(folder_ / "csv/public.stock.csv"), HasSubstr("9,again,1,\n"));
  const std::string lines = ReadFile(file);
  EXPECT_THAT(lines, HasSubstr(R"("kind":"missing_row","schema":"public","table":"stock",)"
                               R"("operation":"update")"));
  EXPECT_THAT(lines, HasSubstr(R"("key":{"id":"20"}})"));
  EXPECT_THAT(lines, HasSubstr(R"("kind":"taken_key")"));

  ExpectRefused(Query({"--skip", "xid:1"}), kFailed, HasSubstr("no transaction xid:1"));
  ExpectRefused(Query({"--skip", "20"}), kUsage, HasSubstr("names no transaction"));
  ExpectRefused(Query({"--conflicts", file}), kUsage, HasSubstr("--skip alone"));
}

}  // namespace
}  // namespace trunkline::test
