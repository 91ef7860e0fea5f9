#include "tests/support/twin_slot.h"

#include "tests/support/must.h"

namespace trunkline::test {

TwinSlot::TwinSlot(const std::string& conninfo) : session_(conninfo) {
  session_.Do(
      "SELECT pg_catalog.pg_create_logical_replication_slot('twin', 'test_decoding') "
      "WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = 'twin')");
}

std::vector<TwinLine> TwinSlot::Lines() {
  std::vector<TwinLine> lines;
  for (auto& row :
       session_.Table("SELECT * FROM pg_catalog.pg_logical_slot_peek_changes('twin', NULL, NULL, "
                      "'include-xids', '1', 'skip-empty-xacts', '1')")) {
    lines.push_back({Must(Lsn::Parse(row[0])), Xid{static_cast<uint32_t>(std::stoul(row[1]))},
                     std::move(row[2])});
  }
  return lines;
}

std::vector<Xid> TwinSlot::Transactions(Lsn from) {
  std::vector<Xid> transactions;
  for (const TwinLine& line : Lines()) {
    if (line.text.starts_with("COMMIT") && line.lsn > from) transactions.push_back(line.xid);
  }
  return transactions;
}

}  // namespace trunkline::test
