// The load itself: that it does what the other tests take it to do.
#include "tests/integration/load.h"

#include <gtest/gtest.h>

#include "tests/integration/every_type.h"
#include "tests/support/program.h"
#include "tests/support/source.h"

namespace trunkline::test {
namespace {

int CommitSome(const std::string& conninfo, int steps) {
  Writer writer(conninfo, 1);
  int committed = 0;
  for (int i = 0; i < steps; ++i) committed += writer.Step() ? 1 : 0;
  return committed;
}

TEST(LoadTest, ReachesEveryTypeAndEveryTable) {
  Source source;
  const std::string conninfo = source.conninfo();
  CreateLoadSchema(conninfo);
  Session session(conninfo);
  for (const auto& row : session.Table(MissingTypesQuery())) {
    ADD_FAILURE() << "no column of type " << row[0];
  }
  EXPECT_GT(CommitSome(conninfo, 1500), 1100);
  // The writer's backend reports its counts when it ends.
  std::vector<std::vector<std::string>> untouched;
  Eventually(seconds(10), [&] {
    untouched = session.Table(
        "SELECT relid::pg_catalog.regclass FROM pg_catalog.pg_stat_user_tables s "
        "JOIN pg_catalog.pg_class c ON c.oid = relid "
        "WHERE n_tup_ins = 0 AND relkind = 'r' AND s.relname <> 'empty'");
    return untouched.empty();
  });
  for (const auto& row : untouched) ADD_FAILURE() << row[0] << " got no row";
}

}  // namespace
}  // namespace trunkline::test
