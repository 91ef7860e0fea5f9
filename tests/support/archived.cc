#include "tests/support/archived.h"

#include "archive/catalog.h"
#include "tests/support/must.h"

namespace trunkline::test {
namespace {

class Collector : public TransactionSink {
 public:
  Result<void> Begin(const TransactionInfo&) override { return {}; }
  Result<void> OnChange(const Change&) override { return {}; }
  Result<void> Commit(const TransactionInfo& transaction) override {
    if (transaction.xid.valid()) transactions.push_back(transaction);
    return {};
  }
  std::vector<TransactionInfo> transactions;
};

}  // namespace

std::vector<TransactionInfo> ArchivedTransactions(const std::string& archive) {
  const std::unique_ptr<Store> store = Must(OpenStore(archive));
  const Catalog catalog = Must(LoadCatalog(*store));
  Collector collector;
  for (const SegmentEntry& segment : catalog.segments) {
    Must(Must(OpenSegment(*store, segment.name))->ForEach(&collector));
  }
  return std::move(collector.transactions);
}

}  // namespace trunkline::test
