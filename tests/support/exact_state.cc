#include "tests/support/exact_state.h"

#include <atomic>

#include "base/percent.h"
#include "tests/support/must.h"

namespace trunkline::test {
namespace {

using postgres::QuoteIdentifier;
using postgres::QuoteLiteral;

std::string TablesOf(const std::string& publication) {
  return "SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = " +
         QuoteLiteral(publication) + " ORDER BY 1, 2";
}

std::string Qualified(const std::vector<std::string>& table) {
  return QuoteIdentifier(table[0]) + "." + QuoteIdentifier(table[1]);
}

std::string FileName(const std::vector<std::string>& table) {
  return PercentEncode(table[0]) + "." + PercentEncode(table[1]) + ".csv";
}

std::string NewSlotName() {
  static std::atomic<int> counter = 0;
  return "exact_state_" + std::to_string(++counter);
}

}  // namespace

ExactState TakeExactState(const std::string& conninfo, const std::string& publication) {
  Session locker(conninfo);
  const auto tables = locker.Table(TablesOf(publication));
  locker.Do("BEGIN");
  for (const auto& table : tables) {
    locker.Do("LOCK TABLE ONLY " + Qualified(table) + " IN ACCESS SHARE MODE");
  }
  Session exporter(conninfo, postgres::Mode::kReplication);
  const auto slot = exporter.Table("CREATE_REPLICATION_SLOT " + NewSlotName() +
                                   " TEMPORARY LOGICAL test_decoding EXPORT_SNAPSHOT");
  ExactState state;
  state.lsn = Must(Lsn::Parse(slot.at(0).at(1)));
  Session reader(conninfo);
  reader.Do("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  reader.Do("SET TRANSACTION SNAPSHOT " + QuoteLiteral(slot.at(0).at(2)));
  for (const auto& table : tables) {
    state.tables[FileName(table)] =
        reader.CopyOut("COPY " + Qualified(table) + " TO STDOUT (FORMAT csv, HEADER)");
  }
  for (const auto& table : reader.Table(TablesOf(publication))) {
    if (!state.tables.contains(FileName(table))) state.unread.push_back(FileName(table));
  }
  return state;
}

}  // namespace trunkline::test
